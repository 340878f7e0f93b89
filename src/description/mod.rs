//! The description of a run: the experiment that it computes, and the provenance of its results. `run.toml` is read
//! into the same types that wrote it.

mod choices;
mod evidence;
mod experiment;
mod explained;
mod portfolio_name;
mod provenance;
mod run_file;
mod simulation;
mod sweep;

pub use choices::{FromRecipe, ORACLE, TRAIN, UsedNetwork};
pub use evidence::EvidenceKeys;
pub use experiment::{Compare, Data, Experiment, Figures, WalkForward};
pub use portfolio_name::PortfolioName;
pub use provenance::{ExclusionCount, Provenance};
pub use run_file::RunFile;
pub use simulation::{Leverage, LeverageGrid, Rates, RatesTable, Simulation};
pub use sweep::{Point, Sweep};
