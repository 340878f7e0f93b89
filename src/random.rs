//! Streams of random numbers, each a function of a seed and a number: no generator has a state to be stored.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::error::Result;

/// The generator of a stream of a seed.
pub fn generator(seed: u64, stream: u64) -> Xoshiro256PlusPlus {
    let hash = blake3::hash(&[seed.to_le_bytes(), stream.to_le_bytes()].concat());
    Xoshiro256PlusPlus::from_seed(*hash.as_bytes())
}

/// Tries every number from 0 to `count`, `block` of them together, and hands the outcomes on in their order: sums of them have the
/// same bits on any number of threads, and no more than a block is in memory.
pub fn in_blocks<T: Send>(
    count: usize,
    block: usize,
    trial: impl Fn(usize) -> Result<T> + Sync,
    mut add: impl FnMut(T),
) -> Result<()> {
    for first in (0..count).step_by(block) {
        let numbers = first..(first + block).min(count);
        numbers.into_par_iter().map(&trial).collect::<Result<Vec<T>>>()?.into_iter().for_each(&mut add);
    }
    Ok(())
}
