//! Isotonic regression: the non-decreasing sequence nearest to a sequence, by pooling adjacent violators.
//!
//! Barlow, Bartholomew, Bremner, Brunk (1972), "Statistical inference under order restrictions", section 1.2.

/// The non-decreasing sequence with the least Σ (x_i − y_i)².
pub(super) fn isotonic(values: &[f64]) -> Vec<f64> {
    // Sums and sizes of pools whose means increase.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for &value in values {
        let mut pool = (value, 1);
        while let Some(&(sum, size)) = pools.last().filter(|(sum, size)| sum / *size as f64 >= pool.0 / pool.1 as f64) {
            pools.pop();
            pool = (pool.0 + sum, pool.1 + size);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(sum, size)| std::iter::repeat_n(sum / size as f64, size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled_and_the_sum_stays() {
        assert_eq!(isotonic(&[1.0, 3.0, 2.0, 0.0, 5.0]), [1.0, 5.0 / 3.0, 5.0 / 3.0, 5.0 / 3.0, 5.0]);
        assert_eq!(isotonic(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
        assert_eq!(isotonic(&[]), [0.0; 0]);
    }
}
