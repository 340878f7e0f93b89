//! Coverage by year, the longest holes, and a picture of the missing returns.

use crate::panel::Panel;

/// Most columns and rows of the picture.
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

/// Coverage by calendar year.
pub(super) fn years(panel: &Panel) -> Vec<YearCoverage> {
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

/// The ten longest runs of missing days inside the life of an asset: symbol, date of the first day, number of days.
pub(super) fn longest_holes(panel: &Panel) -> Vec<(String, String, usize)> {
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

/// A picture of the missing returns: one row per group of assets, one column per group of days.
pub(super) fn picture(panel: &Panel) -> Vec<String> {
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
