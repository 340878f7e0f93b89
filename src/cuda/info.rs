//! Properties of a CUDA device.

/// The properties of a CUDA device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInfo {
    /// Its name as the driver reports it.
    pub name: String,
    /// Compute capability, major and minor.
    pub capability: (i32, i32),
    /// Number of multiprocessors.
    pub multiprocessors: usize,
    /// Bytes of memory, free and total.
    pub memory: [usize; 2],
    /// Newest version of CUDA that the driver supports, major and minor.
    pub driver: (i32, i32),
}
