//! Volatilities and correlations that change over time: GARCH, dynamic conditional correlation, blends that adapt.

pub mod cm_iewma;
pub mod composite_likelihood;
pub mod dcc_qis;
pub mod garch;
