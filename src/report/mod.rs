//! Tables and figures of a run. The plotting crate is named here and nowhere else.

mod canvas;
mod equity;
mod learning;
mod performance;
mod volatility;

pub use equity::{Curve, equity_figure};
pub use learning::{LearningCurve, learning_figure};
pub use performance::{Performance, markdown_table, performance_table, terminal_table};
pub use volatility::volatility_figure;
