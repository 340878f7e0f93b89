//! Records of a text of separated values, each with the number of the line on which it begins.

/// Reads the records of a text one after another.
pub(super) struct Records<'a> {
    reader: csv_core::Reader,
    rest: &'a [u8],
    /// Lines before `rest`.
    line: usize,
}

impl<'a> Records<'a> {
    pub fn new(text: &'a str, line: usize, separator: u8) -> Self {
        Self { reader: csv_core::ReaderBuilder::new().delimiter(separator).build(), rest: text.as_bytes(), line }
    }

    fn take(&mut self, n_bytes: usize) {
        let (taken, rest) = self.rest.split_at(n_bytes);
        self.line += taken.iter().filter(|byte| **byte == b'\n').count();
        self.rest = rest;
    }

    pub fn next(&mut self) -> Option<Line> {
        let n_blank = self.rest.iter().take_while(|byte| **byte == b'\n' || **byte == b'\r').count();
        self.take(n_blank);
        let number = self.line as u32 + 1;
        let (mut text, mut ends) = (vec![0; 256], vec![0; 32]);
        let (mut n_text, mut n_ends) = (0, 0);
        loop {
            let (result, n_read, n_written, n_ended) =
                self.reader.read_record(self.rest, &mut text[n_text..], &mut ends[n_ends..]);
            self.take(n_read);
            (n_text, n_ends) = (n_text + n_written, n_ends + n_ended);
            match result {
                csv_core::ReadRecordResult::OutputFull => text.resize(2 * text.len(), 0),
                csv_core::ReadRecordResult::OutputEndsFull => ends.resize(2 * ends.len(), 0),
                // The next call, without input, ends the last record.
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::Record => break,
                csv_core::ReadRecordResult::End => return None,
            }
        }
        text.truncate(n_text);
        ends.truncate(n_ends);
        // Separators are ASCII, so the text between them is still valid UTF-8.
        Some(Line { number, text: String::from_utf8_lossy(&text).into_owned(), ends })
    }
}

/// A record and the number of the line on which it begins, from 1.
pub(super) struct Line {
    pub number: u32,
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
}

impl Line {
    pub fn n_cells(&self) -> usize {
        self.ends.len()
    }

    pub fn cell(&self, column: usize) -> &str {
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        &self.text[start..self.ends[column]]
    }

    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.n_cells()).map(|column| self.cell(column))
    }

    /// Whether it is a remark and not a row: one cell of words, the others empty.
    pub fn is_remark(&self) -> bool {
        let mut cells = self.cells().map(str::trim);
        let first = cells.next().unwrap_or("");
        // A single word is the label of a row without values; a sentence is a remark.
        let is_sentence = self.n_cells() == 1 || first.contains([' ', ':']);
        is_sentence
            && first.starts_with(|c: char| c.is_alphabetic() || "#*(©\"".contains(c))
            && cells.all(str::is_empty)
    }
}
