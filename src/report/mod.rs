//! Tables and figures of a run. The plotting crate is named here and nowhere else.

mod canvas;
mod eigenvalues;
mod equity;
mod learning;
mod performance;
mod runtime;
mod size;
mod volatility;

pub use eigenvalues::eigenvalue_figure;
pub use equity::{Curve, equity_figure};
pub use learning::{LearningCurve, learning_figure};
pub use performance::{Performance, markdown_table, performance_table, terminal_table};
pub use runtime::{Runtime, RuntimePoint, runtime_figure};
pub use size::{SizeSeries, size_figure, size_table};
pub use volatility::volatility_figure;
