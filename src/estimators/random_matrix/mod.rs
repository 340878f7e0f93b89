//! Cleaners from the theory of random matrices: what a spectrum without structure would look like, and what stands out of it.

pub(super) mod clip;
pub(super) mod hard_threshold;
pub(super) mod marchenko_pastur;
pub(super) mod mp_denoise;
pub(super) mod power_map;
pub(super) mod rie;
pub(super) mod spiked;
