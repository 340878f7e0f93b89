//! What is known of a device.

/// What a CUDA device is.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInfo {
    /// Its name.
    pub name: String,
    /// Compute capability.
    pub capability: (i32, i32),
    /// Multiprocessors.
    pub multiprocessors: usize,
    /// Bytes of memory, free and in all.
    pub memory: [usize; 2],
    /// Version of CUDA that the driver supports.
    pub driver: (i32, i32),
}
