//! Weighted moments of the returns: every day alike, or newer days more.

pub(super) mod ewma;
pub(super) mod rm2006;
pub(super) mod sample;
