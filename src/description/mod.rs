//! What a run is: the experiment that asks for it, and where its results come from. `run.toml` is read into the types that wrote it.

mod choices;
mod experiment;
mod explained;
mod portfolio_name;
mod provenance;
mod run_file;
mod simulation;

pub use choices::{FromRecipe, ORACLE, TRAIN};
pub use experiment::{Compare, Data, Experiment, Figures, Sweep, WalkForward};
pub use portfolio_name::PortfolioName;
pub use provenance::{ExclusionCount, Provenance};
pub use run_file::RunFile;
pub use simulation::{Leverage, LeverageGrid, Rates, RatesTable, Simulation};
