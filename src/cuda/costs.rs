//! Lower bounds for the work of each stage: arithmetic operations, and the bytes moved through device memory if every
//! input is read once and every output written once. Together with the ceilings of a device they give the shortest
//! possible time of a stage.

use crate::cuda::Sizes;
use crate::nn::Architecture;
use crate::nn::ElementType;

/// Operations and bytes of a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Floating-point operations; a multiplication with an addition counts as two.
    pub operations: f64,
    /// Bytes read and written.
    pub bytes: f64,
}

/// The measured ceilings of a device.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Ceilings {
    /// Operations per second in a large matrix product.
    pub operations: f64,
    /// Bytes per second in a large copy, reads and writes together.
    pub bytes: f64,
}

impl Cost {
    /// Shortest possible time of the stage in seconds.
    pub fn floor(&self, ceilings: &Ceilings) -> f64 {
        (self.operations / ceilings.operations).max(self.bytes / ceilings.bytes)
    }
}

/// The cost of a stage, by its name in profiles; `None` if there is no such stage.
pub fn cost(stage: &str, a: &Architecture, sizes: Sizes, precision: ElementType) -> Option<Cost> {
    let (n, t, rank, rows) = (sizes.n_assets as f64, sizes.n_days as f64, sizes.rank() as f64, sizes.rows() as f64);
    let days = rows * t;
    let basis = rows * rank;
    let (gates, kept, directions) = (a.cell.gates() as f64, a.cell.kept() as f64, a.direction.count() as f64);
    // Sums over layers: operations of the projection and of the recurrent product, and the numbers of gate values and
    // of states.
    let mut inputs = (1 + a.features.len()) as f64;
    let (mut projection, mut recurrent, mut widths, mut states) = (0.0, 0.0, 0.0, 0.0);
    for &units in &a.hidden {
        let units = units as f64;
        projection += 2.0 * directions * rows * inputs * gates * units;
        recurrent += 2.0 * directions * rows * units * gates * units;
        widths += directions * rows * gates * units;
        states += directions * rows * units;
        inputs = directions * units;
    }
    let layers = [&[1][..], &a.volatility, &[1]].concat();
    let dense: f64 = layers.windows(2).map(|pair| 2.0 * rows * (pair[0] * pair[1]) as f64).sum();
    let hidden: f64 = a.volatility.iter().map(|units| rows * *units as f64).sum();
    // Operations, and elements read and written.
    let (operations, numbers) = match stage {
        "scores" => (8.0 * days, 2.0 * days),
        "correlation" => (2.0 * days * n, days + rows * n),
        // The usual operation count of a symmetric eigenproblem with eigenvectors: Golub, Van Loan (2013), section
        // 8.3.
        "eigenvalues" => (9.0 * rows * n * n, 2.0 * rows * n),
        "recurrent cleaner" => (projection + recurrent, 2.0 * widths + (kept + 2.0) * states),
        "marginal volatility" => (dense, 2.0 * hidden + 2.0 * rows),
        // The diagonal, the coefficients and the weights each read the whole basis.
        "weights and loss" => (7.0 * basis, 3.0 * basis),
        "weights backward" => (2.0 * basis * rank + 5.0 * basis, 6.0 * basis),
        "recurrent cleaner backward" => (2.0 * (projection + recurrent), (kept + 2.0) * states + 4.0 * widths),
        "marginal volatility backward" => (2.0 * dense, 4.0 * hidden + 2.0 * rows),
        "eigenvalues backward" => (2.0 * basis * rank + 2.0 * basis * n, 7.0 * basis),
        "correlation backward" => (2.0 * days * n * if rank < n { 2.0 } else { 1.0 }, 2.0 * days + rows * n),
        // dZ and Z are read once for the means of a row and once for the sums over rows.
        "scores backward" => (30.0 * days, 5.0 * days),
        _ => return None,
    };
    Some(Cost { operations, bytes: numbers * precision.bytes() as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_is_the_longer_of_two_times() {
        let sizes = Sizes { batch: 32, n_assets: 350, n_days: 1200 };
        let ceilings = Ceilings { operations: 50e12, bytes: 4e12 };
        let of = |stage: &str| cost(stage, &Architecture::compact(), sizes, ElementType::F32).unwrap();
        let correlation = of("correlation");
        assert_eq!(correlation.operations, 2.0 * 32.0 * 350.0 * 350.0 * 1200.0);
        assert!((correlation.floor(&ceilings) - correlation.operations / 50e12).abs() < 1e-12);
        let scores = of("scores");
        assert_eq!(scores.bytes, 2.0 * 4.0 * 32.0 * 350.0 * 1200.0);
        assert!((scores.floor(&ceilings) - scores.bytes / 4e12).abs() < 1e-12);
        assert!(cost("lunch", &Architecture::compact(), sizes, ElementType::F32).is_none());
    }
}
