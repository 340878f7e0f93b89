//! The file of suspects: findings as rows that `exclude` in `[data]` can use once a person has reviewed them.
//!
//! ```text
//! asset,first,last,finding          one row for each asset of a finding
//! ```
//! The first asset of each group of duplicates or twins has no row, so that one of the group stays. Findings on the
//! panel as a whole and ends of a source have no row either: they concern no day of an asset.

use std::path::Path;

use super::{Finding, Kind};
use crate::data::files::{read_text, write_text};
use crate::error::Result;
use crate::panel::Panel;

/// Outcome of writing a file of suspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspects {
    /// The file was written.
    Written,
    /// The file was there already, with the same content.
    Same,
    /// A file with other content is there, which a person may have edited: it was left alone.
    Kept,
}

/// Writes the suspects of a panel, unless a file with other content is there; returns the outcome and the number of
/// rows.
pub fn write_suspects(panel: &Panel, findings: &[Finding], path: &Path) -> Result<(Suspects, usize)> {
    let rows = rows(panel, findings);
    let text = format!("asset,first,last,finding\n{}", rows.concat());
    let outcome = match path.exists() {
        false => {
            write_text(path, &text)?;
            Suspects::Written
        }
        true if read_text(path)? == text => Suspects::Same,
        true => Suspects::Kept,
    };
    Ok((outcome, rows.len()))
}

fn rows(panel: &Panel, findings: &[Finding]) -> Vec<String> {
    let symbol = |asset: usize| panel.assets()[asset].symbol.as_str();
    let date = |day: usize| panel.calendar().date(day);
    let mut rows = Vec::new();
    for finding in findings.iter().filter(|finding| finding.kind != Kind::End) {
        let copies = matches!(finding.kind, Kind::Duplicate | Kind::Twin);
        for &asset in &finding.assets[usize::from(copies).min(finding.assets.len())..] {
            let kept = if copies { format!("; {} stays", symbol(finding.assets[0])) } else { String::new() };
            let text = format!("{}: {}{kept}", finding.kind.name(), finding.text);
            rows.push(format!(
                "{},{},{},{}\n",
                quoted(symbol(asset)),
                date(finding.first),
                date(finding.last),
                quoted(&text)
            ));
        }
    }
    rows
}

/// Text quoted as a cell of a CSV file where necessary.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}
