//! Target weights from a file, grouped into portfolios.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use crate::calendar::Date;
use crate::data::{Options, ValueKind, WeightRows, read_weights, table_name};
use crate::description::PortfolioName;
use crate::error::{Error, Result};
use crate::panel::{AssetId, Panel};
use crate::policies::{Target, Targets};
use crate::registry::{check, check_label};

/// The allocator's label for weights whose file names none.
pub const WEIGHTS: &str = "weights";

/// A portfolio with its target weights.
pub struct TargetPortfolio {
    /// Its labels. If the file names no estimator, that label is the name of the file; if it names no allocator,
    /// `weights`.
    pub name: PortfolioName,
    /// Its weights.
    pub targets: Targets,
}

/// A weight whose absolute value exceeds this is refused as damaged.
const IMPOSSIBLE: f64 = 1e6;

/// Gross weights (Σ|w|) within this distance of 1 need no remark.
const WHOLE: f64 = 0.01;

/// How weights from elsewhere are read and checked.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// How columns, dates and codes are read; [`ValueKind::Percent`] divides the numbers by 100.
    pub options: Options,
    /// The highest gross leverage Σ|w| to accept for a portfolio.
    pub max_gross: f64,
    /// Labels of the portfolios to read; all if empty.
    pub only: Vec<String>,
}

impl Default for Foreign {
    fn default() -> Self {
        Self { options: Options::default(), max_gross: 10.0, only: Vec::new() }
    }
}

/// Refuses fractions given as percent, and more gross leverage than allowed. Returns a remark on the gross leverage
/// if it is not 1 on every date.
fn check_gross(rows: &WeightRows, foreign: &Foreign) -> Result<Option<String>> {
    if ![ValueKind::Guess, ValueKind::Percent].contains(&foreign.options.values) {
        let word = foreign.options.values.word();
        return Err(Error::data("--values", format!("weights are fractions (guess) or percent, not {word}")));
    }
    check(foreign.max_gross > 0.0, "--max-gross", "above 0", foreign.max_gross)?;
    let mut gross: BTreeMap<(&str, &str, Date), (f64, usize)> = BTreeMap::new();
    for stretch in rows.stretches() {
        let row = stretch.start;
        let key = (rows.estimators[row].as_str(), rows.allocators[row].as_str(), rows.dates[row]);
        let (sum, _) = gross.entry(key).or_insert((0.0, row));
        rows.weights[stretch].iter().for_each(|weight| *sum += weight.abs());
    }
    let mut sums: Vec<f64> = gross.values().map(|(sum, _)| *sum).collect();
    sums.sort_by(f64::total_cmp);
    let median = sums.get(sums.len() / 2).copied().unwrap_or(1.0);
    let is_percent = foreign.options.values == ValueKind::Percent;
    if is_percent && median < 0.2 {
        let rule =
            format!("read as percent, the absolute weights of a day sum to {median:.4}: they look like fractions");
        return Err(Error::data(rows.place(0), rule));
    }
    if let Some((sum, row)) = gross.values().find(|(sum, _)| *sum > foreign.max_gross) {
        let looks_percent = !is_percent && median > 20.0;
        let percent = if looks_percent { "; if they are percent, use --values percent" } else { "" };
        let rule = format!(
            "the absolute weights of this day sum to {sum:.2}, more than {}{percent}; raise --max-gross to allow it",
            foreign.max_gross
        );
        return Err(Error::data(rows.place(*row), rule));
    }
    let (least, most) = (sums.first().copied().unwrap_or(1.0), sums.last().copied().unwrap_or(1.0));
    let is_whole = (1.0 - WHOLE..=1.0 + WHOLE).contains(&least) && (1.0 - WHOLE..=1.0 + WHOLE).contains(&most);
    Ok((!is_whole).then(|| format!("the absolute weights of a day sum to {least:.2} to {most:.2}, median {median:.2}")))
}

/// A note on weights that cannot be traded on their date because the asset has no return then. They are not bought
/// until it has one.
fn untraded(rows: &WeightRows, panel: &Panel, places: &[(usize, usize)]) -> Option<String> {
    let is_untraded = |row: &usize| {
        let (day, asset) = places[*row];
        rows.weights[*row] != 0.0 && panel.returns(asset)[day].is_nan()
    };
    let lost: Vec<usize> = (0..places.len()).filter(is_untraded).collect();
    let first = *lost.first()?;
    let assets: BTreeSet<usize> = lost.iter().map(|row| places[*row].1).collect();
    let mut share: BTreeMap<(&str, &str, usize), f64> = BTreeMap::new();
    for row in &lost {
        let key = (rows.estimators[*row].as_str(), rows.allocators[*row].as_str(), places[*row].0);
        *share.entry(key).or_default() += rows.weights[*row].abs();
    }
    let most = share.into_values().fold(0.0, f64::max);
    let whole = panel.excluded().map_or(0, |excluded| assets.intersection(&excluded.whole).count());
    let excluded = if whole > 0 { format!(", {whole} of them excluded on all days") } else { String::new() };
    Some(format!(
        "{} of {} weights, up to {:.1} % of equity on a day, are in assets that have no return on their date; \
         they are not bought until they have one; {} assets{excluded}, first {} on {}",
        lost.len(),
        places.len(),
        100.0 * most,
        assets.len(),
        rows.assets[first],
        rows.dates[first]
    ))
}

/// The asset of every row. Refuses names that the panel lacks, and lists them in one line.
fn assets_of(rows: &WeightRows, panel: &Panel) -> Result<Vec<AssetId>> {
    let numbered = panel.assets().iter().enumerate();
    let known: HashMap<&str, AssetId> = numbered.map(|(id, asset)| (asset.symbol.as_str(), id)).collect();
    let assets: Vec<Option<AssetId>> = rows.assets.iter().map(|symbol| known.get(symbol.as_str()).copied()).collect();
    let mut unknown: Vec<usize> = Vec::new();
    for row in (0..assets.len()).filter(|row| assets[*row].is_none()) {
        if unknown.iter().all(|other| rows.assets[*other] != rows.assets[row]) {
            unknown.push(row);
        }
    }
    let Some(first) = unknown.first() else { return Ok(assets.into_iter().flatten().collect()) };
    let shown: Vec<&str> = unknown.iter().take(10).map(|row| rows.assets[*row].as_str()).collect();
    let more = if unknown.len() > 10 { ", …" } else { "" };
    let rule = format!("the panel has no such asset; {} unknown: {}{more}", unknown.len(), shown.join(", "));
    Err(Error::data(rows.place(*first), rule))
}

/// The trading day of a row. Refuses any other date.
fn day_of(rows: &WeightRows, row: usize, panel: &Panel) -> Result<usize> {
    let (date, dates) = (rows.dates[row], panel.calendar().dates());
    let day = panel.calendar().first_on_or_after(date);
    if dates.get(day) == Some(&date) {
        return Ok(day);
    }
    let range = dates.first().zip(dates.last()).map(|(a, b)| format!(", which has days from {a} to {b}"));
    let next = dates.get(day).filter(|_| day > 0);
    let next = next.map_or(String::new(), |next| format!("; the next one is {next}"));
    let rule = format!("the date is not a trading day of the panel{}{next}", range.unwrap_or_default());
    Err(Error::data(rows.place(row), rule))
}

/// Reads the weights that a run or another program has stored. Returns the portfolios in the order of first
/// appearance, and what was guessed while reading.
///
/// Every date must be a trading day of the panel and every asset one of its symbols. Fails if an asset appears twice
/// on a date of a portfolio.
pub fn read_portfolios(
    path: &Path,
    panel: &Panel,
    foreign: Option<&Foreign>,
) -> Result<(Vec<TargetPortfolio>, Vec<String>)> {
    let options = foreign.map(|foreign| foreign.options.clone()).unwrap_or_default();
    let mut rows = read_weights(path, &options)?;
    let nameless = |row: usize| rows.estimators[row].is_empty() && rows.allocators[row].is_empty();
    if !rows.dates.is_empty() && (0..rows.dates.len()).all(nameless) {
        rows.estimators = vec![table_name(path); rows.dates.len()];
    }
    for row in 0..rows.dates.len() {
        if rows.allocators[row].is_empty() && !rows.estimators[row].is_empty() {
            rows.allocators[row] = WEIGHTS.to_string();
        }
    }
    for row in rows.stretches().map(|stretch| stretch.start).filter(|_| foreign.is_some()) {
        for label in [&rows.estimators[row], &rows.allocators[row]] {
            check_label("a portfolio of the weights", label)
                .map_err(|error| Error::data(rows.place(row), error.to_string()))?;
        }
    }
    if let Some(row) = rows.weights.iter().position(|weight| weight.is_nan() || weight.abs() > IMPOSSIBLE) {
        let rule = format!("a weight of {:.3e} is impossible: the file was changed or damaged", rows.weights[row]);
        return Err(Error::data(rows.place(row), rule));
    }
    let assets = assets_of(&rows, panel)?;
    let gross = foreign.map(|foreign| check_gross(&rows, foreign)).transpose()?.flatten();
    let mut numbers: HashMap<(&str, &str), usize> = HashMap::new();
    let mut found: Vec<BTreeMap<usize, Vec<Target>>> = Vec::new();
    let mut names: Vec<(&str, &str)> = Vec::new();
    let mut places: Vec<(usize, AssetId)> = Vec::with_capacity(rows.dates.len());
    for stretch in rows.stretches() {
        let day = day_of(&rows, stretch.start, panel)?;
        let name = (rows.estimators[stretch.start].as_str(), rows.allocators[stretch.start].as_str());
        let number = *numbers.entry(name).or_insert_with(|| {
            names.push(name);
            found.push(BTreeMap::new());
            found.len() - 1
        });
        places.extend(assets[stretch.clone()].iter().map(|asset| (day, *asset)));
        let targets = assets[stretch.clone()].iter().zip(&rows.weights[stretch]);
        let targets = targets.map(|(&asset, &weight)| Target { asset, weight });
        found[number].entry(day).or_default().extend(targets);
    }
    let mut portfolios = Vec::with_capacity(found.len());
    let notes = [gross, foreign.and_then(|_| untraded(&rows, panel, &places))];
    for (name, by_day) in names.into_iter().zip(found) {
        let mut days: Vec<(usize, Vec<Target>)> = by_day.into_iter().collect();
        for (day, targets) in &mut days {
            targets.sort_by_key(|target| target.asset);
            if let Some(pair) = targets.windows(2).find(|pair| pair[0].asset == pair[1].asset) {
                let (asset, date) = (&panel.assets()[pair[0].asset].symbol, panel.calendar().date(*day));
                let place = format!("{}, asset {asset}, {date}", path.display());
                return Err(Error::data(place, "the asset appears twice on this date"));
            }
        }
        portfolios.push(TargetPortfolio { name: PortfolioName::new(name.0, name.1), targets: Targets { days } });
    }
    if portfolios.is_empty() {
        return Err(Error::data(path.display().to_string(), "no weights"));
    }
    if let Some(Foreign { only, .. }) = foreign.filter(|foreign| !foreign.only.is_empty()) {
        let names: Vec<String> = portfolios.iter().map(|portfolio| portfolio.name.short().to_string()).collect();
        if let Some(label) = only.iter().find(|label| !names.contains(label)) {
            return Err(Error::unknown("portfolio", label, names.iter().map(String::as_str)));
        }
        portfolios.retain(|portfolio| only.iter().any(|label| label == portfolio.name.short()));
    }
    rows.notes.extend(notes.into_iter().flatten());
    Ok((portfolios, rows.notes))
}
