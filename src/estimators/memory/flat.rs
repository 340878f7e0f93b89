//! The flat memory: w = 1 for every day.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::memory::{Flat, Memory};
//! assert_eq!(Flat.weight(100.0), 1.0);
//! ```

use crate::error::Result;
use crate::estimators::memory::Memory;
use crate::registry::Part;

/// Every day weighs the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flat;

impl Memory for Flat {
    fn weight(&self, _: f64) -> f64 {
        1.0
    }
}

pub(super) fn build(part: &Part) -> Result<Box<dyn Memory>> {
    part.without_parameters()?;
    Ok(Box::new(Flat))
}
