//! A formatted table: the same cells for a terminal, a Markdown page and a LaTeX document.

use comfy_table::{CellAlignment, ContentArrangement, Table as TextTable, TableComponent, presets};

/// Rows of cells under a header; the first `n_texts` columns are text, the others numbers.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Sheet {
    /// The caption; may be empty.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows, each with as many cells as the header.
    pub rows: Vec<Vec<String>>,
    /// Number of leading columns that hold text and are aligned left.
    pub n_texts: usize,
    /// Remarks below the table, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Sheet {
    /// A table without rows.
    pub fn new(caption: impl Into<String>, header: &[&str], n_texts: usize) -> Self {
        let header = header.iter().map(|name| name.to_string()).collect();
        Self { caption: caption.into(), header, rows: Vec::new(), n_texts, notes: Vec::new() }
    }

    fn text_table(&self) -> TextTable {
        let mut table = TextTable::new();
        table.set_content_arrangement(ContentArrangement::Disabled).set_header(&self.header);
        for row in &self.rows {
            table.add_row(row);
        }
        table.column_iter_mut().skip(self.n_texts).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        table
    }

    /// The table for a terminal, without the caption.
    pub fn terminal(&self) -> String {
        let mut table = self.text_table();
        table.load_preset(presets::NOTHING);
        for line in [TableComponent::HeaderLines, TableComponent::MiddleHeaderIntersections] {
            table.set_style(line, '─');
        }
        self.with_notes(table.to_string(), "\n")
    }

    /// A formatted table followed by its notes.
    fn with_notes(&self, table: String, gap: &str) -> String {
        let notes: Vec<String> = self.notes.iter().map(|note| format!("- {note}")).collect();
        if notes.is_empty() { table } else { format!("{table}{gap}{}", notes.join("\n")) }
    }

    /// The table for a Markdown page, below its caption.
    pub fn markdown(&self) -> String {
        let mut table = self.text_table();
        table.load_preset(presets::ASCII_MARKDOWN);
        let table = self.with_notes(table.to_string(), "\n\n");
        if self.caption.is_empty() { table } else { format!("{}:\n\n{table}", self.caption) }
    }

    /// The table for a LaTeX document that uses the package `booktabs`.
    pub fn latex(&self) -> String {
        let columns: String = (0..self.header.len()).map(|k| if k < self.n_texts { 'l' } else { 'r' }).collect();
        let line =
            |cells: &[String]| format!("{} \\\\\n", cells.iter().map(|c| escaped(c)).collect::<Vec<_>>().join(" & "));
        let (caption, header) = (escaped(&self.caption), line(&self.header));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        let notes: String = self.notes.iter().map(|note| format!("\\par {}\n", escaped(note))).collect();
        format!(
            "\\begin{{table}}\n\\caption{{{caption}}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{header}\\midrule\n{rows}\
             \\bottomrule\n\\end{{tabular}}\n{notes}\\end{{table}}\n"
        )
    }
}

/// Escapes LaTeX's special characters, and typesets the minus sign of a number as a minus.
fn escaped(text: &str) -> String {
    let text = match text.strip_prefix('-') {
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => format!("−{number}"),
        _ => text.to_string(),
    };
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '−' => out.push_str("$-$"),
            '→' => out.push_str("$\\to$"),
            _ => out.push(c),
        }
    }
    out
}

/// A number with this many digits after the point; a dash for NaN.
pub(crate) fn number(x: f64, digits: usize) -> String {
    if x.is_nan() { "-".to_string() } else { format!("{x:.digits$}") }
}

/// A fraction in percent with this many digits after the point; a dash for NaN.
pub(crate) fn percent(x: f64, digits: usize) -> String {
    if x.is_nan() { "-".to_string() } else { format!("{:.digits$} %", 100.0 * x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped_for_latex() {
        assert_eq!(escaped("a_b & 5 % \\x"), "a\\_b \\& 5 \\% \\textbackslash{}x");
        assert_eq!(escaped("-1.5"), "$-$1.5");
        let mut sheet = Sheet::new("t", &["a", "b"], 1);
        sheet.rows.push(vec!["x".to_string(), "1".to_string()]);
        assert!(sheet.latex().contains("{lr}") && sheet.latex().contains("x & 1 \\\\\n"), "{}", sheet.latex());
    }
}
