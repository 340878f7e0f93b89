//! Eigenvalues measured on other data than the eigenvectors: on other days, or in other years.

pub mod average_oracle;
pub mod cv_oracle;
pub mod nercome;
