//! Factor models: a covariance of low rank plus a remainder.

pub mod efm;
pub mod factors;
pub mod pca_k;
pub mod poet;
