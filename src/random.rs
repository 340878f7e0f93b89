//! Streams of random numbers, each determined by a seed and a stream number, so that no generator state has to be
//! stored.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::error::Result;

/// The generator of stream `stream` under a seed.
pub fn generator(seed: u64, stream: u64) -> Xoshiro256PlusPlus {
    let hash = blake3::hash(&[seed.to_le_bytes(), stream.to_le_bytes()].concat());
    Xoshiro256PlusPlus::from_seed(*hash.as_bytes())
}

/// Runs `trial` for every number below `count`, `block` of them in parallel, and passes the outcomes to `add` in
/// order. So sums of outcomes have the same bits on any number of threads, and at most one block is in memory. Fails
/// if a trial fails.
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
