//! The state of a portfolio.

mod holdings;

pub use holdings::Holdings;
