//! Nonlinear shrinkage: every eigenvalue moved by a formula of all of them.

pub(super) mod gis;
pub(super) mod lis;
pub(super) mod nls_analytical;
pub(super) mod qis;
pub(super) mod stein_haff;
