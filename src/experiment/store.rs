//! State of unfinished work: one file per finished item (a decision date or an account), written atomically.
//!
//! ```text
//! results/<name>/windows/run.toml     fingerprint of configuration, data and program
//! results/<name>/windows/00042.json   the 43rd decision date
//! results/<name>/simulation/accounts/ the same layout for the accounts of a simulation
//! ```
//! A run that is started again with the same fingerprint continues after the last complete file. With another
//! fingerprint it is refused, because its dates would not belong together. An item carries a checksum of fingerprint,
//! number and content. If an item was changed or damaged, it is computed again together with all later ones, and the
//! user is notified. An open store holds the lock of its folder, so that two processes never work on the same items.

use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::data::{LOCK, Lock, read_bytes, read_text, remove_folder, remove_partial_files, write_atomically};
use crate::error::{Error, Result, toml_message};

pub(super) struct Store<T> {
    folder: PathBuf,
    fingerprint: String,
    /// Released when the store is dropped or the process is killed.
    _lock: Lock,
    item: PhantomData<T>,
}

/// Items found in a store.
pub(super) struct Stored<T> {
    /// The items from the first one on, up to the first gap.
    pub items: Vec<T>,
    /// A message about the file after these items, if it could not be used.
    pub damaged: Option<String>,
}

/// Text around an item in its file: `{"blake3":"<64 digits>","item":<JSON>}`.
const BEFORE_CHECKSUM: &str = "{\"blake3\":\"";
const BEFORE_ITEM: &str = "\",\"item\":";

#[derive(Serialize, Deserialize)]
struct Header {
    fingerprint: String,
    /// Seconds of work in all sessions so far.
    seconds: f64,
}

impl<T: Serialize + DeserializeOwned> Store<T> {
    /// Opens and locks the folder of a run. Returns the store and the seconds already spent on the run. No item is
    /// written yet; if the run is then refused, the lock removes an empty folder, so that nothing is left. Fails if
    /// the unfinished work has another fingerprint.
    pub fn open(folder: &Path, items: &str, fingerprint: &str) -> Result<(Self, f64)> {
        let place = folder.join(items);
        let lock = Lock::take(&place.join(LOCK))?;
        remove_partial_files(folder);
        let store = Self { folder: place, fingerprint: fingerprint.to_string(), _lock: lock, item: PhantomData };
        let file = store.header_file();
        if !file.exists() {
            return Ok((store, 0.0));
        }
        let config = |message: String| Error::Config { file: file.display().to_string(), message };
        let header: Header = toml::from_str(&read_text(&file)?).map_err(|error| {
            config(format!("{}; discard the unfinished work with --fresh", toml_message(&error, None)))
        })?;
        if header.fingerprint != fingerprint {
            let message = "this unfinished run has another configuration, other data or another version of minvar; \
                           finish it with those, choose another --out, or discard it with --fresh";
            return Err(config(message.to_string()));
        }
        Ok((store, header.seconds))
    }

    /// Discards unfinished work. Fails if a process is working on it.
    pub fn discard(folder: &Path, items: &str) -> Result<()> {
        let folder = folder.join(items);
        if !folder.exists() {
            return Ok(());
        }
        let _lock = Lock::take(&folder.join(LOCK))?;
        remove_folder(&folder)
    }

    /// Removes the items of finished work and their lock.
    pub fn close(self) -> Result<()> {
        remove_folder(&self.folder)
    }

    /// Writes the header: the fingerprint of the run and the time spent. Must be called before the first item is
    /// saved.
    pub fn save_seconds(&self, seconds: f64) -> Result<()> {
        let header = Header { fingerprint: self.fingerprint.clone(), seconds };
        let text = toml::to_string(&header).expect("a header is plain data");
        let file = self.header_file();
        write_atomically(&file, |out| out.write_all(text.as_bytes()).map_err(Error::io(&file)))
    }

    /// Writes one item.
    pub fn save(&self, number: usize, item: &T) -> Result<()> {
        let file = self.file(number);
        let item = serde_json::to_string(item).expect("an item is plain data");
        let text = format!("{BEFORE_CHECKSUM}{}{BEFORE_ITEM}{item}}}", self.checksum(number, &item));
        write_atomically(&file, |out| out.write_all(text.as_bytes()).map_err(Error::io(&file)))
    }

    /// Loads the stored items without a gap from the first one on, at most `total`.
    pub fn load(&self, total: usize) -> Result<Stored<T>> {
        let mut stored = Stored { items: Vec::new(), damaged: None };
        if !self.header_file().exists() {
            return Ok(stored); // without a header it is unknown which run the files belong to
        }
        while stored.items.len() < total && self.file(stored.items.len()).exists() {
            let file = self.file(stored.items.len());
            let bytes = read_bytes(&file)?;
            match self.checked(stored.items.len(), &bytes) {
                Some(item) => stored.items.push(item),
                None => {
                    let words = "was changed or damaged; it is computed again, with all later ones";
                    stored.damaged = Some(format!("{} {words}", file.display()));
                    break;
                }
            }
        }
        Ok(stored)
    }

    /// The item in a file's bytes; `None` if any byte differs from what was written.
    fn checked(&self, number: usize, bytes: &[u8]) -> Option<T> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (checksum, item) = text.strip_prefix(BEFORE_CHECKSUM)?.strip_suffix('}')?.split_once(BEFORE_ITEM)?;
        (checksum == self.checksum(number, item)).then(|| serde_json::from_str(item).ok())?
    }

    fn checksum(&self, number: usize, item: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.fingerprint.as_bytes()).update(&(number as u64).to_le_bytes()).update(item.as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    fn header_file(&self) -> PathBuf {
        self.folder.join("run.toml")
    }

    fn file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number:05}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_of_an_item_can_change_unnoticed_and_no_item_can_take_anothers_place() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::<Vec<f64>>::open(folder.path(), "items", "mine").unwrap().0;
        let store = open();
        store.save_seconds(1.0).unwrap();
        let items = [vec![0.25, 0.75], vec![0.5, 0.5]];
        items.iter().enumerate().for_each(|(k, item)| store.save(k, item).unwrap());
        assert!(Store::<Vec<f64>>::open(folder.path(), "items", "mine").is_err(), "the store is locked");
        drop(store);
        assert_eq!(open().load(9).unwrap().items, items);
        let first = folder.path().join("items/00000.json");
        let whole = read_bytes(&first).unwrap();
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            write_atomically(&first, |out| out.write_all(&changed).map_err(Error::io(&first))).unwrap();
            let stored = open().load(9).unwrap();
            assert!(
                stored.items.is_empty() && stored.damaged.unwrap().contains("00000.json was changed"),
                "byte {place}"
            );
        }
        std::fs::copy(folder.path().join("items/00001.json"), &first).unwrap();
        assert!(open().load(9).unwrap().items.is_empty());
    }
}
