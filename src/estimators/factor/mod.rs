//! Factor models: a covariance of low rank and a remainder.

pub(super) mod efm;
pub(super) mod factors;
pub(super) mod pca_k;
pub(super) mod poet;
