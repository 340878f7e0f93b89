//! Cleaners from the theory of random matrices: what a spectrum without structure would look like, and what stands out of it.

pub mod clip;
pub mod hard_threshold;
pub mod marchenko_pastur;
pub mod mp_denoise;
pub mod power_map;
pub mod rie;
pub mod spiked;
