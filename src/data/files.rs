//! Files written atomically: a reader sees either the old content or the new, never a part of it.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Writes a temporary file in the folder of `path`, flushes it to disk and renames it to `path`.
///
/// When `write` or the disk fails, the old file stays and the temporary one is removed.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let mut file = partial_file(path)?;
    write(file.as_file_mut())?;
    persist(file, path)
}

/// The folder of a file, created if it does not exist.
fn folder_of(path: &Path) -> Result<&Path> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    Ok(folder)
}

/// How the names of temporary files begin.
const PARTIAL: &str = ".partial-";

/// A temporary file in the folder of `path`, locked for as long as it is open.
pub(super) fn partial_file(path: &Path) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PARTIAL);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    loop {
        let file = builder.tempfile_in(folder_of(path)?).map_err(Error::io(path))?;
        // Another process that clears the folder may have been quicker than the lock, and removes this file.
        if !matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock)) {
            return Ok(file);
        }
    }
}

/// Removes the temporary files that killed processes have left in a folder: those that no process has locked.
pub fn remove_partial_files(folder: &Path) {
    for name in list_folder(folder).unwrap_or_default().iter().filter(|name| name.starts_with(PARTIAL)) {
        let path = folder.join(name);
        // A file that cannot be opened, locked or removed is not ours to remove, and it does no harm.
        if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Flushes a temporary file to disk and renames it to `path`.
pub(super) fn persist(mut file: NamedTempFile, path: &Path) -> Result<()> {
    let folder = folder_of(path)?;
    file.as_file_mut().flush().map_err(Error::io(path))?;
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist(path).map_err(|error| Error::io(path)(error.error))?;
    // The new name itself must survive a power cut.
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))?;
    Ok(())
}

/// Writes a text file atomically.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, |file| file.write_all(text.as_bytes()).map_err(Error::io(path)))
}

/// BLAKE3 of the bytes of a file.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path).map_err(Error::io(path))?;
    std::io::copy(&mut file, &mut hasher).map_err(Error::io(path))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Reads a whole text file: UTF-8, with or without a byte-order mark, or else one of the encodings that editors and
/// spreadsheets write.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    match String::from_utf8(bytes) {
        Ok(text) if !text.starts_with('\u{feff}') => Ok(text),
        Ok(text) => Ok(text.trim_start_matches('\u{feff}').to_string()),
        Err(error) => crate::data::encoding::decoded(error.as_bytes(), &path.display().to_string()),
    }
}

/// Reads the text of a table, unpacked and decoded.
pub(super) fn read_table_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    crate::data::encoding::decoded(&bytes, &path.display().to_string())
}

/// All bytes of a file.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(Error::io(path))
}

/// Removes a file, if there is one.
pub fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder and everything in it.
pub fn remove_folder(path: &Path) -> Result<()> {
    std::fs::remove_dir_all(path).map_err(Error::io(path))
}

/// Names of the files and folders in a folder.
pub fn list_folder(path: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(path).map_err(Error::io(path))?;
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        Ok(entry.map_err(Error::io(path))?.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_no_process_writes_are_cleared() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".partial-left"), "half").unwrap();
        let path = folder.path().join("whole");
        let mut file = partial_file(&path).unwrap();
        file.write_all(b"whole").unwrap();
        remove_partial_files(folder.path());
        assert_eq!(list_folder(folder.path()).unwrap().len(), 1);
        persist(file, &path).unwrap();
        assert_eq!(list_folder(folder.path()).unwrap(), ["whole"]);
    }
}
