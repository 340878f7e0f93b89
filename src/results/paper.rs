//! Published numbers compared with ours.
//!
//! Each claim in `paper/expected.toml` has its source, its value with a tolerance, and the cell of a result to compare
//! it with, or the reason why it cannot be tested here. Where ours was made to agree, the row says so.

use std::path::Path;

use serde::Deserialize;

use crate::data::{Columns, NotANumber, read_text};
use crate::error::{Error, Result};
use crate::render::Sheet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    claim: Vec<Claim>,
}

/// A published number, or a published order of several quantities.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    /// The claim in words.
    claim: String,
    /// Where it is published.
    source: String,
    /// The published number; with `order`, the order in words.
    published: toml::Value,
    /// Largest absolute difference that still counts as agreement, in the unit of the number.
    tolerance: Option<f64>,
    /// The cell that holds our number.
    ours: Option<Cell>,
    /// Cells whose values should ascend.
    order: Option<Vec<Cell>>,
    /// For a claim of significance: the bound that our number should be below (or, with `above`, above).
    below: Option<f64>,
    above: Option<f64>,
    /// The reason why it cannot be tested here.
    not_testable: Option<String>,
    /// The reason why agreement would be no evidence: ours was made to be that.
    circular: Option<String>,
    /// A remark on the comparison for the reader.
    note: Option<String>,
}

/// A cell of a CSV file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    /// Path below the folder of results.
    file: String,
    /// Column values that select the row.
    #[serde(rename = "where")]
    filter: toml::Table,
    column: String,
    /// Factor for the number, for example 100 for percent.
    #[serde(default = "one")]
    scale: f64,
    /// Name of the quantity in an order.
    name: Option<String>,
}

fn one() -> f64 {
    1.0
}

/// Outcome of the check of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Ours is within the tolerance, or in the order claimed.
    Agrees,
    /// Ours is outside the tolerance, or in another order.
    Differs,
    /// No result here can answer the claim.
    NotTestable,
    /// Ours was made to agree, so that it is no evidence.
    Circular,
}

impl Verdict {
    /// The verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::NotTestable => "not testable here",
            Self::Circular => "circular",
        }
    }
}

/// A claim with the outcome of its check.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Check {
    /// The claim in words.
    pub claim: String,
    /// Where it is published.
    pub source: String,
    /// The published number or order.
    pub published: String,
    /// Our number or order; empty if there is none.
    pub ours: String,
    /// The outcome.
    pub verdict: Verdict,
    /// The reason for the verdict, and the claim's remark.
    pub note: String,
}

impl Cell {
    fn value(&self, root: &Path) -> Result<f64> {
        let path = root.join(&self.file);
        let columns = Columns::read(&path)?;
        let place = || path.display().to_string();
        let mut rows: Vec<usize> = (0..columns.n_rows()).collect();
        for (name, wanted) in &self.filter {
            let name = columns.require(&[name])?;
            match wanted {
                toml::Value::String(text) => {
                    let cells = columns.texts(&name)?;
                    rows.retain(|row| cells[*row] == *text);
                }
                other => {
                    let number = other.as_float().or(other.as_integer().map(|n| n as f64));
                    let number = number
                        .ok_or_else(|| Error::data(place(), format!("where.{name} is neither text nor a number")))?;
                    let cells = columns.numbers(&name, NotANumber::Missing)?;
                    rows.retain(|row| (cells[*row] - number).abs() < 1e-9 * number.abs().max(1.0));
                }
            }
        }
        let [row] = rows[..] else {
            return Err(Error::data(place(), format!("{} rows have {}, one is needed", rows.len(), self.filter)));
        };
        let value = columns.numbers(&columns.require(&[&self.column])?, NotANumber::Missing)?[row];
        match value.is_nan() {
            true => Err(Error::data(place(), format!("column {} is empty where {}", self.column, self.filter))),
            false => Ok(self.scale * value),
        }
    }
}

impl Claim {
    fn check(&self, root: &Path) -> Result<Check> {
        let checked = self.compared(root)?;
        Ok(match &self.circular {
            Some(why) => Check { verdict: Verdict::Circular, note: why.clone(), ..checked },
            None => checked,
        })
    }

    /// The check, as if agreement were evidence.
    fn compared(&self, root: &Path) -> Result<Check> {
        let published = self.published.as_str().map_or_else(|| self.published.to_string(), str::to_string);
        let check = |ours: String, verdict, note: String| Check {
            claim: self.claim.clone(),
            source: self.source.clone(),
            published: published.clone(),
            ours,
            verdict,
            note,
        };
        let note = self.note.clone().unwrap_or_default();
        let agrees = |yes: bool| if yes { Verdict::Agrees } else { Verdict::Differs };
        if let Some(why) = &self.not_testable {
            return Ok(check(String::new(), Verdict::NotTestable, why.clone()));
        }
        if let Some(cells) = &self.order {
            let values: Vec<f64> = cells.iter().map(|cell| cell.value(root)).collect::<Result<_>>()?;
            let ascending = values.windows(2).all(|pair| pair[0] < pair[1]);
            let name = |cell: &Cell| cell.name.clone().unwrap_or_else(|| cell.column.clone());
            let mut ours: Vec<(String, f64)> = cells.iter().map(name).zip(values).collect();
            ours.sort_by(|a, b| a.1.total_cmp(&b.1));
            let ours: Vec<String> = ours.iter().map(|(name, value)| format!("{name} {}", short(*value))).collect();
            return Ok(check(ours.join(" < "), agrees(ascending), note));
        }
        let malformed =
            || Error::data("paper/expected.toml", format!("'{}' has neither ours, order nor not_testable", self.claim));
        let value = self.ours.as_ref().ok_or_else(malformed)?.value(root)?;
        if self.below.is_some() || self.above.is_some() {
            let holds = self.below.is_none_or(|bound| value < bound) && self.above.is_none_or(|bound| value > bound);
            return Ok(check(short(value), agrees(holds), note));
        }
        let number = self.published.as_float().or(self.published.as_integer().map(|n| n as f64));
        let (Some(number), Some(tolerance)) = (number, self.tolerance) else {
            return Err(Error::data("paper/expected.toml", format!("'{}' needs a number and a tolerance", self.claim)));
        };
        let within = (value - number).abs() <= tolerance;
        let words = format!("tolerance {tolerance}{}{note}", if note.is_empty() { "" } else { "; " });
        Ok(check(short(value), agrees(within), words))
    }
}

/// A number with three or four digits.
fn short(value: f64) -> String {
    match value.abs() {
        x if x >= 100.0 => format!("{value:.0}"),
        x if x >= 10.0 => format!("{value:.1}"),
        x if x >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// Checks every claim in the file `expected` against the results below `root`. A claim whose result is missing is not
/// testable.
pub fn check_paper(expected: &Path, root: &Path) -> Result<Vec<Check>> {
    let text = read_text(expected)?;
    let parsed: Expected = toml::from_str(&text).map_err(|e| Error::Config {
        file: expected.display().to_string(),
        message: e.to_string().trim().replace('\n', " "),
    })?;
    let check = |claim: &Claim| match claim.check(root) {
        Err(Error::Io { path, source }) if source.kind() == std::io::ErrorKind::NotFound => {
            let why = format!("{} is missing; the run that writes it has not been computed", path.display());
            Claim { not_testable: Some(why), ..claim.clone() }.check(root)
        }
        other => other,
    };
    parsed.claim.iter().map(check).collect()
}

/// All claims as a table.
pub fn paper_table(checks: &[Check]) -> Sheet {
    let mut sheet = Sheet::new("", &["claim", "source", "published", "ours", "verdict", "note"], 6);
    for c in checks {
        let cells = [&c.claim, &c.source, &c.published, &c.ours, c.verdict.words(), &c.note];
        sheet.rows.push(cells.map(str::to_string).to_vec());
    }
    sheet
}
