//! The state of unfinished work: one file per finished item, a decision date or an account, written atomically.
//!
//! ```text
//! results/<name>/windows/run.toml     fingerprint of configuration, data and program
//! results/<name>/windows/00042.json   the 43rd decision date
//! results/<name>/simulation/accounts/ the same for the accounts of a simulation
//! ```
//! A run that is started again with the same fingerprint continues behind the last complete file; with another one it
//! is refused, because its dates would not belong together.

use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::data::{read_text, write_atomically};
use crate::error::{Error, Result};

pub(super) struct Store<T> {
    folder: PathBuf,
    item: PhantomData<T>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    fingerprint: String,
    /// Seconds of work in the sessions so far.
    seconds: f64,
}

impl<T: Serialize + DeserializeOwned> Store<T> {
    /// The folder of a run and the seconds already spent on it. Nothing is written yet, so that a run which is
    /// refused leaves nothing behind.
    pub fn open(folder: &Path, items: &str, fingerprint: &str) -> Result<(Self, f64)> {
        let store = Self { folder: folder.join(items), item: PhantomData };
        let file = store.header_file();
        if !file.exists() {
            return Ok((store, 0.0));
        }
        let config = |message: String| Error::Config { file: file.display().to_string(), message };
        let header: Header = toml::from_str(&read_text(&file)?).map_err(|error| config(error.to_string()))?;
        if header.fingerprint != fingerprint {
            let message = "this unfinished run has another configuration, other data or another version of minvar; \
                           finish it with those, choose another --out, or discard it with --fresh";
            return Err(config(message.to_string()));
        }
        Ok((store, header.seconds))
    }

    /// Discards unfinished work.
    pub fn discard(folder: &Path, items: &str) -> Result<()> {
        let folder = folder.join(items);
        if folder.exists() { std::fs::remove_dir_all(&folder).map_err(Error::io(&folder)) } else { Ok(()) }
    }

    /// Notes whose run this is and the time spent; comes before the first item.
    pub fn save_seconds(&self, fingerprint: &str, seconds: f64) -> Result<()> {
        let header = Header { fingerprint: fingerprint.to_string(), seconds };
        let text = toml::to_string(&header).expect("a header is plain data");
        let file = self.header_file();
        write_atomically(&file, |out| out.write_all(text.as_bytes()).map_err(Error::io(&file)))
    }

    /// Writes one item.
    pub fn save(&self, number: usize, item: &T) -> Result<()> {
        let file = self.file(number);
        let text = serde_json::to_vec(item).expect("an item is plain data");
        write_atomically(&file, |out| out.write_all(&text).map_err(Error::io(&file)))
    }

    /// Items stored without a gap from the first on, at most `total`.
    pub fn load(&self, total: usize) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if !self.header_file().exists() {
            return Ok(items); // files without a header belong to no one
        }
        while items.len() < total && self.file(items.len()).exists() {
            let file = self.file(items.len());
            match serde_json::from_str(&read_text(&file)?) {
                Ok(item) => items.push(item),
                Err(_) => break, // damaged from outside: this item and those behind it are computed again
            }
        }
        Ok(items)
    }

    fn header_file(&self) -> PathBuf {
        self.folder.join("run.toml")
    }

    fn file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number:05}.json"))
    }
}
