//! Matrices on which eigensolvers fail, as LAPACK's own tests have them (Demmel and others 2008, "Performance and accuracy of
//! LAPACK's symmetric tridiagonal eigensolvers"), and those of this field.

/// A family of symmetric matrices of any size.
#[derive(Clone, Copy)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Entry (i, j ≤ i) of its n × n matrix.
    entry: fn(n: usize, i: usize, j: usize) -> f64,
}

impl Family {
    /// Its n × n matrix, column by column.
    pub fn matrix(&self, n: usize) -> Vec<f64> {
        (0..n * n).map(|k| (self.entry)(n, (k / n).max(k % n), (k / n).min(k % n))).collect()
    }
}

/// A number in (−1, 1) that looks random, a function of two indices.
pub fn noise(i: usize, j: usize) -> f64 {
    let mixed = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (j as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x1656_67b1_9e37_79f9);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn same(i: usize, j: usize) -> f64 {
    f64::from(u8::from(i == j))
}

/// Entry of a tridiagonal matrix.
fn tridiagonal(i: usize, j: usize, diagonal: f64, beside: f64) -> f64 {
    match i - j {
        0 => diagonal,
        1 => beside,
        _ => 0.0,
    }
}

/// Σ_k x_ik x_jk over `days` days.
fn gram(i: usize, j: usize, days: usize) -> f64 {
    (0..days).map(|k| noise(i, k + 1_000_000) * noise(j, k + 1_000_000)).sum()
}

/// All families.
pub const FAMILIES: [Family; 20] = [
    Family { name: "noise", entry: |_, i, j| noise(i, j) },
    Family { name: "zero", entry: |_, _, _| 0.0 },
    Family { name: "identity", entry: |_, i, j| same(i, j) },
    Family { name: "repeated diagonal", entry: |_, i, j| (i % 3) as f64 * same(i, j) },
    Family { name: "rank one", entry: |_, i, j| (i as f64 + 1.0).sqrt() * (j as f64 + 1.0).sqrt() },
    Family { name: "rank one and noise", entry: |_, i, j| 1.0 + 1e-6 * noise(i, j) },
    Family { name: "one large and the identity", entry: |_, i, j| 0.3 + 0.7 * same(i, j) },
    Family { name: "Gram matrix, fewer days than assets", entry: |n, i, j| gram(i, j, n / 3 + 1) },
    Family { name: "Gram matrix, as many days as assets", entry: |n, i, j| gram(i, j, n) },
    Family { name: "Wilkinson", entry: |n, i, j| tridiagonal(i, j, (i as f64 - (n - 1) as f64 / 2.0).abs(), 1.0) },
    Family {
        name: "glued Wilkinson",
        entry: |_, i, j| {
            let is_seam = i.is_multiple_of(21);
            tridiagonal(i, j, ((i % 21) as f64 - 10.0).abs(), if is_seam { 1e-7 } else { 1.0 })
        },
    },
    Family { name: "second difference", entry: |_, i, j| tridiagonal(i, j, 2.0, -1.0) },
    Family { name: "Clement", entry: |n, i, j| tridiagonal(i, j, 0.0, (i as f64 * (n - i) as f64).sqrt()) },
    Family { name: "Toeplitz", entry: |_, i, j| 0.9f64.powi((i - j) as i32) },
    Family { name: "Hilbert", entry: |_, i, j| 1.0 / (i + j + 1) as f64 },
    Family {
        name: "graded",
        entry: |n, i, j| 1e-3f64.powf((i + j) as f64 / n as f64) * (same(i, j) + 0.1 * noise(i, j)),
    },
    Family { name: "clustered at one", entry: |_, i, j| same(i, j) + 1e-9 * noise(i, j) },
    Family { name: "clustered at one, some apart", entry: |n, i, j| same(i, j) + 1e-7 * gram(i, j, n) },
    Family { name: "huge", entry: |_, i, j| 1e30 * noise(i, j) },
    Family { name: "tiny", entry: |_, i, j| 1e-30 * noise(i, j) },
];
