//! Cleaners from random-matrix theory, which compare a spectrum with that of pure noise.

pub mod clip;
pub mod hard_threshold;
pub mod marchenko_pastur;
pub mod mp_denoise;
pub mod power_map;
pub mod rie;
pub mod spiked;
