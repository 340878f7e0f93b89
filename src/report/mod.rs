//! Tables and figures of a run. The plotting crate is named here and nowhere else.

mod account;
mod bridge;
mod calibration;
mod canvas;
mod courses;
mod eigenvalues;
mod frames;
mod learning;
mod leverage;
mod network;
mod performance;
mod periods;
mod png;
mod rows;
mod runtime;
mod sheet;
mod size;
mod volatility;

pub use account::{AccountRow, COMPONENTS, account_sheets, account_table, annual_bps, dollars};
pub use bridge::bridge_figure;
pub use calibration::{Prediction, calibration_figure};
pub use canvas::{Figure, Picture, style};
pub use courses::{Curve, Group, drawdown_figure, equity_figure, rolling_figure};
pub use eigenvalues::{EigenvalueCurve, eigenvalue_figure};
pub use learning::{LearningCurve, learning_figure};
pub use leverage::{LeveragePoint, LeverageSeries, leverage_csv, leverage_figure, leverage_sheet, leverage_summary};
pub use network::{Learned, lag_figure, marginal_figure, power_law};
pub use performance::{Performance, performance_sheet, performance_table};
pub use periods::{Labelled, PERIODS, Period, periods_figure};
pub use png::Page;
pub use runtime::{Runtime, RuntimePoint, runtime_figure};
pub use sheet::Sheet;
pub use size::{SizeSeries, size_figure, size_sheets};
pub use volatility::{turnover_figure, volatility_figure};
