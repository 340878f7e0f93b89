//! f32 or f64, as a value.

use serde::{Deserialize, Serialize};

use crate::nn::Float;

/// The element type of tensors where it is a choice at run time: of a model file, of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    /// Single precision: training, and fast inference on a device.
    F32,
    /// Double precision: inference on the processor, checks.
    #[default]
    F64,
}

impl ElementType {
    /// Bytes of an element.
    pub fn bytes(self) -> usize {
        match self {
            ElementType::F32 => 4,
            ElementType::F64 => 8,
        }
    }

    /// ε of the network's floors.
    pub fn floor(self) -> f64 {
        match self {
            ElementType::F32 => f32::FLOOR,
            ElementType::F64 => f64::FLOOR,
        }
    }

    /// The unit of rounding.
    pub fn unit(self) -> f64 {
        match self {
            ElementType::F32 => f64::from(f32::EPSILON),
            ElementType::F64 => f64::EPSILON,
        }
    }

    /// Its name in C.
    pub fn c_name(self) -> &'static str {
        match self {
            ElementType::F32 => "float",
            ElementType::F64 => "double",
        }
    }

    /// Numbers as elements, little endian.
    pub fn encode(self, values: impl IntoIterator<Item = f64>) -> Vec<u8> {
        let values = values.into_iter();
        match self {
            ElementType::F32 => values.flat_map(|x| (x as f32).to_le_bytes()).collect(),
            ElementType::F64 => values.flat_map(f64::to_le_bytes).collect(),
        }
    }

    /// Elements as numbers.
    pub fn decode(self, bytes: &[u8]) -> Vec<f64> {
        match self {
            ElementType::F32 => bytes.as_chunks().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))).collect(),
            ElementType::F64 => bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect(),
        }
    }
}
