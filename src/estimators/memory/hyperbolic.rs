//! The hyperbolic memory: w = (1 + a/τ)^(−α) for a day of age a.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::memory::{Hyperbolic, Memory};
//! # fn main() -> Result<()> {
//! assert_eq!(Hyperbolic::new(40.0, 2.0)?.weight(40.0), 0.25);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::memory::Memory;
use crate::registry::{Part, check};

/// Weights that fall as a power of age.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hyperbolic {
    tau: f64,
    alpha: f64,
}

impl Default for Hyperbolic {
    fn default() -> Self {
        Self { tau: 40.0, alpha: 1.0 } // chosen
    }
}

impl Hyperbolic {
    /// Refuses a scale τ (days) that is not positive and a negative exponent α.
    pub fn new(tau: f64, alpha: f64) -> Result<Self> {
        check(tau > 0.0, "hyperbolic.tau", "above 0 days", tau)?;
        check(alpha >= 0.0 && alpha.is_finite(), "hyperbolic.alpha", "at least 0", alpha)?;
        Ok(Self { tau, alpha })
    }
}

impl Memory for Hyperbolic {
    fn weight(&self, age: f64) -> f64 {
        (1.0 + age / self.tau).powf(-self.alpha)
    }
}

pub(super) fn build(part: &Part) -> Result<Box<dyn Memory>> {
    let Hyperbolic { tau, alpha } = part.parameters("tau")?;
    Ok(Box::new(Hyperbolic::new(tau, alpha)?))
}
