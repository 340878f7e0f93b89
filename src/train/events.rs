//! TensorBoard event files with scalars: `tensorboard --logdir FOLDER`.
//!
//! ```text
//! record   length (u64) · masked CRC-32C of the length · data · masked CRC-32C of the data, little endian
//! mask     (crc rotated right by 15) + 0xa282ead8
//! data     Event { 1: wall_time (double), 2: step (varint), 3: file_version | 5: Summary { 1: Value { 1: tag, 2: float } } }
//! ```
//! TFRecord framing and the protocol buffers `event.proto` and `summary.proto` of TensorFlow.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Name of the only event file in a folder.
const FILE: &str = "events.out.tfevents.0.minvar";

/// Bytes to append to an event file.
#[derive(Default)]
pub struct Events(Vec<u8>);

impl Events {
    /// The start of a new file: its version record.
    pub fn new(wall_time: f64) -> Self {
        let mut events = Self::default();
        events.record(wall_time, 0, &field_bytes(3, b"brain.Event:2"));
        events
    }

    /// Adds the scalars of one step.
    pub fn scalars(&mut self, wall_time: f64, step: u64, scalars: &[(&str, f64)]) {
        let value = |(tag, value): &(&str, f64)| {
            let float = [vec![2 << 3 | 5], (*value as f32).to_le_bytes().to_vec()].concat();
            field_bytes(1, &[field_bytes(1, tag.as_bytes()), float].concat())
        };
        let summary: Vec<u8> = scalars.iter().flat_map(value).collect();
        self.record(wall_time, step, &field_bytes(5, &summary));
    }

    /// Appends the bytes to the event file of a folder. Returns the file's new length.
    pub fn append_to(&mut self, folder: &Path) -> Result<u64> {
        let path = folder.join(FILE);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::io(&path))?;
        file.write_all(&self.0).and_then(|()| file.sync_data()).map_err(Error::io(&path))?;
        self.0.clear();
        Ok(file.metadata().map_err(Error::io(&path))?.len())
    }

    fn record(&mut self, wall_time: f64, step: u64, what: &[u8]) {
        let mut event = vec![1 << 3 | 1];
        event.extend(wall_time.to_le_bytes());
        event.push(2 << 3);
        event.extend(varint(step));
        event.extend(what);
        let length = (event.len() as u64).to_le_bytes();
        self.0.extend(length);
        self.0.extend(masked(&length));
        self.0.extend(&event);
        self.0.extend(masked(&event));
    }
}

/// Cuts the event file of a folder to `length` bytes, because the steps after a checkpoint are recorded again.
pub fn truncate(folder: &Path, length: u64) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let path = folder.join(FILE);
    let options = OpenOptions::new().create(true).write(true).truncate(false).open(&path);
    options.and_then(|file| file.set_len(length)).map_err(Error::io(&path))
}

/// A length-delimited field.
fn field_bytes(number: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn varint(mut x: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while x >= 0x80 {
        bytes.push(x as u8 | 0x80);
        x >>= 7;
    }
    bytes.push(x as u8);
    bytes
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_frames_an_event() {
        let mut events = Events::new(1.5);
        let version = events.0.len();
        events.scalars(2.0, 300, &[("loss", 0.25)]);
        let record = &events.0[version..];
        let length = u64::from_le_bytes(record[..8].try_into().unwrap()) as usize;
        assert_eq!(record.len(), 12 + length + 4);
        let event = &record[12..12 + length];
        let expected = [
            &[0x09][..],
            &2.0f64.to_le_bytes(),
            &[0x10, 0xac, 0x02, 0x2a, 13, 0x0a, 11, 0x0a, 4],
            b"loss",
            &[0x15],
            &0.25f32.to_le_bytes(),
        ]
        .concat();
        assert_eq!(event, expected);
        assert_eq!(masked(b"123456789"), (0xe306_9283u32.rotate_right(15).wrapping_add(0xa282_ead8)).to_le_bytes());
    }
}
