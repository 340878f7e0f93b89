//! Catches panics of other crates' decoders on damaged files.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// Peak memory that a cell takes while it is read into a panel, bytes.
pub(super) const BYTES_A_CELL: f64 = 40.0;
/// Number of decoders running. They may panic in any thread of a pool, so panic messages of all threads are held back
/// meanwhile.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// Runs a decoder over a file; a panic inside it becomes an error that names the file.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let known = take_hook();
        set_hook(Box::new(move |panic| {
            if AT_WORK.load(Ordering::SeqCst) == 0 {
                known(panic);
            }
        }));
    });
    AT_WORK.fetch_add(1, Ordering::SeqCst);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    AT_WORK.fetch_sub(1, Ordering::SeqCst);
    outcome.unwrap_or_else(|_| Err(damaged(path)))
}

/// The error for a file that cannot be decoded.
pub(super) fn damaged(path: &Path) -> Error {
    let rule = "it cannot be decoded: it is damaged, cut off, or of a kind that minvar cannot read; write it again";
    Error::data(path.display().to_string(), rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_names_the_file() {
        let message = guarded::<()>(Path::new("x.parquet"), || panic!("inside")).unwrap_err().to_string();
        assert!(message.starts_with("x.parquet: it cannot be decoded") && !message.contains("inside"), "{message}");
        assert_eq!(guarded(Path::new("x"), || Ok(1)).unwrap(), 1);
    }
}
