//! The operations that the network needs from a device: memory, kernels, matrix products, eigenvalues.
//!
//! [`DeviceNetwork`](super::DeviceNetwork) uses a device only through this trait. [`super::driver`] implements it for a graphics
//! card; the tests have an implementation that compiles the same kernels for the processor and runs their threads one
//! after another.

use crate::error::Result;
use crate::nn::ElementType;

/// Most rows of a matrix that kernels decompose.
pub const MOST_ROWS: usize = 512;

/// An address in device memory, in bytes; 0 is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Address(pub u64);

impl Address {
    /// The address `bytes` bytes further on.
    pub fn plus(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug)]
pub enum Argument {
    /// A pointer.
    At(Address),
    /// An `int`.
    Int(i32),
    /// A `long long`.
    Long(i64),
    /// A `real`, in the precision of the device.
    Real(f64),
    /// A `double`.
    Double(f64),
}

/// The shape of a launch.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Number of blocks along x and y.
    pub grid: [usize; 2],
    /// Threads per block.
    pub block: usize,
    /// Bytes of dynamic shared memory, in addition to what the kernel declares.
    pub shared: usize,
}

/// A row-major matrix, or a batch of them.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    /// The first entry of the first sample.
    pub at: Address,
    /// Distance between rows, in elements.
    pub row: usize,
    /// Distance between samples, in elements.
    pub sample: usize,
    /// Whether the operand is the transpose of the stored matrix.
    pub transposed: bool,
}

/// The product out ← factor · A B + keep · out for every sample, where out is `rows` x `columns`.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// A (rows x inner).
    pub a: Operand,
    /// B (inner x columns).
    pub b: Operand,
    /// The result; never transposed.
    pub out: Operand,
    /// Number of rows of A.
    pub rows: usize,
    /// Number of columns of B.
    pub columns: usize,
    /// Number of columns of A.
    pub inner: usize,
    /// Factor of the product.
    pub factor: f64,
    /// Factor of the previous content of `out`; with 0 that content is ignored.
    pub keep: f64,
    /// Number of samples.
    pub batch: usize,
}

/// A device with kernels of one precision. It executes all work in the order of the calls.
///
/// ```
/// use minvar::cuda::Backend;
///
/// /// Copies bytes to the device and back.
/// fn round_trip(device: &dyn Backend, bytes: &[u8]) -> minvar::error::Result<Vec<u8>> {
///     let at = device.allocate(bytes.len())?;
///     device.write(at, bytes)?;
///     let mut back = vec![0; bytes.len()];
///     device.read(at, &mut back)?;
///     device.release(at)?;
///     Ok(back)
/// }
/// ```
pub trait Backend {
    /// Precision of the kernels.
    fn precision(&self) -> ElementType;

    /// Bytes of shared memory that a block may have.
    fn shared_memory(&self) -> usize;

    /// Allocates memory of a size in bytes; its content is undefined. Fails if there is not enough, and reports how
    /// much is needed and how much is free.
    fn allocate(&self, bytes: usize) -> Result<Address>;

    /// Frees memory; it must not be used any more.
    fn release(&self, at: Address) -> Result<()>;

    /// Copies bytes to the device.
    fn write(&self, at: Address, bytes: &[u8]) -> Result<()>;

    /// Waits for all work, and copies bytes from the device.
    fn read(&self, at: Address, bytes: &mut [u8]) -> Result<()>;

    /// Starts a kernel.
    fn launch(&self, kernel: &str, shape: Shape, arguments: &[Argument]) -> Result<()>;

    /// Starts a matrix product.
    fn product(&self, product: &Product) -> Result<()>;

    /// Whether [`eigen`](Self::eigen) decomposes matrices of n rows; otherwise kernels do (see
    /// [`Eigenproblem`](crate::cuda::Eigenproblem)).
    fn has_eigen(&self, n: usize) -> bool {
        n > MOST_ROWS
    }

    /// Allocates the memory that [`eigen`](Self::eigen) needs besides its arguments, so that a shortage is reported
    /// before the work begins.
    fn prepare_eigen(&self, n: usize, batch: usize, matrices: Address, values: Address) -> Result<()>;

    /// Computes eigenvalues (ascending, `batch` x n) and eigenvectors (as rows, in place) of symmetric matrices
    /// (`batch` x n x n). `info` (`batch` ints) is 0 for each matrix that was solved.
    fn eigen(&self, n: usize, batch: usize, matrices: Address, values: Address, info: Address) -> Result<()>;

    /// Waits until all work is done.
    fn wait(&self) -> Result<()>;
}

impl From<Address> for Argument {
    fn from(at: Address) -> Self {
        Self::At(at)
    }
}

impl From<usize> for Argument {
    fn from(x: usize) -> Self {
        Self::Int(i32::try_from(x).expect("sizes are checked before"))
    }
}

impl From<bool> for Argument {
    fn from(x: bool) -> Self {
        Self::Int(x.into())
    }
}

impl From<f64> for Argument {
    fn from(x: f64) -> Self {
        Self::Real(x)
    }
}

impl Operand {
    /// A matrix whose rows of `row` elements are contiguous, the same matrix for every sample.
    pub fn rows(at: Address, row: usize) -> Self {
        Self { at, row, sample: 0, transposed: false }
    }

    /// This operand with a separate matrix for every sample, `sample` elements apart.
    pub fn every(self, sample: usize) -> Self {
        Self { sample, ..self }
    }

    /// The transpose of this operand.
    pub fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }
}
