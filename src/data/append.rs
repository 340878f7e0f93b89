//! A panel extended by newer data.
//!
//! ```text
//! days      those of the panel, then those of the newer data after the panel's last one
//! assets    those of the panel, in their order, then new ones with all their days
//! values    the panel's own where it has one, else the newer ones
//! ```
//! A value that the panel already has is never changed: a newer value that contradicts it is counted and dropped. If
//! more than 1 % of the returns that both sources have differ by more than a basis point, the newer data are a
//! different data set and nothing is appended. Newer *prices* have no return on their first day, so they must begin
//! on the panel's last day or earlier.

use std::collections::HashMap;

use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::panel::{Asset, AssetId, Field, Panel};

/// Largest difference of returns that count as equal: one basis point.
const SAME: f64 = 1e-4;
/// Returns that differ by more than this contradict each other: one of them is wrong.
const CONTRADICTION: f64 = 0.01;
/// At most this many contradictions are listed in a message.
const MOST_NAMED: usize = 3;
/// Calendar days between the panel's last day and the first new one from which the user is warned: longer than a
/// weekend with holidays.
const LONG_BREAK: i32 = 6;
/// If a larger share of the common returns differs, the newer data are a different data set.
const MOST_DIFFERENT: f64 = 0.01;

/// An extended panel and what changed.
pub struct Appended {
    /// The panel.
    pub panel: Panel,
    /// Days after the panel's last one.
    pub new_days: usize,
    /// Symbols that the panel did not have.
    pub new_assets: Vec<String>,
    /// Symbols with a return on the panel's last day and none afterwards: they end there.
    pub ending: Vec<String>,
    /// Number of returns added.
    pub new_returns: usize,
    /// Number of those that fill a missing day of an asset and a date which the panel already had.
    pub filled: usize,
    /// Number of returns that both the panel and the newer data have.
    pub overlapping: usize,
    /// Number of those that differ by more than a basis point; the panel keeps its own.
    pub different: usize,
    /// The largest difference, with its asset and date.
    pub largest: Option<(f64, String, Date)>,
    /// Returns that differ by more than 1 %, the largest difference first.
    pub contradictions: Vec<Contradiction>,
}

/// A return that is different in the panel and in the newer data.
#[derive(Clone, Debug, PartialEq)]
pub struct Contradiction {
    /// The asset.
    pub asset: String,
    /// The day.
    pub date: Date,
    /// The panel's return, which stays.
    pub panel: f64,
    /// The return in the newer data, which is dropped.
    pub newer: f64,
}

impl Appended {
    /// One line for each thing that changed, for the user.
    pub fn lines(&self) -> Vec<String> {
        let named = |symbols: &[String]| {
            let more = symbols.len().saturating_sub(5);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", symbols.iter().take(5).cloned().collect::<Vec<_>>().join(", "))
        };
        let dates = self.panel.calendar().dates();
        let mut lines = Vec::new();
        match dates.len().checked_sub(self.new_days).and_then(|day| dates.get(day)).zip(dates.last()) {
            Some((first, last)) => {
                lines.push(format!("{} new days, {first} to {last}", self.new_days));
                let before = dates.len().checked_sub(self.new_days + 1).map(|day| dates[day]);
                let n_between = before.map_or(0, |before| (*first - before).get_days() - 1);
                if n_between >= LONG_BREAK {
                    lines.push(format!(
                        "look at: there are {n_between} days between the panel's last day and the first new one; if \
                         there was trading on them, it is missing"
                    ));
                }
            }
            None => lines.push("no new day".to_string()),
        }
        lines.push(format!(
            "{} new returns, {} of them on days that the panel already had",
            self.new_returns, self.filled
        ));
        if !self.new_assets.is_empty() {
            lines.push(format!("{} new assets: {}", self.new_assets.len(), named(&self.new_assets)));
        }
        if !self.ending.is_empty() {
            let (n, names) = (self.ending.len(), named(&self.ending));
            lines.push(format!(
                "{n} assets have no return on the new days and end on the panel's previous last day: {names}"
            ));
        }
        if let Some((largest, asset, date)) = &self.largest {
            lines.push(format!(
                "{} returns are in both, {} differ by more than 0.01 %, by at most {:.4} % ({asset}, {date}); the panel keeps its own",
                self.overlapping,
                self.different,
                100.0 * largest
            ));
        }
        if !self.contradictions.is_empty() {
            let named = |c: &Contradiction| {
                let (ours, theirs) = (100.0 * c.panel, 100.0 * c.newer);
                format!("{} on {} is {ours:+.2} % in the panel and {theirs:+.2} % in the newer data", c.asset, c.date)
            };
            let named: Vec<String> = self.contradictions.iter().take(MOST_NAMED).map(named).collect();
            let more = self.contradictions.len().saturating_sub(MOST_NAMED);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            lines.push(format!(
                "look at: some returns contradict each other, so one of each pair is wrong: {}{more}",
                named.join("; ")
            ));
        }
        lines
    }
}

/// Counts kept while appending.
#[derive(Default)]
struct Counts {
    ending: Vec<String>,
    new_returns: usize,
    filled: usize,
    overlapping: usize,
    different: usize,
    largest: Option<(f64, String, Date)>,
    contradictions: Vec<Contradiction>,
}

/// Extends a panel by newer data; neither input is changed.
///
/// Fails if the newer data lack days or returns that the rules above ask for, or contradict the panel too often.
pub fn append(panel: &Panel, newer: &Panel) -> Result<Appended> {
    let calendar = extended(panel.calendar(), newer.calendar())?;
    check_first_day(panel, newer)?;
    let known: HashMap<&str, AssetId> =
        panel.assets().iter().enumerate().map(|(id, asset)| (asset.symbol.as_str(), id)).collect();
    let by_symbol: HashMap<&str, AssetId> =
        newer.assets().iter().enumerate().map(|(id, asset)| (asset.symbol.as_str(), id)).collect();
    let days: Vec<usize> = newer.calendar().dates().iter().map(|&date| calendar.first_on_or_after(date)).collect();
    let new_ids = (0..newer.n_assets()).filter(|&id| !known.contains_key(newer.assets()[id].symbol.as_str()));
    let mut assets: Vec<Asset> = panel.assets().to_vec();
    // For each asset of the result, its number in the newer data.
    let mut sources: Vec<Option<AssetId>> =
        panel.assets().iter().map(|asset| by_symbol.get(asset.symbol.as_str()).copied()).collect();
    for id in new_ids {
        assets.push(newer.assets()[id].clone());
        sources.push(Some(id));
    }
    let (n_known, n_days) = (panel.n_assets(), calendar.n_days());
    let new_days = n_days - panel.n_days();
    let new_assets = assets[n_known..].iter().map(|asset| asset.symbol.clone()).collect();
    let mut changes = Counts::default();
    let mut returns = Matrix::from_fn(n_days, assets.len(), |_, _| f64::NAN);
    for (asset, source) in sources.iter().enumerate() {
        let column = returns.column_mut(asset);
        if asset < n_known {
            column[..panel.n_days()].copy_from_slice(panel.returns(asset));
        }
        let Some(source) = *source else { continue };
        for (&day, &r) in days.iter().zip(newer.returns(source)).filter(|(_, r)| !r.is_nan()) {
            if column[day].is_nan() {
                column[day] = r;
                changes.new_returns += 1;
                changes.filled += usize::from(asset < n_known && day < panel.n_days());
                continue;
            }
            let difference = (column[day] - r).abs();
            changes.overlapping += 1;
            changes.different += usize::from(difference > SAME);
            if difference > CONTRADICTION {
                let (asset, date) = (assets[asset].symbol.clone(), calendar.date(day));
                changes.contradictions.push(Contradiction { asset, date, panel: column[day], newer: r });
            }
            if changes.largest.as_ref().is_none_or(|largest| difference > largest.0) {
                changes.largest = Some((difference, assets[asset].symbol.clone(), calendar.date(day)));
            }
        }
    }
    if changes.different as f64 > MOST_DIFFERENT * changes.overlapping as f64 {
        let (largest, asset, date) = changes.largest.clone().unwrap_or((0.0, String::new(), calendar.date(0)));
        let rule = format!(
            "{} of the {} returns that the panel also has differ by more than 0.01 %, by up to {:.4} %: these are \
             different data, or adjusted differently; nothing was appended, import everything again",
            changes.different,
            changes.overlapping,
            100.0 * largest
        );
        return Err(Error::data(format!("asset {asset}, {date}"), rule));
    }
    for (asset, source) in sources.iter().enumerate().take(n_known) {
        let ended = returns.column(asset)[panel.n_days()..].iter().all(|r| r.is_nan());
        let alive = panel.life(asset).is_some_and(|(_, last)| last + 1 == panel.n_days());
        if new_days > 0 && ended && alive {
            changes.ending.push(assets[asset].symbol.clone());
        }
        if let Some(source) = *source {
            complete(&mut assets[asset], &newer.assets()[source], !ended);
        }
    }
    let held: std::collections::BTreeSet<Field> = panel.fields().chain(newer.fields()).collect();
    let field = |field: Field| {
        let mut series = vec![f32::NAN; n_days * assets.len()];
        for ((asset, source), column) in sources.iter().enumerate().zip(series.chunks_exact_mut(n_days.max(1))) {
            if let Some(own) = (asset < n_known).then(|| panel.field(field, asset)).flatten() {
                column[..panel.n_days()].copy_from_slice(own);
            }
            let theirs = source.and_then(|source| newer.field(field, source)).unwrap_or(&[]);
            for (&day, &x) in days.iter().zip(theirs) {
                if column[day].is_nan() {
                    column[day] = x;
                }
            }
        }
        (field, series)
    };
    let fields = held.into_iter().map(field).collect();
    let Counts { ending, new_returns, filled, overlapping, different, largest, mut contradictions } = changes;
    contradictions.sort_by(|a, b| (b.panel - b.newer).abs().total_cmp(&(a.panel - a.newer).abs()));
    let panel = Panel::new(calendar, assets, returns, fields)?;
    Ok(Appended {
        panel,
        new_days,
        new_assets,
        ending,
        new_returns,
        filled,
        overlapping,
        different,
        largest,
        contradictions,
    })
}

/// Refuses newer prices that begin after the panel's last day: no asset would have a return on their first day.
fn check_first_day(panel: &Panel, newer: &Panel) -> Result<()> {
    let dates = newer.calendar().dates();
    let (Some(last), Some(first)) = (panel.calendar().dates().last(), dates.first()) else { return Ok(()) };
    if first > last && (0..newer.n_assets()).all(|asset| newer.returns(asset)[0].is_nan()) {
        let rule = format!(
            "the newer prices begin after the panel's last day, {last}, so the returns on {first} are unknown; nothing \
             was appended: supply prices from {last} on"
        );
        return Err(Error::data(first.to_string(), rule));
    }
    Ok(())
}

/// The panel's days, then the newer ones. Refuses newer data with a day inside the panel's span that the panel lacks:
/// up to its last day the panel's calendar counts as complete.
fn extended(ours: &Calendar, theirs: &Calendar) -> Result<Calendar> {
    let last = ours.dates().last();
    let unknown: Vec<&Date> = theirs
        .dates()
        .iter()
        .filter(|date| last.is_some_and(|last| *date <= last) && ours.dates().binary_search(date).is_err())
        .collect();
    if let (Some(first), Some(last)) = (unknown.first(), last) {
        let rule = format!(
            "the newer data have {} days up to the panel's last day, {last}, that the panel lacks, the first on \
             {first}; nothing was appended: remove those days, or import everything again",
            unknown.len()
        );
        return Err(Error::data("calendar", rule));
    }
    let newer = theirs.dates().iter().filter(|date| last.is_none_or(|last| *date > last));
    Calendar::new(ours.dates().iter().chain(newer).copied().collect())
}

/// Fills in what is unknown about an asset. The newer data decide how its listing ends if the asset `goes_on` in
/// them.
fn complete(asset: &mut Asset, newer: &Asset, goes_on: bool) {
    for (ours, theirs) in
        [(&mut asset.name, &newer.name), (&mut asset.sector, &newer.sector), (&mut asset.issuer, &newer.issuer)]
    {
        if ours.is_empty() {
            ours.clone_from(theirs);
        }
    }
    asset.venue = asset.venue.or(newer.venue);
    asset.delisting_return =
        if goes_on { newer.delisting_return } else { asset.delisting_return.or(newer.delisting_return) };
}
