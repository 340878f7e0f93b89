//! Streams of random numbers, each a function of a seed and a number: no generator has a state to be stored.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// The generator of a stream of a seed.
pub fn generator(seed: u64, stream: u64) -> Xoshiro256PlusPlus {
    let hash = blake3::hash(&[seed.to_le_bytes(), stream.to_le_bytes()].concat());
    Xoshiro256PlusPlus::from_seed(*hash.as_bytes())
}
