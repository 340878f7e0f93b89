//! What a panel holds and what looks wrong with it.

use crate::panel::{Field, Panel};

/// Returns beyond these are listed as suspicious, as the sources' own cleaning rules do.
const SUSPICIOUS_GAIN: f64 = 3.0;
const SUSPICIOUS_LOSS: f64 = -0.95;
/// A one-day move of this size that the next day takes back is a likely error of the price.
const SPIKE: f64 = 0.5;
/// Columns and rows of the missingness picture.
const PICTURE: (usize, usize) = (72, 24);

/// Coverage of a calendar year.
#[derive(Clone, Debug, PartialEq)]
pub struct YearCoverage {
    /// The year.
    pub year: i16,
    /// Trading days.
    pub n_days: usize,
    /// Assets with a return in the year.
    pub n_assets: usize,
    /// Returns present.
    pub n_returns: usize,
    /// Days inside the life of an asset without a return.
    pub n_holes: usize,
    /// Share of the returns that are exactly zero.
    pub zero_share: f64,
}

/// A summary of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Coverage by year.
    pub years: Vec<YearCoverage>,
    /// Longest run of missing days inside a life: symbol, date of its start, days.
    pub longest_holes: Vec<(String, String, usize)>,
    /// Symbol, date, return and the reason.
    pub suspicious: Vec<(String, String, f64, &'static str)>,
    /// Pairs of assets with identical returns over their common life, of at least a year.
    pub duplicates: Vec<(String, String)>,
    /// For each field, its share of the returns that have it.
    pub fields: Vec<(&'static str, f64)>,
    /// Missingness, oldest day left, first-listed asset at the top: `#` full, `+` most, `.` some, blank none.
    pub picture: Vec<String>,
}

/// Describes a panel.
pub fn describe(panel: &Panel) -> Description {
    let n_returns = panel.n_returns().max(1) as f64;
    let known = |field: Field| {
        let series = (0..panel.n_assets()).filter_map(|asset| panel.field(field, asset));
        series.flatten().filter(|x| !x.is_nan()).count() as f64 / n_returns
    };
    Description {
        years: coverage(panel),
        longest_holes: longest_holes(panel),
        suspicious: suspicious(panel),
        duplicates: duplicates(panel),
        fields: panel.fields().map(|field| (field.name(), known(field))).collect(),
        picture: picture(panel),
    }
}

fn coverage(panel: &Panel) -> Vec<YearCoverage> {
    let dates = panel.calendar().dates();
    let years = dates.chunk_by(|a, b| a.year() == b.year());
    let mut start = 0;
    let mut coverage = Vec::new();
    for days in years {
        let end = start + days.len();
        let mut year = YearCoverage {
            year: days[0].year(),
            n_days: days.len(),
            n_assets: 0,
            n_returns: 0,
            n_holes: 0,
            zero_share: 0.0,
        };
        let mut n_zero = 0;
        for asset in 0..panel.n_assets() {
            let Some((first, last)) = panel.life(asset) else { continue };
            let alive = first.max(start)..(last + 1).min(end);
            let returns = panel.returns(asset).get(alive).unwrap_or(&[]);
            let present = returns.iter().filter(|r| !r.is_nan()).count();
            year.n_assets += usize::from(present > 0);
            year.n_returns += present;
            year.n_holes += returns.len() - present;
            n_zero += returns.iter().filter(|r| **r == 0.0).count();
        }
        year.zero_share = n_zero as f64 / year.n_returns.max(1) as f64;
        coverage.push(year);
        start = end;
    }
    coverage
}

fn longest_holes(panel: &Panel) -> Vec<(String, String, usize)> {
    let mut holes = Vec::new();
    for asset in 0..panel.n_assets() {
        let Some((first, last)) = panel.life(asset) else { continue };
        let mut day = first;
        for run in panel.returns(asset)[first..=last].chunk_by(|a, b| a.is_nan() == b.is_nan()) {
            if run[0].is_nan() {
                holes.push((panel.assets()[asset].symbol.clone(), panel.calendar().date(day).to_string(), run.len()));
            }
            day += run.len();
        }
    }
    holes.sort_by_key(|hole| std::cmp::Reverse(hole.2));
    holes.truncate(10);
    holes
}

fn suspicious(panel: &Panel) -> Vec<(String, String, f64, &'static str)> {
    let mut found = Vec::new();
    for asset in 0..panel.n_assets() {
        let returns = panel.returns(asset);
        for (day, &r) in returns.iter().enumerate() {
            let next = returns.get(day + 1).copied().unwrap_or(f64::NAN);
            let reverses = r.abs() > SPIKE && ((1.0 + r) * (1.0 + next) - 1.0).abs() < 0.1 * r.abs();
            let reason = if r > SUSPICIOUS_GAIN {
                "above +300 %"
            } else if r < SUSPICIOUS_LOSS {
                "below -95 %"
            } else if reverses {
                "reverses the next day"
            } else {
                continue;
            };
            found.push((panel.assets()[asset].symbol.clone(), panel.calendar().date(day).to_string(), r, reason));
        }
    }
    found
}

/// Assets whose returns agree on every one of the last 252 days that both have.
fn duplicates(panel: &Panel) -> Vec<(String, String)> {
    const YEAR: usize = 252;
    let key = |asset: usize| -> Option<(usize, Vec<u64>)> {
        let (_, last) = panel.life(asset)?;
        let days = (last + 1).checked_sub(YEAR)?..=last;
        let returns = &panel.returns(asset)[days];
        // A year of zeros is no trading, not a copy.
        let moves = returns.iter().filter(|r| !r.is_nan() && **r != 0.0).count() > YEAR / 2;
        moves.then(|| (last, returns.iter().map(|r| r.to_bits()).collect()))
    };
    let mut seen = std::collections::HashMap::new();
    let mut pairs = Vec::new();
    for asset in 0..panel.n_assets() {
        let Some(key) = key(asset) else { continue };
        if let Some(first) = seen.insert(key, asset) {
            pairs.push((panel.assets()[first].symbol.clone(), panel.assets()[asset].symbol.clone()));
        }
    }
    pairs
}

fn picture(panel: &Panel) -> Vec<String> {
    let mut order: Vec<usize> = (0..panel.n_assets()).filter(|&a| panel.life(a).is_some()).collect();
    order.sort_by_key(|&a| panel.life(a));
    let (columns, rows) = (PICTURE.0.min(panel.n_days()), PICTURE.1.min(order.len()));
    let cell = |row: usize, column: usize| {
        let assets = &order[row * order.len() / rows..(row + 1) * order.len() / rows];
        let days = column * panel.n_days() / columns..(column + 1) * panel.n_days() / columns;
        let present = |&a: &usize| panel.returns(a)[days.clone()].iter().filter(|r| !r.is_nan()).count();
        let share = assets.iter().map(present).sum::<usize>() as f64 / (assets.len() * days.len()) as f64;
        match share {
            s if s >= 0.995 => '#',
            s if s >= 0.5 => '+',
            s if s > 0.0 => '.',
            _ => ' ',
        }
    };
    (0..rows).map(|row| (0..columns).map(|column| cell(row, column)).collect()).collect()
}
