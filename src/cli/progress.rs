//! Progress of a command: bars on a terminal, lines in a log file otherwise.

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::{Talk, note};
use crate::description::Point;
use crate::experiment::{Progress, Training};

/// The progress bars of everything under way: dates, accounts, each network in training.
pub(super) struct Shown {
    bars: MultiProgress,
    lines: Vec<Line>,
}

/// One bar.
struct Line {
    /// The kind of thing it counts.
    what: String,
    bar: ProgressBar,
    /// Tenths reported so far, where there is no terminal.
    tenths: usize,
}

impl Shown {
    pub fn new() -> Self {
        let bars = MultiProgress::new();
        if Talk::get().quiet {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { bars, lines: Vec::new() }
    }

    /// Shows the number of finished dates, or the network whose training they wait for.
    pub fn run(&mut self, progress: &Progress) {
        for note in &progress.notes {
            self.bars.suspend(|| note!("note: {note}"));
        }
        match &progress.training {
            Some(training) => self.training(training),
            None => {
                let what = progress.what;
                let at = |point: &Point| format!("{what} at {}", point.label());
                let what = progress.point.as_ref().map_or_else(|| what.to_string(), at);
                self.show(&what, progress.done, progress.total, String::new());
            }
        }
    }

    /// Shows steps, loss and throughput of a network.
    fn training(&mut self, training: &Training) {
        let p = &training.progress;
        let validation = p.validation.map(|v| format!(", validation {v:.4}")).unwrap_or_default();
        let state = match p.loss.is_nan() {
            true => String::new(),
            false => format!(", loss {:.4}{validation}, {:.0} samples/s", p.loss, p.samples_per_second),
        };
        self.show(&format!("{} of {} for {}", training.what, training.name, training.year), p.step, p.steps, state);
    }

    fn show(&mut self, what: &str, done: usize, total: usize, state: String) {
        let tenth = done * 10 / total.max(1);
        let place = self.lines.iter().position(|line| line.what == what).unwrap_or_else(|| {
            let template = "{wide_bar} {pos}/{len} {msg}, {elapsed} elapsed, {eta} left";
            let bar = self.bars.add(ProgressBar::new(total as u64));
            bar.set_style(ProgressStyle::with_template(template).expect("the template is a constant"));
            bar.set_position(done as u64);
            bar.reset_eta();
            if done > usize::from(!what.starts_with("dates")) {
                self.bars.suspend(|| note!("continuing after {done} of {total} {what}"));
            }
            self.lines.push(Line { what: what.to_string(), bar, tenths: tenth });
            self.lines.len() - 1
        });
        let Line { bar, tenths, .. } = &mut self.lines[place];
        bar.set_message(format!("{what}{state}"));
        bar.set_position(done as u64);
        if bar.is_hidden() && tenth > *tenths {
            note!("{done} of {total} {what}{state}, {} left", HumanDuration(bar.eta()));
            *tenths = tenth;
        }
        if done >= total {
            bar.finish_and_clear();
        }
    }

    /// Removes the bars.
    pub fn clear(&self) {
        self.lines.iter().for_each(|line| line.bar.finish_and_clear());
    }
}
