//! Progress on the terminal: a bar where there is one, lines in a log file.

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::experiment::{Progress, Training};

/// A bar for what is being done now.
pub(super) struct Shown {
    bar: ProgressBar,
    /// What the bar counts.
    what: String,
    /// Tenths said so far where there is no terminal.
    tenths: usize,
}

impl Shown {
    pub fn new() -> Self {
        Self { bar: ProgressBar::new(0), what: String::new(), tenths: 0 }
    }

    /// Dates done, or the network that is trained before they can go on.
    pub fn run(&mut self, progress: &Progress) {
        match &progress.training {
            Some(training) => self.training(training),
            None => {
                let what = progress.what;
                let what = progress.size.map_or_else(|| what.to_string(), |size| format!("{what} at n = {size}"));
                self.show(&what, progress.done, progress.total, String::new());
            }
        }
    }

    /// Steps, loss and throughput of a network.
    pub fn training(&mut self, training: &Training) {
        let p = &training.progress;
        let validation = p.validation.map(|v| format!(", validation {v:.4}")).unwrap_or_default();
        let state = format!(", loss {:.4}{validation}, {:.0} samples/s", p.loss, p.samples_per_second);
        self.show(&format!("steps of {} for {}", training.name, training.year), p.step, p.steps, state);
    }

    fn show(&mut self, what: &str, done: usize, total: usize, state: String) {
        let tenth = done * 10 / total.max(1);
        if self.what != what {
            // Dates go on behind a training; only at the start of the program do they continue an earlier one.
            let continued = if what.starts_with("dates") { self.what.is_empty() && done > 0 } else { done > 1 };
            self.what = what.to_string();
            self.tenths = tenth;
            let template = "{wide_bar} {pos}/{len} {msg}, {elapsed} elapsed, {eta} left";
            self.bar.set_style(ProgressStyle::with_template(template).expect("the template is a constant"));
            self.bar.set_length(total as u64);
            self.bar.set_position(done as u64);
            self.bar.reset();
            self.bar.set_position(done as u64);
            self.bar.reset_eta();
            if continued {
                eprintln!("continuing behind {done} of {total} {what}");
            }
        }
        self.bar.set_message(format!("{what}{state}"));
        self.bar.set_position(done as u64);
        if self.bar.is_hidden() && tenth > self.tenths {
            eprintln!("{done} of {total} {what}{state}, {} left", HumanDuration(self.bar.eta()));
            self.tenths = tenth;
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
