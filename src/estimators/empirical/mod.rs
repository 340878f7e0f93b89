//! Eigenvalues measured on data that did not choose the eigenvectors: other days, or other years.

pub(super) mod average_oracle;
pub(super) mod cv_oracle;
pub(super) mod nercome;
