//! Tables and figures of a run. Only this module uses the plotting crate.
//!
//! # Figures
//!
//! A figure is a title and `Picture`s (`render/canvas.rs`): SVG whose coordinates are tenths of a pixel, with the inks
//! of light and dark pages in one style, an embedded font, and groups that name series, axes and values. `frames.rs`
//! draws curves on linear, logarithmic and date axes, `rows.rs` dots in rows. `results/figures.rs` lists the kinds of
//! figures; a kind whose input file is missing reports the file and does not touch its existing figures.
//! `results/page.html` puts the same pictures on one page, where `page.js` reads names and axes back from the groups.

mod account;
#[cfg(feature = "figures")]
mod bridge;
mod calibration;
#[cfg(feature = "figures")]
mod canvas;
#[cfg(feature = "figures")]
mod daily;
mod eigenvalues;
#[cfg(feature = "figures")]
mod exposure;
#[cfg(feature = "figures")]
mod forest;
#[cfg(feature = "figures")]
mod frames;
mod learning;
mod leverage;
mod network;
mod performance;
mod periods;
#[cfg(feature = "figures")]
mod png;
#[cfg(feature = "figures")]
mod roofline;
#[cfg(feature = "figures")]
mod rows;
#[cfg(feature = "figures")]
mod runtime;
mod sheet;
mod size;
#[cfg(feature = "figures")]
mod volatility;

pub use account::{AccountRow, account_sheets, account_table, annual_bps, component_columns, dollars};
#[cfg(feature = "figures")]
pub use bridge::bridge_figure;
pub use calibration::Prediction;
#[cfg(feature = "figures")]
pub use calibration::calibration_figure;
#[cfg(feature = "figures")]
pub use canvas::{Figure, Picture, style};
#[cfg(feature = "figures")]
pub use daily::{Curve, Group, drawdown_figure, equity_figure, rolling_figure, rolling_sharpe_figure};
pub use eigenvalues::EigenvalueCurve;
#[cfg(feature = "figures")]
pub use eigenvalues::eigenvalue_figure;
#[cfg(feature = "figures")]
pub use exposure::{Exposure, ExposureGroup, exposure_figure};
#[cfg(feature = "figures")]
pub use forest::{ForestGroup, ForestRow, forest_figure};
pub use learning::LearningCurve;
#[cfg(feature = "figures")]
pub use learning::learning_figure;
#[cfg(feature = "figures")]
pub use leverage::leverage_figure;
pub use leverage::{LeveragePoint, LeverageSeries, leverage_csv, leverage_sheet, leverage_summary};
pub use network::{Learned, power_law};
#[cfg(feature = "figures")]
pub use network::{lag_figure, marginal_figure};
pub use performance::{Performance, performance_sheet, performance_table};
pub use periods::{LEAST_DAYS, PERIODS, Period};
#[cfg(feature = "figures")]
pub use periods::{Labelled, periods_figure};
#[cfg(feature = "figures")]
pub use png::Page;
#[cfg(feature = "figures")]
pub use roofline::{Roofline, roofline_figure};
#[cfg(feature = "figures")]
pub use runtime::{Runtime, RuntimePoint, runtime_figure};
pub use sheet::Sheet;
pub use size::{SweptSeries, swept_sheets};
#[cfg(feature = "figures")]
pub use size::{size_figure, universe_figure};
#[cfg(feature = "figures")]
pub use volatility::{turnover_figure, volatility_figure};
