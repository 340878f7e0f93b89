//! Eigenvalues measured on data that did not choose the eigenvectors: other days, or other years.

pub mod average_oracle;
pub mod cv_oracle;
pub mod nercome;
