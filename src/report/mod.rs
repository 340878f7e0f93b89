//! Tables and figures of a run. The plotting crate is named here and nowhere else.

mod account;
mod bridge;
mod canvas;
mod drawdown;
mod eigenvalues;
mod equity;
mod learning;
mod leverage;
mod lines;
mod performance;
mod runtime;
mod size;
mod volatility;

pub use account::{AccountRow, COMPONENTS, account_table, account_tables, annual_bps, dollars};
pub use bridge::bridge_figure;
pub use drawdown::drawdown_figure;
pub use eigenvalues::eigenvalue_figure;
pub use equity::{Curve, equity_figure};
pub use learning::{LearningCurve, learning_figure};
pub use leverage::{LeverageSeries, leverage_csv, leverage_figure, leverage_table};
pub use performance::{Performance, markdown_table, performance_table, terminal_table};
pub use runtime::{Runtime, RuntimePoint, runtime_figure};
pub use size::{SizeSeries, size_figure, size_table};
pub use volatility::volatility_figure;
