//! Eigenvalues and eigenvectors of a batch of symmetric matrices, by the kernels of `reduction.cu`, `divide.cu` and
//! `eigen.cu`.
//!
//! ```text
//! A ─ reduce ─▶ T ─ leaves, then for each level: merge, product ─▶ U, λ ─ back ─▶ V ─ check ─ again, where it failed
//! ```
//! The method is that of [`linalg::eigen`](crate::linalg::eigen). One block reduces a matrix; the parts of its tridiagonal
//! form, the tiles of the products and the eigenvectors that go back are shared by all blocks that the device has room
//! for. Launches are the barriers between them, and the host never waits.

use crate::cuda::{Address, Argument, Backend, MOST_ROWS, Shape};
use crate::error::Result;
use crate::nn::ElementType;

/// Largest part of a tridiagonal matrix that is solved by rotations.
const LEAF: usize = 12;
/// Rows and columns of a tile of a product, as in `divide.cu`.
const TILE: usize = 64;
/// Fewest eigenvectors that a block transforms back, as in `eigen.cu`.
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
    /// Working memory, each `batch` x n x n.
    pub squares: [Address; 2],
    /// Working memory of [`bytes`](Self::bytes).
    pub rest: Address,
}

/// The arrays in the rest of the working memory.
struct Rest {
    tau: Address,
    diagonal: Address,
    beside: Address,
    /// What a merge leaves for a product: five reals and six ints for each row.
    merged: [Address; 2],
    scale: Address,
}

impl Eigenproblem {
    /// Bytes of working memory besides the squares.
    pub fn bytes(n: usize, batch: usize, precision: ElementType) -> usize {
        batch * (precision.bytes() * (8 * n + 1) + 4 * 6 * n)
    }

    /// Starts the decomposition, its check, and another one of the matrices that fail it.
    pub fn start(&self, device: &dyn Backend) -> Result<()> {
        self.solve(device)?;
        self.check(device)?;
        self.solve_again(device)
    }

    /// Starts the decomposition.
    pub fn solve(&self, device: &dyn Backend) -> Result<()> {
        let &Self { n, batch, matrices, vectors, values, info, squares: [reduced, spare], .. } = self;
        assert!((1..=MOST_ROWS).contains(&n), "{n} rows");
        let Rest { tau, diagonal, beside, merged: [reals, ints], scale } = self.rest(device);
        let room = room(device, n);
        let shared = room * room * device.precision().bytes();
        let shape = Shape { grid: [batch, 1], block: threads(n), shared };
        self.launch(device, "eigen_reduce", shape, &[room], &[matrices, reduced, tau, diagonal, beside, scale, info])?;

        let depth = (0..).find(|depth| n.div_ceil(1 << depth) <= LEAF).expect("parts become small");
        // Every level moves the eigenvectors from one place to the other; they end in the result.
        let (mut here, mut there) = if depth % 2 == 0 { (vectors, spare) } else { (spare, vectors) };
        let shape = |blocks: usize, block: usize| Shape { grid: [blocks, batch], block, shared: 0 };
        let parts = shape(1 << depth, 32);
        self.launch(device, "eigen_leaves", parts, &[depth], &[diagonal, beside, values, here, info])?;
        for level in (0..depth).rev() {
            let rows = n.div_ceil(1 << level);
            let parts = shape(1 << level, rows.next_multiple_of(32));
            self.launch(device, "eigen_merge", parts, &[level], &[beside, values, here, reals, ints, info])?;
            let (across, down) = (rows.div_ceil(2).div_ceil(TILE), rows.div_ceil(TILE));
            let tiles = shape((2 * across * down) << level, 256);
            self.launch(device, "eigen_product", tiles, &[level, across, down], &[here, reals, ints, there, info])?;
            (here, there) = (there, here);
        }
        let back = format!("eigen_back_{}", 4 * n.div_ceil(128));
        let along = diagonal; // which is not needed any more
        self.launch(device, &back, shape(n.div_ceil(BACK), 128), &[], &[reduced, tau, vectors, along, info])
    }

    /// Starts the check of what [`solve`](Self::solve) found: `info` becomes 2 where it is wrong.
    pub fn check(&self, device: &dyn Backend) -> Result<()> {
        let &Self { n, batch, matrices, vectors, values, info, .. } = self;
        let Rest { diagonal: along, scale, .. } = self.rest(device);
        let shape = Shape { grid: [batch, 1], block: (4 * threads(n)).min(1024), shared: 0 };
        self.launch(device, "eigen_check", shape, &[], &[matrices, vectors, scale, along, values, info])
    }

    /// Starts the decomposition of the matrices whose `info` is 2 by a slower method.
    pub fn solve_again(&self, device: &dyn Backend) -> Result<()> {
        let &Self { n, batch, matrices, vectors, values, info, again, squares: [square, _], .. } = self;
        let shape = Shape { grid: [batch, 1], block: threads(n), shared: 0 };
        self.launch(device, "eigen_again", shape, &[], &[matrices, square, vectors, values, info, again])
    }

    /// Launches a kernel whose arguments are n, other sizes and addresses.
    fn launch(&self, device: &dyn Backend, kernel: &str, shape: Shape, sizes: &[usize], at: &[Address]) -> Result<()> {
        let sizes = [self.n].into_iter().chain(sizes.iter().copied()).map(Argument::from);
        let arguments: Vec<Argument> = sizes.chain(at.iter().copied().map(Argument::from)).collect();
        device.launch(kernel, shape, &arguments)
    }

    fn rest(&self, device: &dyn Backend) -> Rest {
        let (n, batch) = (self.n, self.batch);
        let ints = self.rest.plus(4 * 6 * n * batch);
        let reals = |before: usize| ints.plus(before * batch * device.precision().bytes());
        Rest {
            tau: reals(0),
            diagonal: reals(n),
            beside: reals(2 * n),
            merged: [reals(3 * n), self.rest],
            scale: reals(8 * n),
        }
    }
}

/// Threads of the block that reduces a matrix: at least one for each row, but no more than needed, because every barrier
/// waits for all.
fn threads(n: usize) -> usize {
    n.next_power_of_two().max(128)
}

/// Rows and columns of a matrix for which a block has shared memory; a multiple of four.
fn room(device: &dyn Backend, n: usize) -> usize {
    let bytes = device.precision().bytes();
    // What `eigen_reduce` declares itself, 26.6 or 36.8 KiB.
    let declared = if bytes == 4 { 27 << 10 } else { 37 << 10 };
    let square = device.shared_memory().saturating_sub(declared) / bytes;
    n.next_multiple_of(4).min(square.isqrt() / 4 * 4)
}
