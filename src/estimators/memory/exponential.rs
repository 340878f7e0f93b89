//! The exponential memory: w = 2^(−a/h) for a day of age a and a half-life of h days.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::memory::{Exponential, Memory};
//! # fn main() -> Result<()> {
//! assert_eq!(Exponential::new(60.0)?.weight(120.0), 0.25);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::memory::Memory;
use crate::registry::{Part, check};

/// Weights that halve every half-life.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exponential {
    half_life: f64,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { half_life: 346.0 } // a decay of 0.998
    }
}

impl Exponential {
    /// Refuses a half-life (days) that is not positive.
    pub fn new(half_life: f64) -> Result<Self> {
        check(half_life > 0.0, "exponential.half_life", "above 0 days", half_life)?;
        Ok(Self { half_life })
    }
}

impl Memory for Exponential {
    fn weight(&self, age: f64) -> f64 {
        (-age / self.half_life).exp2()
    }
}

pub(super) fn build(part: &Part) -> Result<Box<dyn Memory>> {
    let Exponential { half_life } = part.parameters("half_life")?;
    Ok(Box::new(Exponential::new(half_life)?))
}
