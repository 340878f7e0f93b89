//! Eigenvalues and eigenvectors of a batch of symmetric matrices, by the kernels of `reduction.cu`, `divide.cu` and `eigen.cu`.
//!
//! ```text
//! A ─ reduce ─▶ T ─ leaves, then for each level: merge, product ─▶ U, λ ─ back ─▶ V ─ check ─ again, where it failed
//! ```
//! The method is that of [`linalg::eigen`](crate::linalg::eigen). A matrix is reduced by one block; the parts of the tridiagonal
//! matrix, the tiles of products and the eigenvectors that go back are shared by all blocks that the device has room for. Launches
//! are the barriers between them, and the host never waits.

use crate::cuda::{Address, Argument, Backend, Shape};
use crate::error::Result;
use crate::nn::ElementType;

/// Most rows of a matrix that these kernels decompose.
pub const MOST_ROWS: usize = 512;
/// Largest part of a tridiagonal matrix that is solved by rotations.
const LEAF: usize = 12;
/// Rows and columns of a tile of a product, as in `divide.cu`.
const TILE: usize = 64;
/// Eigenvectors that a block transforms back, at least, as in `eigen.cu`.
const BACK: usize = 16;

/// A batch of symmetric matrices and the memory for its decomposition.
#[derive(Clone, Copy, Debug)]
pub struct Eigenproblem {
    /// Number of rows n, at most [`MOST_ROWS`].
    pub n: usize,
    /// Number of matrices.
    pub batch: usize,
    /// The matrices (`batch` x n x n), which stay as they are.
    pub matrices: Address,
    /// Eigenvalues, ascending (`batch` x n).
    pub values: Address,
    /// Eigenvectors, as rows (`batch` x n x n).
    pub vectors: Address,
    /// For each matrix an int: 0 if it was decomposed, 1 if it is not finite, 2 if no method converged.
    pub info: Address,
    /// An int, to which the number of matrices is added that were decomposed again by a slower method.
    pub again: Address,
    /// Working memory: twice `batch` x n x n.
    pub squares: [Address; 2],
    /// Working memory of [`bytes`](Self::bytes).
    pub vectors_of_n: Address,
}

impl Eigenproblem {
    /// Bytes of working memory besides the squares.
    pub fn bytes(n: usize, batch: usize, precision: ElementType) -> usize {
        batch * (precision.bytes() * (8 * n + 1) + 4 * 6 * n) + 8
    }

    /// Starts the decomposition.
    pub fn start(&self, device: &dyn Backend) -> Result<()> {
        let &Self { n, batch, matrices, values, vectors, info, again, squares: [reduced, spare], vectors_of_n } = self;
        assert!((1..=MOST_ROWS).contains(&n), "{n} rows");
        let reals = |count: usize| vectors_of_n.plus(count * batch * device.precision().bytes());
        let (tau, diagonal, beside, merged, scale) = (reals(0), reals(n), reals(2 * n), reals(3 * n), reals(8 * n));
        let ints = Address(reals(8 * n + 1).0.next_multiple_of(8));
        let with_shared = |kernel: &str, grid: [usize; 2], block: usize, shared: usize, arguments: &[Argument]| {
            device.launch(kernel, Shape { grid, block, shared }, &[&[n.into()], arguments].concat())
        };
        let launch = |kernel: &str, grid: [usize; 2], block: usize, arguments: &[Argument]| {
            with_shared(kernel, grid, block, 0, arguments)
        };
        let at = |addresses: &[Address]| addresses.iter().map(|at| Argument::At(*at)).collect::<Vec<_>>();
        let one_each = [batch, 1];
        let room = room(device, n);
        let shared = room * room * device.precision().bytes();
        let more = [&[room.into()], &at(&[matrices, reduced, tau, diagonal, beside, scale, info])[..]].concat();
        with_shared("eigen_reduce", one_each, (4 * n).next_multiple_of(128).min(MOST_ROWS), shared, &more)?;

        let depth = (0..).find(|depth| n.div_ceil(1 << depth) <= LEAF).expect("parts become small");
        // Every level moves the eigenvectors from one place to the other; they end in the result.
        let (mut here, mut there) = if depth % 2 == 0 { (vectors, spare) } else { (spare, vectors) };
        let more = [&[depth.into()], &at(&[diagonal, beside, values, here, info])[..]].concat();
        launch("eigen_leaves", [1 << depth, batch], 32, &more)?;
        for level in (0..depth).rev() {
            let rows = n.div_ceil(1 << level);
            let more = [&[level.into()], &at(&[beside, values, here, merged, ints, info])[..]].concat();
            launch("eigen_merge", [1 << level, batch], rows.next_multiple_of(32), &more)?;
            let (across, down) = (rows.div_ceil(2).div_ceil(TILE), rows.div_ceil(TILE));
            let sizes = [level.into(), across.into(), down.into()];
            let more = [&sizes, &at(&[here, merged, ints, there, info])[..]].concat();
            launch("eigen_product", [(2 * across * down) << level, batch], 256, &more)?;
            (here, there) = (there, here);
        }
        let along = diagonal; // which is not needed any more
        let back = format!("eigen_back_{}", 4 * n.div_ceil(128));
        launch(&back, [n.div_ceil(BACK), batch], 128, &at(&[reduced, tau, vectors, along, info]))?;
        launch("eigen_check", one_each, 1024, &at(&[matrices, vectors, scale, along, values, info]))?;
        launch("eigen_again", one_each, 512, &at(&[matrices, reduced, vectors, values, info, again]))
    }
}

/// Rows and columns of a matrix that fit into the shared memory of a block; a multiple of four.
fn room(device: &dyn Backend, n: usize) -> usize {
    let bytes = device.precision().bytes();
    // What `eigen_reduce` declares: 6.5 and 9 KiB for each byte of a number.
    let declared = if bytes == 4 { 27 << 10 } else { 37 << 10 };
    let square = device.shared_memory().saturating_sub(declared) / bytes;
    n.next_multiple_of(4).min(square.isqrt() / 4 * 4)
}
