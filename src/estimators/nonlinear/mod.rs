//! Nonlinear shrinkage: every eigenvalue moved by a formula of all of them.

pub mod gis;
pub mod lis;
pub mod nls_analytical;
pub mod qis;
pub mod stein_haff;
