//! Files of separated values as text cells. The separator is found, text above and below the table is left out with a
//! note, and a line that does not fit the header is refused.
//!
//! ```text
//! separators   comma, semicolon, tab, vertical bar, caret, blanks: the one that splits most lines into equally many cells
//! encodings    UTF-8, UTF-16 with a byte-order mark, else Latin-1; gzip is unpacked
//! header       the first line with as many cells as the table has columns; or, as yfinance writes it, two lines with
//!              fields and symbols, and a third with the name of the index
//! ```

use crate::data::dates::{is_date, is_sure_date_name};
use crate::data::encoding::decoded;
use crate::data::levels::oriented;
use crate::data::numbers::is_numeric;
use crate::data::records::{Line, Records};
use crate::data::words::plain;
use crate::error::{Error, Result};

/// Lines examined to find the separator and the header.
const PROBE: usize = 200;
/// Most lines that a header with line breaks in its names may have.
const HEADER_LINES: usize = 20;

/// A table of text cells, stored row by row.
pub(super) struct TextTable {
    /// Names of the columns, trimmed.
    pub names: Vec<String>,
    /// Field and symbol of each column, if the header has both.
    pub levels: Option<Vec<(String, String)>>,
    /// Lines for the user on what was left out.
    pub notes: Vec<String>,
    /// The character between cells.
    pub separator: u8,
    /// Number of rows.
    pub n_rows: usize,
    cells: String,
    /// Where each cell ends in `cells`.
    ends: Vec<usize>,
    /// The line of the file that each row begins on.
    lines: Vec<u32>,
}

/// Names of an asset column whose cells are never numbers or dates.
const ASSET: [&str; 5] = ["asset", "symbol", "ticker", "tic", "ric"];

impl TextTable {
    /// Reads the bytes of a file; `place` names it in messages. Refuses an empty file, text inside the table, and
    /// lines with too many or too few cells.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        let (mut text, n_joined) = with_header_in_a_line(decoded(bytes, place)?);
        let refuse = |rule: String| Error::data(place, rule);
        let mut separator = self::separator(&text);
        if separator == b' ' || commonest_width(&text, separator).0 < 2 {
            // Fixed-width columns have runs of blanks between them.
            text = squeezed(&text);
            separator = self::separator(&text);
        }
        let Some(start) = header_line(&text, separator) else {
            return Err(refuse("the file is empty".to_string()));
        };
        let mut notes = Vec::new();
        if start.line > 0 {
            notes.push(format!("{} of text above the table left out", lines(start.n_texts)));
        }
        let mut records = Records::new(&text[start.byte..], start.line + n_joined, separator);
        let mut next = || records.next();
        let header = next().ok_or_else(|| refuse("the file is empty".to_string()))?;
        let mut table = Self {
            names: header.cells().map(|name| name.trim().to_string()).collect(),
            levels: None,
            notes,
            separator,
            n_rows: 0,
            cells: String::new(),
            ends: Vec::new(),
            lines: Vec::new(),
        };
        let mut waiting = next();
        if let Some(levels) = waiting.as_ref().and_then(|second| levels(&table.names, second)) {
            waiting = next();
            let rest_is_empty = |line: &Line| line.cells().skip(1).all(|cell| cell.trim().is_empty());
            if let Some(third) = waiting.take_if(|line| line.n_cells() > 1 && rest_is_empty(line)) {
                table.names[0] = third.cell(0).trim().to_string();
                waiting = next();
            }
            table.levels = Some(levels);
        }
        if let Some(first) = &waiting {
            table.fit_header(first).map_err(refuse)?;
        }
        let mut rest: Vec<Line> = Vec::new();
        let mut n_empty = 0;
        while let Some(line) = waiting {
            if line.cells().all(|cell| cell.trim().is_empty()) {
                n_empty += usize::from(line.n_cells() > 1);
            } else if line.is_remark() && table.names.len() > 1 {
                rest.push(line);
            } else if let Some(remark) = rest.first() {
                let text = remark.cell(0);
                return Err(refuse(format!("line {}: '{text}' is text inside the table", remark.number)));
            } else {
                table.push(&line).map_err(refuse)?;
            }
            waiting = next();
        }
        if !rest.is_empty() {
            table.notes.push(format!("{} of text below the table left out", lines(rest.len())));
        }
        if n_empty > 0 {
            table.notes.push(format!("{} without any value left out", lines(n_empty)));
        }
        Ok(table)
    }

    /// Adapts the header to the first row if one of the two has an extra cell for a known reason.
    fn fit_header(&mut self, first: &Line) -> std::result::Result<(), String> {
        let (n_names, n_cells) = (self.names.len(), first.n_cells());
        if n_cells == n_names + 1 && !first.cell(n_cells - 1).trim().is_empty() {
            // R writes row names without a name above them. If another name is missing instead, all columns would
            // shift by one.
            for (name, cell) in self.names.iter().zip(first.cells().skip(1).map(str::trim)) {
                let is_asset_of_numbers = ASSET.contains(&plain(name).as_str()) && (is_date(cell) || is_numeric(cell));
                if is_asset_of_numbers || (is_sure_date_name(name) && !is_date(cell)) {
                    return Err(format!(
                        "line {}: {n_cells} cells under a header of {n_names}: a name is missing, or a number contains \
                         the separator ('{cell}' would be under {name})",
                        first.number
                    ));
                }
            }
            self.names.insert(0, String::new());
            if let Some(levels) = &mut self.levels {
                levels.insert(0, Default::default());
            }
        } else if n_names == n_cells + 1 && self.names.last().is_some_and(String::is_empty) {
            self.names.pop();
        }
        Ok(())
    }

    fn push(&mut self, line: &Line) -> std::result::Result<(), String> {
        let (n_names, n_cells) = (self.names.len(), line.n_cells());
        let ends_empty = n_cells == n_names + 1 && line.cell(n_cells - 1).is_empty();
        if n_cells != n_names && !ends_empty {
            let hint = if n_cells < n_names { "; the file may be cut off" } else { "" };
            return Err(format!("line {}: {n_cells} cells under a header of {n_names}{hint}", line.number));
        }
        for cell in line.cells().take(n_names) {
            self.cells.push_str(cell);
            self.ends.push(self.cells.len());
        }
        self.lines.push(line.number);
        self.n_rows += 1;
        Ok(())
    }

    /// A cell as in the file.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        let place = row * self.names.len() + column;
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.cells[start..self.ends[place]]
    }

    /// The cells of a column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = &str> + Clone {
        (0..self.n_rows).map(move |row| self.cell(row, column))
    }

    /// The line of the file that a row begins on.
    pub fn line(&self, row: usize) -> u32 {
        self.lines[row]
    }
}

fn lines(n: usize) -> String {
    if n == 1 { "1 line".to_string() } else { format!("{n} lines") }
}

/// Field and symbol of each column, if one of the first two lines names fields and the other does not hold values.
fn levels(first: &[String], second: &Line) -> Option<Vec<(String, String)>> {
    let second: Vec<String> = second.cells().map(|cell| cell.trim().to_string()).collect();
    if first.len() != second.len() || first.len() < 2 {
        return None;
    }
    let (above, below) = (&first[1..], &second[1..]);
    let are_words = |cells: &[String]| cells.iter().all(|cell| !cell.is_empty() && cell.parse::<f64>().is_err());
    if !are_words(above) || !are_words(below) {
        return None;
    }
    let pairs = oriented(above.iter().cloned().zip(below.iter().cloned()).collect())?;
    Some(std::iter::once(Default::default()).chain(pairs).collect())
}

/// The number of cells into which a separator splits a line; separators inside quotation marks do not count.
fn n_cells(line: &str, separator: u8) -> usize {
    let mut quoted = false;
    let mut n = 1;
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        n += usize::from(byte == separator && !quoted);
    }
    n
}

fn probed(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.lines().filter(|line| !line.trim().is_empty()).take(PROBE)
}

/// The commonest number of cells of the first lines, and the number of lines that have it.
fn commonest_width(text: &str, separator: u8) -> (usize, usize) {
    let mut counts = std::collections::BTreeMap::new();
    probed(text).for_each(|line| *counts.entry(n_cells(line, separator)).or_insert(0usize) += 1);
    counts.into_iter().max_by_key(|(width, n)| (*n, *width)).unwrap_or((1, 0))
}

/// The separator for which most lines have the same number of cells, more than one.
fn separator(text: &str) -> u8 {
    // Of equally good separators the last one wins.
    let fit = |separator: &u8| {
        let (width, n) = commonest_width(text, *separator);
        if width > 1 { n } else { 0 }
    };
    [b'^', b' ', b'|', b'\t', b';', b','].into_iter().max_by_key(fit).unwrap_or(b',')
}

/// Replaces each run of blanks by one, except in lines with quotation marks.
fn squeezed(text: &str) -> String {
    let squeeze = |line: &str| match line.contains('"') {
        true => line.to_string(),
        false => line.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    text.lines().map(squeeze).collect::<Vec<_>>().join("\n")
}

/// Start of the table in its file.
struct TableStart {
    byte: usize,
    /// Number of lines above it, including empty ones.
    line: usize,
    /// Number of lines with text above it.
    n_texts: usize,
}

/// Replaces line breaks inside quotes in the first record by blanks; returns the text and the number of line breaks
/// replaced.
fn with_header_in_a_line(mut text: String) -> (String, usize) {
    let is_open = |line: &str| line.matches('"').count() % 2 == 1;
    let start = text.len() - text.trim_start().len();
    let lines: Vec<&str> = text[start..].split_inclusive('\n').take(HEADER_LINES).collect();
    let last = lines.iter().skip(1).position(|line| is_open(line)).map_or(0, |place| place + 1);
    if last == 0 || !is_open(lines[0]) {
        return (text, 0);
    }
    let record: Vec<&str> = lines[..=last].iter().map(|line| line.trim_end_matches(['\r', '\n'])).collect();
    let length = lines[..last].iter().map(|line| line.len()).sum::<usize>() + record[last].len();
    let record = record.join(" ");
    text.replace_range(start..start + length, &record);
    (text, last)
}

/// The first line with as many cells as the table, or the line above it if R left out a name.
fn header_line(text: &str, separator: u8) -> Option<TableStart> {
    let (width, _) = commonest_width(text, separator);
    let mut starts: Vec<(TableStart, &str)> = Vec::new();
    let (mut byte, mut n_texts) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate().take(10 * PROBE) {
        if !line.trim().is_empty() {
            starts.push((TableStart { byte, line: number, n_texts }, line));
            n_texts += 1;
            if n_cells(line.trim_end(), separator) >= width {
                break;
            }
        }
        byte += line.len();
    }
    let holds_names = |line: &str| {
        let cells: Vec<&str> =
            line.trim_end().split(char::from(separator)).map(|cell| cell.trim_matches('"')).collect();
        cells.iter().skip(1).all(|cell| cell.trim().parse::<f64>().is_err())
    };
    let (last, line) = starts.pop()?;
    match starts.pop() {
        Some((above, names)) if n_cells(names.trim_end(), separator) + 1 == width && !holds_names(line) => Some(above),
        _ => Some(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &str) -> TextTable {
        TextTable::parse(text.as_bytes(), "x.csv").unwrap()
    }

    #[track_caller]
    fn cells(text: &str, names: &[&str], second_row: &[&str]) {
        let table = read(text);
        assert_eq!(table.names, names);
        assert_eq!((0..names.len()).map(|column| table.cell(1, column)).collect::<Vec<_>>(), second_row);
    }

    #[test]
    fn separators_are_found_and_decimal_commas_do_not_mislead() {
        for separator in [",", ";", "\t", "|", " "] {
            let text = "d,A,B\n1,0.1,0.2\n2,0.3,0.4\n".replace(',', separator);
            cells(&text, &["d", "A", "B"], &["2", "0.3", "0.4"]);
        }
        cells("d;A;B\n1;0,1;0,2\n2;0,3;0,4\n", &["d", "A", "B"], &["2", "0,3", "0,4"]);
        cells("d        A     B\n1      0.1   0.2\n2     10.3   0.4\n", &["d", "A", "B"], &["2", "10.3", "0.4"]);
        cells("d,A\n1,\"1,234.5\"\n2,\"2,000.0\"\n", &["d", "A"], &["2", "2,000.0"]);
    }

    #[test]
    fn text_around_a_table_is_left_out_and_said() {
        let table = read("Downloaded from somewhere\n\nd,A\n1,2\n3,4\nSource: somewhere\n,\n");
        assert_eq!((table.names.as_slice(), table.n_rows, table.line(1)), (&["d".to_string(), "A".into()][..], 2, 5));
        assert_eq!(
            table.notes,
            [
                "1 line of text above the table left out",
                "1 line of text below the table left out",
                "1 line without any value left out"
            ]
        );
    }

    #[test]
    fn a_header_may_lack_the_name_of_row_names() {
        cells("A,B\nx,1,2\ny,3,4\n", &["", "A", "B"], &["y", "3", "4"]);
        // If another name is missing, every column would shift by one.
        for text in ["Date,A\n2019-05-01,1,2\n", "date,symbol,close\n2019-05-01,A,1,2\n", "close,symbol\nA,1,2\n"] {
            let message = TextTable::parse(text.as_bytes(), "x.csv").err().unwrap().to_string();
            assert!(message.contains("line 2") && message.contains("a name is missing"), "{message}");
        }
        cells("A,B,\n1,2\n3,4\n", &["A", "B"], &["3", "4"]);
        cells("A,B\n1,2,\n3,4,\n", &["A", "B"], &["3", "4"]);
    }

    #[test]
    fn headers_of_two_levels_are_recognised_in_either_order() {
        let pair = |field: &str, symbol: &str| (field.to_string(), symbol.to_string());
        let expected = vec![pair("", ""), pair("Close", "A"), pair("High", "A")];
        let table = read("Price,Close,High\nTicker,A,A\nDate,,\n2020-01-02,1,2\n");
        assert_eq!((table.levels.as_ref(), table.n_rows, table.names[0].as_str()), (Some(&expected), 1, "Date"));
        assert_eq!(read("Ticker,A,A\nPrice,Close,High\n2020-01-02,1,2\n").levels, Some(expected));
        assert_eq!(read("Date,Close,High\n2020-01-02,1,2\n2020-01-03,1,2\n").levels, None);
    }

    #[test]
    fn lines_that_do_not_fit_are_named() {
        let refused =
            |text: &str| TextTable::parse(text.as_bytes(), "x.csv").err().expect("must be refused").to_string();
        assert_eq!(
            refused("d,A,B\n1,2,3\n1,2\n"),
            "x.csv: line 3: 2 cells under a header of 3; the file may be cut off"
        );
        assert_eq!(refused("d,A\n1,2\n1,2,3\n1,4\n"), "x.csv: line 3: 3 cells under a header of 2");
        assert!(refused("d,A\n1,2\nnote\n3,4\n").contains("line 3: 'note' is text inside the table"));
        assert!(refused("").contains("the file is empty"));
        assert!(refused("PK\u{3}\u{4}x").contains("Excel workbook"));
    }
}
