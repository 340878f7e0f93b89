//! Weighted moments of the returns: every day alike, or newer days more.

pub mod ewma;
pub mod rm2006;
pub mod sample;
