//! Volatilities and correlations that move: GARCH and dynamic conditional correlation.

pub(super) mod composite_likelihood;
pub(super) mod dcc_qis;
pub(super) mod garch;
