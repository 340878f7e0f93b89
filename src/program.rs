//! Identifies the program that computed a result, and decides whether another one may continue it.

use serde::{Deserialize, Serialize};

/// The number of the computation. It is raised by hand when any bit of any result changes, and only then.
///
/// Unfinished runs, simulations and trainings can be continued by every program with the same number, and by no
/// other. Finished models are read by every later program. `tests/it/pinned.rs` computes `experiments/quick.toml` again and holds
/// it to the committed results within 1e-7: other processors round the last bits otherwise. A change of fewer bits than that must
/// be noticed by whoever makes it.
pub const COMPUTATION: u32 = 6;

/// The computation in the form in which it enters the identity of unfinished work and of models.
pub fn computation() -> String {
    named(COMPUTATION)
}

/// All computations so far in that form, the newest first.
pub fn computations() -> impl Iterator<Item = String> {
    (1..=COMPUTATION).rev().map(named)
}

fn named(computation: u32) -> String {
    match computation {
        // Some models were trained before the computation had a number: they contain the version of that time.
        1 => "0.1.0".to_string(),
        number => format!("computation {number}"),
    }
}

/// The program in the provenance of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Version of minvar.
    pub version: String,
    /// Commit of the source, followed by `-dirty` if there were uncommitted changes.
    pub commit: String,
}

impl Program {
    /// This program.
    pub fn this() -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_string(), commit: env!("MINVAR_COMMIT").to_string() }
    }
}

/// Why a file of format `found` cannot be read by a program that knows formats up to `newest`; nothing if it can.
pub fn refused_format(found: u32, newest: u32) -> Option<String> {
    (found > newest).then(|| {
        format!("it is written in format {found}, and this program reads formats up to {newest}; use a newer minvar")
    })
}
