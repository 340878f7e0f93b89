//! Which program computed a result, and whether another one may go on with it.

use serde::{Deserialize, Serialize};

/// The number of the computation: raised by hand when any result changes in any bit, and only then.
///
/// Unfinished runs, simulations and trainings continue under every program of the same number, and under no other. The results
/// that pin it are those of `experiments/quick.toml`: `tests/it/pinned.rs` computes them again.
pub const COMPUTATION: u32 = 1;

/// The computation as it enters the identity of unfinished work and of models.
pub fn computation() -> String {
    match COMPUTATION {
        // Models were trained before the computation had a number: they carry the version that it had then.
        1 => "0.1.0".to_string(),
        number => format!("computation {number}"),
    }
}

/// What the provenance of a result says of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Version of minvar.
    pub version: String,
    /// Commit of the source; `-dirty` where it had changes.
    pub commit: String,
}

impl Program {
    /// This program.
    pub fn this() -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_string(), commit: env!("MINVAR_COMMIT").to_string() }
    }
}
