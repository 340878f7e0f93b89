//! Advisory locks of the operating system, so that only one process at a time works on a unit of work. The operating
//! system releases a lock when its process is killed.
//!
//! A lock is a file that says which process holds it. It is removed when the work ends; the file of a killed process
//! is no longer locked and is taken over.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::Unit::Second;
use sysinfo::System;

use crate::data::files::remove_partial_files;
use crate::error::{Error, Result};

/// The name of a lock in a folder that is a unit of work.
pub const LOCK: &str = ".lock";

/// Attempts to take a lock that other processes take and release while it is being opened.
const ATTEMPTS: usize = 1000;

/// A lock, held until it is dropped.
pub struct Lock {
    file: File,
    path: PathBuf,
    /// Folders that were created for it, the deepest first; those that are empty in the end are removed with it.
    made: Vec<PathBuf>,
}

impl Lock {
    /// Takes the lock file `path`, or fails with an error that names its holder. Also removes the temporary files
    /// that killed processes have left in its folder.
    pub fn take(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made: Vec<PathBuf> = folder.ancestors().take_while(is_new).map(Path::to_path_buf).collect();
        for _ in 0..ATTEMPTS {
            std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
            let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            let mut file = open.map_err(Error::io(path))?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(held(path, folder)),
                // Some network file systems do not support locks: work there goes unprotected.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            if !is_at(&file, path) {
                continue; // its last holder has removed it meanwhile
            }
            let since = Timestamp::now().round(Second).unwrap_or_else(|_| Timestamp::now());
            let host = System::host_name().unwrap_or_else(|| "an unknown host".to_string());
            let holder = format!("process {} on {host} since {since}", std::process::id());
            let write = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
            write.map_err(Error::io(path))?;
            remove_partial_files(folder);
            return Ok(Self { file, path: path.to_path_buf(), made });
        }
        Err(held(path, folder))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // An error can be ignored: the next holder takes over a file that stays.
        if is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
        for folder in &self.made {
            let _ = std::fs::remove_dir(folder); // fails unless it is empty
        }
    }
}

fn held(path: &Path, folder: &Path) -> Error {
    let holder = std::fs::read_to_string(path).unwrap_or_default();
    let holder = if holder.is_empty() { "another process" } else { holder.as_str() };
    let rule = format!("{holder} is working here; wait until it has finished, or stop it: what it has stored is kept");
    Error::data(folder.display().to_string(), rule)
}

/// Whether an open file is still the file at a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let open = file.metadata().map(identity);
    open.is_ok_and(|open| std::fs::metadata(path).map(identity).is_ok_and(|there| there == open))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_it_and_nothing_is_left_in_the_end() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("work/dates").join(LOCK);
        let lock = Lock::take(&path).unwrap();
        let message = Lock::take(&path).err().unwrap().to_string();
        let holder = format!("work/dates: process {} on ", std::process::id());
        assert!(message.contains(&holder) && message.contains(" since 20"), "{message}");
        drop(Lock::take(&root.path().join("work/accounts").join(LOCK)).unwrap());
        drop(lock);
        assert!(!root.path().join("work").exists());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "process 1 on nowhere since long ago").unwrap();
        drop(Lock::take(&path).unwrap());
    }
}
