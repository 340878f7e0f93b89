//! The element type of tensors, f32 or f64, as a run-time value.

use serde::{Deserialize, Serialize};

use crate::nn::Float;

/// The element type of tensors where it is chosen at run time, for a model file or a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    /// Single precision: for training, and for fast inference on a device.
    F32,
    /// Double precision: for inference on the processor, and for checks.
    #[default]
    F64,
}

impl ElementType {
    /// Size of an element in bytes.
    pub fn bytes(self) -> usize {
        match self {
            ElementType::F32 => 4,
            ElementType::F64 => 8,
        }
    }

    /// The lower bound ε that the network applies to quantities that must be positive.
    pub fn floor(self) -> f64 {
        match self {
            ElementType::F32 => f32::FLOOR,
            ElementType::F64 => f64::FLOOR,
        }
    }

    /// The machine epsilon.
    pub fn unit(self) -> f64 {
        match self {
            ElementType::F32 => f64::from(f32::EPSILON),
            ElementType::F64 => f64::EPSILON,
        }
    }

    /// Name of the type in C.
    pub fn c_name(self) -> &'static str {
        match self {
            ElementType::F32 => "float",
            ElementType::F64 => "double",
        }
    }

    /// Numbers as little-endian elements.
    pub fn encode(self, values: impl IntoIterator<Item = f64>) -> Vec<u8> {
        let values = values.into_iter();
        match self {
            ElementType::F32 => values.flat_map(|x| (x as f32).to_le_bytes()).collect(),
            ElementType::F64 => values.flat_map(f64::to_le_bytes).collect(),
        }
    }

    /// Numbers from little-endian elements.
    pub fn decode(self, bytes: &[u8]) -> Vec<f64> {
        match self {
            ElementType::F32 => bytes.as_chunks().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))).collect(),
            ElementType::F64 => bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect(),
        }
    }
}
