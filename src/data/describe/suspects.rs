//! The file of suspects: findings as rows that `exclude` in `[data]` can take over once they were looked at.
//!
//! ```text
//! asset,first,last,finding          one row an asset of a finding
//! ```
//! Of duplicates and twins the first asset is left out, so that one of each group stays. Findings on the panel as a whole
//! and ends have no row: no day of an asset would go with them.

use std::path::Path;

use super::{Finding, Kind};
use crate::data::files::{read_text, write_text};
use crate::error::Result;
use crate::panel::Panel;

/// What became of a file of suspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspects {
    /// It was written.
    Written,
    /// It was there already, with the same content.
    Same,
    /// Another one is there, which somebody may have edited: it was left alone.
    Kept,
}

/// Writes the suspects of a panel, unless a file with other content is there; says how many rows there are.
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

/// A cell of a CSV file.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}
