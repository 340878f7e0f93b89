//! Turns the bytes of a file into text: unpacks gzip and decodes UTF-8, UTF-16 with a byte-order mark, or else
//! Latin-1.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};
use crate::memory;

/// Unpacks bytes and decodes them as text. Fails for zip archives, damaged gzip files and text with NUL bytes.
pub(super) fn decoded(bytes: &[u8], place: &str) -> Result<String> {
    let unpacked;
    let bytes = if is_gzip(bytes) {
        unpacked = unpack(bytes, place)?;
        &unpacked[..]
    } else {
        bytes
    };
    let wide = |order: fn([u8; 2]) -> u16| -> String {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| order([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_string(),
            Err(_) => bytes.iter().map(|&byte| byte as char).collect(),
        },
    };
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(Error::data(place, "it is a zip archive or an Excel workbook; save the table as CSV"));
    }
    if text.contains('\0') {
        return Err(Error::data(place, "it contains NUL bytes: it is not a text file, or is damaged"));
    }
    Ok(text)
}

/// The first lines of a text file; `None` if it cannot be read.
pub(super) fn beginning(path: &Path) -> Option<String> {
    const LENGTH: u64 = 1 << 16;
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LENGTH).read_to_end(&mut bytes).ok()?;
    if is_gzip(&bytes) {
        let mut unpacked = Vec::new();
        // The cut-off end of the gzip stream gives an error; the text before it is enough.
        let _ = flate2::read::MultiGzDecoder::new(&bytes[..]).take(LENGTH).read_to_end(&mut unpacked);
        bytes = unpacked;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Unpacks a gzip file; refuses one that outgrows the machine's memory while it is being unpacked.
fn unpack(bytes: &[u8], place: &str) -> Result<Vec<u8>> {
    const PART: u64 = 1 << 26;
    let mut reader = flate2::read::MultiGzDecoder::new(bytes);
    let mut unpacked = Vec::new();
    loop {
        let part = reader.by_ref().take(PART).read_to_end(&mut unpacked);
        let part = part.map_err(|_| Error::data(place, "not a complete gzip file: it is damaged or cut off"))?;
        if part == 0 {
            return Ok(unpacked);
        }
        memory::require(4.0 * unpacked.len() as f64, &format!("{place}, unpacked,"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_encodings_and_gzip_are_unpacked() {
        let text = "d,Ä\n1,2\n3,4\n";
        let mut wide = vec![0xff, 0xfe];
        wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decoded(&wide, "x").unwrap(), text);
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        assert_eq!(decoded(&latin, "x").unwrap(), text);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(decoded(&packed, "x").unwrap(), text);
        assert!(decoded(&packed[..20], "x").unwrap_err().to_string().contains("not a complete gzip file"));
    }
}
