//! Checks before work begins that the machine has enough memory for it, so that an impossible count ends in an error
//! and not in an abort.

use std::sync::OnceLock;

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::error::{Error, Result};

/// Bytes of a double.
pub const DOUBLE: f64 = 8.0;

/// Refuses work that needs more bytes than the machine (or the container it runs in) has.
///
/// `bytes` is a double, so that products of counts cannot overflow: `require(DOUBLE * n as f64 * n as f64, "…")`.
pub fn require(bytes: f64, what: &str) -> Result<()> {
    let have = installed();
    if bytes <= have {
        return Ok(());
    }
    let gigabytes =
        |bytes: f64| if bytes < 1e15 { format!("{:.1} GB", bytes / 1e9) } else { format!("{bytes:.0e} bytes") };
    Err(Error::Memory { what: what.to_string(), need: gigabytes(bytes), have: gigabytes(have) })
}

/// Memory of the machine or container in bytes, used or not.
fn installed() -> f64 {
    static BYTES: OnceLock<f64> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(kind);
        let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
        system.total_memory().min(limit) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_can_hold_is_refused_with_its_size() {
        assert!(require(1e6, "a small table").is_ok());
        let message = require(2f64.powi(63) * DOUBLE, "a panel of 9223372036854775808 assets").unwrap_err().to_string();
        assert!(
            message.starts_with("a panel of 9223372036854775808 assets would need 7e19 bytes of memory"),
            "{message}"
        );
        assert!(require(2e14, "a table").unwrap_err().to_string().contains("200000.0 GB"));
    }
}
