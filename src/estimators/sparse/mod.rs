//! Sparse or robust correlations.

pub(super) mod gerber;
pub(super) mod glasso;
