//! Nonlinear shrinkage: each eigenvalue is mapped by a formula that depends on all of them.

pub mod gis;
pub mod lis;
pub mod nls_analytical;
pub mod qis;
pub mod stein_haff;
