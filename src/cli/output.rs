//! What the program tells: results on the standard output, in words or as one JSON object, and everything else on the standard
//! error, unless it is to be quiet.

use std::io::Write;
use std::sync::OnceLock;

/// How the program talks.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Talk {
    /// Print one JSON object instead of words; its keys: docs/json.md
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no notes
    #[arg(long, global = true)]
    pub quiet: bool,
}

static TALK: OnceLock<Talk> = OnceLock::new();

impl Talk {
    /// Settles it for the whole program.
    pub fn set(self) {
        let _ = TALK.set(self);
    }

    pub fn get() -> Self {
        TALK.get().copied().unwrap_or_default()
    }
}

/// Where results in words go: nowhere, where they are asked for as JSON.
pub(super) fn stdout() -> Box<dyn Write> {
    if Talk::get().json { Box::new(std::io::sink()) } else { Box::new(std::io::stdout().lock()) }
}

/// Prints a line of a result in words.
macro_rules! say {
    ($($words:tt)*) => {
        if !$crate::cli::output::Talk::get().json {
            println!($($words)*);
        }
    };
}

/// Prints a line that is no result.
macro_rules! note {
    ($($words:tt)*) => {
        if !$crate::cli::output::Talk::get().quiet {
            eprintln!($($words)*);
        }
    };
}

pub(super) use {note, say};
