//! Choice of the device: `cpu`, `cuda`, `cuda:1` or `auto`.

use std::fmt;
use std::str::FromStr;

use crate::cuda::{Backend, DeviceInfo, source};
use crate::error::{Error, Result};
use crate::nn::Architecture;
use crate::nn::ElementType;

/// A device as given by the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// A CUDA device by its number.
    Cuda(usize),
    /// The first CUDA device if there is one that can be used, otherwise the processor.
    Auto,
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "cpu" => Ok(Device::Cpu),
            "auto" => Ok(Device::Auto),
            "cuda" => Ok(Device::Cuda(0)),
            _ => match text.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
                Some(number) => Ok(Device::Cuda(number)),
                None => Err("a device is cpu, cuda, cuda:N (from 0 on) or auto".to_string()),
            },
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
            Device::Auto => f.write_str("auto"),
        }
    }
}

/// A device that was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The processor; with a reason if a CUDA device was looked for.
    Cpu(Option<String>),
    /// A CUDA device by its number.
    Cuda(usize, DeviceInfo),
}

impl Device {
    /// Looks for the device. Fails if it is a CUDA device that is not available.
    pub fn find(self) -> Result<Found> {
        match self {
            Device::Cpu => Ok(Found::Cpu(None)),
            Device::Cuda(number) => Ok(Found::Cuda(number, info(number)?)),
            Device::Auto => match info(0) {
                Ok(info) => Ok(Found::Cuda(0, info)),
                Err(error) => Ok(Found::Cpu(Some(format!("working on the processor: {error}")))),
            },
        }
    }
}

/// Information on a device. Fails if there is no device of this number.
pub fn info(number: usize) -> Result<DeviceInfo> {
    match count()? {
        0 => Err(Error::Device("the driver reports no CUDA device".to_string())),
        count if number < count => device(number),
        count => {
            let known = (0..count).map(|k| format!("cuda:{k}")).collect::<Vec<_>>().join(", ");
            Err(Error::Device(format!("there is no cuda:{number}; there is {known}")))
        }
    }
}

/// Number of CUDA devices of this machine.
#[cfg(feature = "cuda")]
pub fn count() -> Result<usize> {
    crate::cuda::libraries::count()
}

#[cfg(feature = "cuda")]
fn device(number: usize) -> Result<DeviceInfo> {
    crate::cuda::libraries::device(number)
}

/// Number of CUDA devices of this machine. Always fails, because this program was built without CUDA.
#[cfg(not(feature = "cuda"))]
pub fn count() -> Result<usize> {
    Err(Error::Device(
        "this minvar was built without CUDA; build it with --features cuda (see scripts/build-cuda.sh)".into(),
    ))
}

#[cfg(not(feature = "cuda"))]
fn device(number: usize) -> Result<DeviceInfo> {
    unreachable!("there is no cuda:{number} without the feature")
}

/// Opens a CUDA device with the kernels for an architecture. Fails if the kernels do not support the architecture.
pub fn open(number: usize, architecture: &Architecture, precision: ElementType) -> Result<Box<dyn Backend + Send>> {
    source::check(architecture)?;
    #[cfg(feature = "cuda")]
    return Ok(Box::new(crate::cuda::driver::Driver::open(
        number,
        &source::sources(architecture, precision),
        precision,
    )?));
    #[cfg(not(feature = "cuda"))]
    unreachable!("there is no cuda:{number} for {precision:?} without the feature")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_as_they_are_written() {
        for text in ["cpu", "auto", "cuda:0", "cuda:7"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for text in ["gpu", "cuda:", "cuda:-1", "cuda:x", "CUDA"] {
            assert!(text.parse::<Device>().unwrap_err().contains("cuda:N"), "{text}");
        }
    }

    #[test]
    fn auto_becomes_the_processor_with_a_reason() {
        if count().is_ok_and(|count| count > 0) {
            return;
        }
        let Found::Cpu(Some(notice)) = Device::Auto.find().unwrap() else { panic!("there is no device") };
        assert!(notice.starts_with("working on the processor: "));
        assert!(Device::Cuda(0).find().is_err());
        assert_eq!(Device::Cpu.find().unwrap(), Found::Cpu(None));
    }
}
