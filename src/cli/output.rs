//! Output of the program: results on standard output, as text or as one JSON object; progress and notes on standard
//! error, unless `--quiet` is given.

use std::io::Write;
use std::sync::OnceLock;

/// Options for the form and amount of output.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Talk {
    /// Print one JSON object instead of text; its keys are in docs/json.md
    #[arg(long, global = true)]
    pub json: bool,
    /// Print no progress and no notes
    #[arg(long, global = true)]
    pub quiet: bool,
}

static TALK: OnceLock<Talk> = OnceLock::new();

impl Talk {
    /// Sets the options for the whole program; later calls have no effect.
    pub fn set(self) {
        let _ = TALK.set(self);
    }

    pub fn get() -> Self {
        TALK.get().copied().unwrap_or_default()
    }
}

/// Writer for results as text; a sink if they are requested as JSON.
pub(super) fn stdout() -> Box<dyn Write> {
    if Talk::get().json { Box::new(std::io::sink()) } else { Box::new(std::io::stdout().lock()) }
}

/// Prints a line of a result as text.
macro_rules! say {
    ($($words:tt)*) => {
        if !$crate::cli::output::Talk::get().json {
            println!($($words)*);
        }
    };
}

/// Prints a line on standard error, for progress and notes; nothing with `--quiet`.
macro_rules! note {
    ($($words:tt)*) => {
        if !$crate::cli::output::Talk::get().quiet {
            // The reader may have closed the pipe; the work goes on all the same.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($words)*)));
        }
    };
}

pub(super) use {note, say};
