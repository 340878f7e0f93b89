//! Return and risk against leverage.

use crate::data::Table;
use crate::description::PortfolioName;
use crate::grouping::grouped;
#[cfg(feature = "figures")]
use crate::render::canvas::Figure;
#[cfg(feature = "figures")]
use crate::render::frames::{Axis, Frame, Kind, Series, frames_figure};
use crate::render::{AccountRow, Sheet};

/// An account in a grid of leverages: a row of `leverage.csv`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct LeveragePoint {
    /// Labels of its portfolio.
    #[serde(flatten)]
    pub name: PortfolioName,
    /// Leverage of the targets.
    pub leverage: f64,
    /// Annual net Sharpe ratio, zero risk-free rate.
    pub sharpe: f64,
    /// Annual net Sharpe ratio above the benchmark rate.
    pub sharpe_excess: f64,
    /// Net volatility.
    pub volatility_annual: f64,
    /// Net compound growth.
    pub growth_annual: f64,
    /// Largest net loss from a peak.
    pub max_drawdown: f64,
    /// Number of days with a forced liquidation.
    pub n_liquidations: usize,
    /// Date of the first forced liquidation; empty if there was none.
    pub first_liquidation: String,
    /// Date on which the equity was used up; empty if it never was.
    pub ruined: String,
}

/// The accounts of one portfolio over its leverages.
pub struct LeverageSeries<'a> {
    /// Its name.
    pub name: String,
    /// Its accounts, in ascending order of leverage.
    pub rows: Vec<&'a LeveragePoint>,
}

impl<'a> LeverageSeries<'a> {
    /// Groups accounts by portfolio; portfolios keep their order.
    pub fn group(rows: &'a [LeveragePoint]) -> Vec<Self> {
        let several = PortfolioName::several_allocators(rows.iter().map(|row| &row.name));
        let groups = grouped(rows.iter().map(|row| (&row.name, row)));
        groups.into_iter().map(|(name, rows)| Self { name: name.among(several), rows }).collect()
    }

    /// The account of lowest leverage that had a forced liquidation or was ruined.
    pub fn first_liquidation(&self) -> Option<&'a LeveragePoint> {
        self.rows.iter().find(|row| row.n_liquidations > 0 || !row.ruined.is_empty()).copied()
    }

    /// The number of ruined accounts with the lowest leverage among them and its date, in words; `None` if no account
    /// was ruined.
    fn ruin(&self) -> Option<String> {
        let mut ruined = self.rows.iter().filter(|row| !row.ruined.is_empty());
        let first = ruined.next()?;
        let (n, total, name) = (1 + ruined.count(), self.rows.len(), &self.name);
        let (leverage, date) = (first.leverage, &first.ruined);
        Some(format!("{name}: {n} of {total} accounts ruined and not measured, at leverage {leverage:.2} on {date}"))
    }

    /// Volatility per unit of leverage: least squares through the origin over the leverages below the first
    /// liquidation.
    pub fn volatility_slope(&self) -> f64 {
        let first = self.first_liquidation().map_or(f64::INFINITY, |row| row.leverage);
        let calm = || self.rows.iter().filter(|row| row.leverage < first);
        let product: f64 = calm().map(|row| row.leverage * row.volatility_annual).sum();
        product / calm().map(|row| row.leverage.powi(2)).sum::<f64>()
    }

    /// The account whose leverage is nearest to `leverage`.
    fn at(&self, leverage: f64) -> Option<&'a LeveragePoint> {
        let nearest = |a: &&&'a LeveragePoint, b: &&&'a LeveragePoint| {
            (a.leverage - leverage).abs().total_cmp(&(b.leverage - leverage).abs())
        };
        self.rows.iter().min_by(nearest).copied().filter(|row| (row.leverage - leverage).abs() < 0.05)
    }
}

type Metric = (&'static str, fn(&AccountRow) -> f64);

const METRICS: [Metric; 7] = [
    ("leverage", |row| row.leverage),
    ("sharpe", |row| row.sharpe),
    ("sharpe_excess", |row| row.sharpe_excess),
    ("volatility_annual", |row| row.volatility_annual),
    ("growth_annual", |row| row.growth_annual),
    ("max_drawdown", |row| row.max_drawdown),
    ("net_bps", |row| row.net_bps),
];

/// The content of `leverage.csv`: the values in the figure, rounded to six digits.
pub fn leverage_csv(rows: &[AccountRow]) -> Table {
    let mut table = Table::default()
        .with_texts("estimator", rows.iter().map(|row| row.name.estimator_cell()))
        .with_texts("allocator", rows.iter().map(|row| &row.name.allocator));
    for (name, measure) in METRICS {
        table = table.with_numbers(name, rows.iter().map(|row| (measure(row) * 1e6).round() / 1e6));
    }
    table
        .with_counts("n_liquidations", rows.iter().map(|row| row.n_liquidations))
        .with_texts("first_liquidation", rows.iter().map(|row| &row.first_liquidation))
        .with_texts("ruined", rows.iter().map(|row| &row.ruined))
}

type Value = (&'static str, fn(&LeveragePoint) -> f64);

/// The content of `summary.csv` for a grid of leverages: the numbers of [`leverage_sheet`].
pub fn leverage_summary(series: &[LeverageSeries<'_>]) -> Table {
    let first = |s: &LeverageSeries<'_>| s.first_liquidation().map_or(f64::NAN, |row| row.leverage);
    let mut table = Table::default()
        .with_texts("portfolio", series.iter().map(|s| &s.name))
        .with_numbers("first_liquidation", series.iter().map(first))
        .with_numbers("volatility_slope", series.iter().map(LeverageSeries::volatility_slope));
    let measures: [Value; 3] = [
        ("sharpe", |row| row.sharpe),
        ("max_drawdown", |row| row.max_drawdown),
        ("volatility", |row| row.volatility_annual),
    ];
    for (name, measure) in measures {
        for leverage in [1.0, 2.0, 3.0] {
            let at =
                |s: &LeverageSeries<'_>| s.at(leverage).filter(|row| row.ruined.is_empty()).map_or(f64::NAN, measure);
            table = table.with_numbers(&format!("{name}_at_{leverage}"), series.iter().map(at));
        }
    }
    table
}

/// A table of first liquidation, volatility slope, and the measures at leverages 1, 2 and 3.
pub fn leverage_sheet(series: &[LeverageSeries<'_>]) -> Sheet {
    let header = [
        "portfolio",
        "first liquidation at",
        "on",
        "volatility slope",
        "Sharpe at 1",
        "at 2",
        "at 3",
        "max drawdown at 1",
        "at 2",
        "at 3",
        "liquidations at 3",
    ];
    let mut sheet = Sheet::new("", &header, 1);
    let mut order: Vec<&LeverageSeries<'_>> = series.iter().collect();
    order.sort_by(|a, b| a.volatility_slope().total_cmp(&b.volatility_slope()));
    for s in order {
        let first = s.first_liquidation();
        let number = |leverage: f64, f: fn(&LeveragePoint) -> f64, scale: f64, digits: usize| {
            s.at(leverage).map_or_else(
                || "-".to_string(),
                |row| if row.ruined.is_empty() { format!("{:.digits$}", scale * f(row)) } else { "ruined".to_string() },
            )
        };
        let mut cells = vec![
            s.name.clone(),
            first.map_or_else(|| "-".to_string(), |row| format!("{:.2}", row.leverage)),
            first.map_or_else(String::new, |row| row.first_liquidation.clone()),
            format!("{:.4}", s.volatility_slope()),
        ];
        cells.extend([1.0, 2.0, 3.0].map(|l| number(l, |row| row.sharpe, 1.0, 2)));
        cells.extend([1.0, 2.0, 3.0].map(|l| number(l, |row| row.max_drawdown, 1.0, 2)));
        cells.push(s.at(3.0).map_or_else(|| "-".to_string(), |row| row.n_liquidations.to_string()));
        sheet.rows.push(cells);
        sheet.notes.extend(s.ruin());
    }
    sheet
}

/// Sharpe ratio above the benchmark rate, drawdown, volatility and growth against leverage, with a dot at the first
/// liquidation. The Sharpe ratio is above the benchmark rate because that of idle cash would otherwise be unbounded.
#[cfg(feature = "figures")]
pub fn leverage_figure(title: &str, series: &[LeverageSeries<'_>], highlight: &[String]) -> Figure {
    let most = series.iter().flat_map(|s| &s.rows).map(|row| row.leverage).fold(0.0, f64::max);
    let frame = |title: &str, value: fn(&LeveragePoint) -> f64, scale: f64, floor: f64| {
        let line = |s: &LeverageSeries<'_>| {
            // The results of a ruined account are not drawn.
            let measured = s.rows.iter().filter(|row| row.ruined.is_empty());
            let points = measured.map(|row| (row.leverage, scale * value(row))).filter(|p| p.1.is_finite());
            let points: Vec<(f64, f64)> = points.map(|(x, y)| (x, y.max(floor))).collect();
            let mark = s.first_liquidation().filter(|row| row.ruined.is_empty());
            let mark = mark.map(|row| (row.leverage, (scale * value(row)).max(floor)));
            let stands_alone = s.rows[0].name.estimator.is_none();
            let is_named = highlight.is_empty() || stands_alone || highlight.contains(&s.name);
            Series { mark, ..Series::line(&s.name, points) }.named(is_named)
        };
        Frame {
            title: title.to_string(),
            x: Axis { range: Some((0.0, most)), ..Axis::new(Kind::Linear, "leverage") },
            y: Axis::new(Kind::Linear, ""),
            series: series.iter().map(line).collect(),
        }
    };
    let bottomless = f64::NEG_INFINITY;
    frames_figure(
        title,
        &[
            frame("Sharpe ratio above the benchmark rate; dot: first liquidation", |row| row.sharpe_excess, 1.0, -0.5),
            frame("deepest loss from a peak, %", |row| row.max_drawdown, 100.0, bottomless),
            frame("volatility, % a year", |row| row.volatility_annual, 100.0, bottomless),
            frame("growth, % a year", |row| row.growth_annual, 100.0, -40.0),
        ],
    )
}
