//! What the network needs of a device: memory, kernels, matrix products, eigenvalues.
//!
//! [`Program`](super::Program) is written against this trait alone. [`super::driver`] is the trait on a graphics card; the
//! tests have one that compiles the same kernels for the processor and runs their threads one after the other.

use crate::error::Result;
use crate::nn::ElementType;

/// A place in device memory, in bytes; 0 is nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Address(pub u64);

impl Address {
    /// So many bytes further.
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
    /// Blocks along x and y.
    pub grid: [usize; 2],
    /// Threads of a block.
    pub block: usize,
    /// Bytes of shared memory asked for beside what the kernel declares.
    pub shared: usize,
}

/// A row-major matrix, or a batch of them.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    /// The first entry of the first sample.
    pub at: Address,
    /// Numbers from one row to the next.
    pub row: usize,
    /// Numbers from one sample to the next.
    pub sample: usize,
    /// Whether the transpose is meant.
    pub transposed: bool,
}

/// out ← factor · A B + keep · out for every sample, out `rows` x `columns`.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// A (rows x inner).
    pub a: Operand,
    /// B (inner x columns).
    pub b: Operand,
    /// Where the result goes; never transposed.
    pub out: Operand,
    /// Rows of A.
    pub rows: usize,
    /// Columns of B.
    pub columns: usize,
    /// Columns of A.
    pub inner: usize,
    /// On the product.
    pub factor: f64,
    /// On what is there already; 0 ignores it.
    pub keep: f64,
    /// Samples.
    pub batch: usize,
}

/// A device with kernels of one precision. Work is done in the order it is asked for.
///
/// ```
/// use minvar::cuda::Backend;
///
/// /// To the device and back.
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

    /// Memory of a size in bytes; its content is undefined. An error says how much was needed and how much is free.
    fn allocate(&self, bytes: usize) -> Result<Address>;

    /// Gives memory back; nothing may use it any more.
    fn release(&self, at: Address) -> Result<()>;

    /// Copies bytes to the device.
    fn write(&self, at: Address, bytes: &[u8]) -> Result<()>;

    /// Waits, and copies bytes from the device.
    fn read(&self, at: Address, bytes: &mut [u8]) -> Result<()>;

    /// Starts a kernel.
    fn launch(&self, kernel: &str, shape: Shape, arguments: &[Argument]) -> Result<()>;

    /// Starts a product.
    fn product(&self, product: &Product) -> Result<()>;

    /// Makes room for what [`eigen`](Self::eigen) needs beside its arguments, so that a shortage shows before the work.
    fn prepare_eigen(&self, n: usize, batch: usize, matrices: Address, values: Address) -> Result<()>;

    /// Eigenvalues (ascending, `batch` x n) and eigenvectors (rows, in place) of symmetric matrices (`batch` x n x n);
    /// `info` (`batch` ints) is 0 where they were found.
    fn eigen(&self, n: usize, batch: usize, matrices: Address, values: Address, info: Address) -> Result<()>;

    /// Waits until everything asked for is done.
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
    /// A matrix with rows of `row` numbers one behind the other, the same for every sample.
    pub fn rows(at: Address, row: usize) -> Self {
        Self { at, row, sample: 0, transposed: false }
    }

    /// One for every sample, `sample` numbers apart.
    pub fn every(self, sample: usize) -> Self {
        Self { sample, ..self }
    }

    /// Its transpose.
    pub fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }
}
