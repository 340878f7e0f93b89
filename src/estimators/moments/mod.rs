//! Weighted second moments of the returns: with equal weights for all days, or larger ones for newer days.

pub mod ewma;
pub mod regime_ewma;
pub mod rm2006;
pub mod sample;
