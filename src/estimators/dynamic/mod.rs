//! Volatilities and correlations that change over time: GARCH and dynamic conditional correlation.

pub mod composite_likelihood;
pub mod dcc_qis;
pub mod garch;
