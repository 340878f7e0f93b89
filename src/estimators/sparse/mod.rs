//! Sparse or robust correlations.

pub mod gerber;
pub mod glasso;
