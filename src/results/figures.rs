//! All figures of a run, drawn from its files.

use crate::calendar::Date;
use crate::data::{write_atomically, write_text};
use crate::description::PortfolioName;
use crate::error::{Error, Result};
use crate::grouping::grouped;
use crate::render::{
    AccountRow, Curve, Figure, Group, Labelled, LeverageSeries, Page, bridge_figure, calibration_figure, dollars,
    drawdown_figure, eigenvalue_figure, equity_figure, exposure_figure, forest_figure, lag_figure, learning_figure,
    leverage_figure, marginal_figure, periods_figure, rolling_figure, rolling_sharpe_figure, size_figure,
    turnover_figure, universe_figure, volatility_figure,
};
use crate::results::read::AccountReturns;
use crate::results::{PortfolioReturns, Results};

/// A figure and its path inside the folder of its run, without extension.
type Placed = (String, Figure);

/// A kind of figure.
pub struct FigureKind {
    /// Its name for `minvar figures`.
    pub name: &'static str,
    /// A caption: what it shows.
    pub about: &'static str,
    draw: fn(&Results) -> Result<Vec<Placed>>,
}

/// All kinds of figures, in the order of a report page.
pub const FIGURES: &[FigureKind] = &[
    FigureKind { name: "forest", about: "volatility against the reference, with 95 % intervals", draw: forest },
    FigureKind { name: "volatility", about: "realised volatility of every portfolio", draw: volatility },
    FigureKind { name: "size", about: "realised volatility against the number of assets", draw: size },
    FigureKind {
        name: "universe",
        about: "realised volatility under variants of the universe or on other rebalancing days",
        draw: universe,
    },
    FigureKind { name: "equity", about: "growth of 1 before costs", draw: equity },
    FigureKind { name: "drawdown", about: "losses from the last peak before costs", draw: drawdown },
    FigureKind { name: "rolling", about: "volatility of the last 252 days", draw: rolling },
    FigureKind { name: "sharpe", about: "Sharpe ratio of the last 252 days", draw: rolling_sharpe },
    FigureKind { name: "periods", about: "volatility before and after 2012 and in stress", draw: periods },
    FigureKind { name: "calibration", about: "predicted against realised volatility", draw: calibration },
    FigureKind { name: "turnover", about: "turnover per rebalance", draw: turnover },
    FigureKind { name: "exposure", about: "positions and leverage over time", draw: exposure },
    FigureKind {
        name: "eigenvalues",
        about: "cleaned eigenvalues against the sample's and against rank",
        draw: eigenvalues,
    },
    FigureKind { name: "lag", about: "learned weight and clipping of a return by its age", draw: lag },
    FigureKind { name: "marginal", about: "learned map of an asset's volatility", draw: marginal },
    FigureKind { name: "learning", about: "training and validation loss", draw: learning },
    FigureKind { name: "bridge", about: "costs from gross to net", draw: bridge },
    FigureKind { name: "net_equity", about: "growth of 1 net of costs", draw: net_equity },
    FigureKind { name: "net_drawdown", about: "losses from the last peak, net of costs", draw: net_drawdown },
    FigureKind {
        name: "leverage",
        about: "return and risk against leverage, and when positions are liquidated by force",
        draw: leverage,
    },
];

/// Outcome for a kind of figure.
pub enum Drawn {
    /// The figures, with their paths.
    Figures(Vec<Placed>),
    /// The kind does not apply to this run.
    Nothing,
    /// A file that it needs is missing, so existing figures of this kind are not redrawn.
    Missing(Error),
}

impl FigureKind {
    /// Draws the figures of this kind for a run.
    pub fn of(&self, results: &Results) -> Result<Drawn> {
        match (self.draw)(results) {
            Ok(figures) if figures.is_empty() => Ok(Drawn::Nothing),
            Ok(figures) => Ok(Drawn::Figures(figures)),
            Err(error @ Error::Missing { .. }) => Ok(Drawn::Missing(error)),
            Err(other) => Err(other),
        }
    }
}

/// The error about a missing file, and the kinds of figures that need it.
pub type Left = (Error, Vec<&'static str>);

/// Draws the given kinds of figures (all if empty) into the folder of the run as SVG files, and as PNG files for the
/// pages in `png`. Returns the files written, and for the kinds that were not redrawn what is missing.
pub fn draw(results: &Results, kinds: &[String], png: &[Page]) -> Result<(Vec<String>, Vec<Left>)> {
    let (mut written, mut missing) = (Vec::new(), Vec::<Left>::new());
    for kind in FIGURES.iter().filter(|kind| kinds.is_empty() || kinds.iter().any(|name| name == kind.name)) {
        match kind.of(results)? {
            Drawn::Nothing => {}
            Drawn::Missing(error) => match missing.iter_mut().find(|(known, _)| known.to_string() == error.to_string())
            {
                Some((_, kinds)) => kinds.push(kind.name),
                None => missing.push((error, vec![kind.name])),
            },
            Drawn::Figures(figures) => {
                for (place, figure) in figures {
                    let file = format!("{place}.svg");
                    write_text(&results.folder.join(&file), &figure.svg())?;
                    written.push(file);
                    for page in png {
                        let file = format!("{place}{}.png", if *page == Page::Dark { "-dark" } else { "" });
                        let path = results.folder.join(&file);
                        let bytes = figure.png(*page);
                        write_atomically(&path, |out| {
                            std::io::Write::write_all(out, &bytes).map_err(Error::io(&path))
                        })?;
                        written.push(file);
                    }
                }
            }
        }
    }
    Ok((written, missing))
}

fn one(place: &str, figure: Figure) -> Result<Vec<Placed>> {
    Ok(vec![(place.to_string(), figure)])
}

/// Whether the folder holds a run of its own, not only a sweep or simulations, so that a missing file is an error.
fn is_run(results: &Results) -> bool {
    results.has_run && !results.is_sweep()
}

/// From the tests, where they were made.
fn forest(results: &Results) -> Result<Vec<Placed>> {
    match results.home == results.folder && results.has("significance.csv") {
        true => one("forest", forest_figure(&results.about, &results.forest()?)),
        false => Ok(Vec::new()),
    }
}

fn volatility(results: &Results) -> Result<Vec<Placed>> {
    if !is_run(results) {
        return Ok(Vec::new());
    }
    one("volatility", volatility_figure(&results.about, &results.performances()?))
}

fn turnover(results: &Results) -> Result<Vec<Placed>> {
    if !is_run(results) {
        return Ok(Vec::new());
    }
    one("turnover", turnover_figure(&results.about, &results.performances()?))
}

fn size(results: &Results) -> Result<Vec<Placed>> {
    if !results.is_sweep() || has_variants(results) {
        return Ok(Vec::new());
    }
    one("size", size_figure(&results.about, &results.swept_series()?, results.highlight()))
}

fn universe(results: &Results) -> Result<Vec<Placed>> {
    if !has_variants(results) {
        return Ok(Vec::new());
    }
    one("universe", universe_figure(&results.about, &results.swept_series()?, results.highlight()))
}

/// Whether it is a sweep over variants of the universe or over phases.
fn has_variants(results: &Results) -> bool {
    results.run.experiment.sweep.as_ref().is_some_and(|sweep| !sweep.universe.is_empty() || !sweep.phase.is_empty())
}

/// Label of an allocator, and its portfolios.
type ByAllocator = (String, Vec<PortfolioReturns>);

/// Defined portfolios of the highlighted estimators, by allocator. Portfolios that need no estimator are repeated in
/// each group.
fn shown(results: &Results) -> Result<(Vec<Date>, Vec<ByAllocator>)> {
    let daily = results.daily_returns()?;
    let highlight = results.highlight();
    let defined = daily.portfolios.into_iter().filter(PortfolioReturns::is_defined);
    let (alone, others): (Vec<PortfolioReturns>, Vec<PortfolioReturns>) =
        defined.partition(|series| series.name.estimator.is_none());
    let others = others.into_iter().filter(|series| is_shown(highlight, &series.name));
    let mut groups: Vec<ByAllocator> = grouped(others.map(|series| (series.name.allocator.clone(), series)));
    groups.iter_mut().for_each(|(_, group)| group.extend(alone.iter().cloned()));
    if groups.is_empty() && !alone.is_empty() {
        groups.push((alone[0].name.allocator.clone(), alone));
    }
    Ok((daily.dates, groups))
}

type DailyFigure<'a> = &'a dyn Fn(&str, &[Date], &[Group]) -> Figure;

/// A figure of portfolios over days, with one frame per allocator.
fn over_days(results: &Results, place: &str, figure: DailyFigure<'_>) -> Result<Vec<Placed>> {
    if !is_run(results) {
        return Ok(Vec::new());
    }
    let (dates, groups) = shown(results)?;
    let curve = |c: &PortfolioReturns| Curve { label: c.name.short().to_string(), equity: c.growth() };
    let group = |(name, daily): &ByAllocator| (name.clone(), daily.iter().map(curve).collect());
    let groups: Vec<Group> = groups.iter().map(group).collect();
    one(place, figure(&results.about, &with_start(&dates), &groups))
}

/// The dates preceded by one more, for an equity curve that starts at 1.
fn with_start(dates: &[Date]) -> Vec<Date> {
    let before = dates.first().and_then(|date| date.yesterday().ok());
    before.into_iter().chain(dates.iter().copied()).collect()
}

fn equity(results: &Results) -> Result<Vec<Placed>> {
    over_days(results, "equity", &equity_figure)
}

fn drawdown(results: &Results) -> Result<Vec<Placed>> {
    over_days(results, "drawdown", &drawdown_figure)
}

fn rolling(results: &Results) -> Result<Vec<Placed>> {
    let per_year = results.periods_per_year();
    over_days(results, "rolling", &|title, dates, groups| rolling_figure(title, dates, groups, per_year))
}

fn rolling_sharpe(results: &Results) -> Result<Vec<Placed>> {
    let per_year = results.periods_per_year();
    over_days(results, "sharpe", &|title, dates, groups| rolling_sharpe_figure(title, dates, groups, per_year))
}

fn exposure(results: &Results) -> Result<Vec<Placed>> {
    if !is_run(results) {
        return Ok(Vec::new());
    }
    let (dates, mut groups) = results.exposures()?;
    let highlight = results.highlight();
    for (_, group) in &mut groups {
        group.retain(|exposure| highlight.is_empty() || highlight.contains(&exposure.label));
    }
    groups.retain(|(_, group)| !group.is_empty());
    match groups.is_empty() {
        true => Ok(Vec::new()),
        false => one("exposure", exposure_figure(&results.about, &dates, &groups)),
    }
}

fn periods(results: &Results) -> Result<Vec<Placed>> {
    if !is_run(results) {
        return Ok(Vec::new());
    }
    let (dates, groups) = shown(results)?;
    let mut labelled: Vec<(String, Vec<Labelled<'_>>)> = Vec::new();
    for (name, daily) in &groups {
        let measured = daily.iter().filter(|c| c.ruin().is_none());
        labelled.push((name.clone(), measured.map(|c| (c.name.short().to_string(), c.returns.as_slice())).collect()));
    }
    one("periods", periods_figure(&results.about, &dates, &labelled, results.periods_per_year()))
}

fn calibration(results: &Results) -> Result<Vec<Placed>> {
    if !is_run(results) {
        return Ok(Vec::new());
    }
    let highlight = results.highlight();
    let mut groups = results.predictions()?;
    for (_, group) in &mut groups {
        group.retain(|p| highlight.is_empty() || highlight.contains(&p.label));
    }
    groups.retain(|(_, group)| !group.is_empty());
    if groups.is_empty() {
        Ok(Vec::new())
    } else {
        one("calibration", calibration_figure(&results.about, &groups, results.periods_per_year()))
    }
}

fn eigenvalues(results: &Results) -> Result<Vec<Placed>> {
    if results.run.experiment.figures.eigenvalues.is_empty() || !is_run(results) {
        return Ok(Vec::new());
    }
    let title = "Eigenvalues of the correlation on the last date: cleaned against sample";
    one("eigenvalues", eigenvalue_figure(title, &results.eigenvalues()?))
}

/// One figure for every folder of models.
fn of_models(results: &Results, place: &str, figure: impl Fn(&str) -> Result<Figure>) -> Result<Vec<Placed>> {
    if !results.has_run {
        return Ok(Vec::new());
    }
    results.model_folders().iter().map(|name| Ok((format!("{place}-{name}"), figure(name)?))).collect()
}

fn lag(results: &Results) -> Result<Vec<Placed>> {
    of_models(results, "lag", |name| {
        Ok(lag_figure(&format!("Lag transform of network {name}, by the year it is used in"), &results.learned(name)?))
    })
}

fn marginal(results: &Results) -> Result<Vec<Placed>> {
    of_models(results, "marginal", |name| {
        let title = format!("Marginal volatility by network {name}");
        Ok(marginal_figure(&title, &results.learned(name)?))
    })
}

fn learning(results: &Results) -> Result<Vec<Placed>> {
    of_models(results, "learning", |name| {
        let title = format!("Training of network {name}, by the year it is used in");
        Ok(learning_figure(&title, &results.learning(name)?))
    })
}

/// Names of the run's simulations that have a grid of leverages (`is_grid`), or that have none.
fn simulations(results: &Results, is_grid: bool) -> Vec<String> {
    let has_grid = |name: &String| results.has(&format!("{name}/leverage.csv"));
    results.simulations.iter().filter(|name| has_grid(name) == is_grid).cloned().collect()
}

/// Name of an account among others of the same profile and capital.
fn account_name(name: &PortfolioName, leverage: f64, several: bool) -> String {
    let name = name.among(several);
    if leverage == 1.0 { name } else { format!("{name}, {leverage:.2}") }
}

fn is_shown(highlight: &[String], name: &PortfolioName) -> bool {
    highlight.is_empty() || name.estimator.as_ref().is_none_or(|label| highlight.contains(label))
}

fn bridge(results: &Results) -> Result<Vec<Placed>> {
    let highlight = results.highlight();
    let figure = |simulation: String| -> Result<Option<Placed>> {
        let mut rows = results.accounts(&simulation)?;
        rows.retain(|row| is_shown(highlight, &row.name) && row.ruined.is_empty());
        let several = PortfolioName::several_allocators(rows.iter().map(|row| &row.name));
        let name = |row: &AccountRow| account_name(&row.name, row.leverage, several);
        let place = format!("{simulation}/bridge");
        Ok((!rows.is_empty()).then(|| (place, bridge_figure(&results.about, &rows, name))))
    };
    simulations(results, false).into_iter().filter_map(|simulation| figure(simulation).transpose()).collect()
}

fn leverage(results: &Results) -> Result<Vec<Placed>> {
    let highlight = results.highlight();
    let figure = |simulation: String| {
        let points = results.leverages(&simulation)?;
        let series = LeverageSeries::group(&points);
        Ok((format!("{simulation}/leverage"), leverage_figure(&results.about, &series, highlight)))
    };
    simulations(results, true).into_iter().map(figure).collect()
}

/// A figure of accounts over days. The first frame shows them before costs; then each profile has a frame for its
/// smallest and its largest capital (curves of neighbouring capitals look alike). With several allocators, each has
/// its own frames.
fn net(results: &Results, place: &str, figure: DailyFigure<'_>) -> Result<Vec<Placed>> {
    let highlight = results.highlight();
    let of_simulation = |simulation: String| {
        let (dates, mut accounts) = results.account_returns(&simulation)?;
        accounts.retain(|account| is_shown(highlight, &account.series.name));
        let several = PortfolioName::several_allocators(accounts.iter().map(|a| &a.series.name));
        let capitals = || accounts.iter().map(|account| account.capital_usd).filter(|usd| usd.is_finite());
        let ends = [capitals().fold(f64::INFINITY, f64::min), capitals().fold(0.0, f64::max)];
        if several {
            accounts.retain(|account| account.series.name.estimator.is_some());
        }
        let curve = |account: &AccountReturns| {
            let AccountReturns { profile, capital_usd, leverage, series, .. } = account;
            let heading = match capital_usd.is_nan() {
                true => "before costs".to_string(),
                false => format!("{profile}, {} dollars, net", dollars(*capital_usd)),
            };
            let heading = if several { format!("{}, {heading}", series.name.allocator) } else { heading };
            let label = account_name(&series.name, *leverage, false);
            (heading, Curve { label, equity: series.growth() })
        };
        let shown = accounts.iter().filter(|a| a.capital_usd.is_nan() || ends.contains(&a.capital_usd));
        let groups: Vec<Group> = grouped(shown.map(curve));
        Ok((format!("{simulation}/{place}"), figure(&results.about, &with_start(&dates), &groups)))
    };
    simulations(results, false).into_iter().map(of_simulation).collect()
}

fn net_equity(results: &Results) -> Result<Vec<Placed>> {
    net(results, "equity", &equity_figure)
}

fn net_drawdown(results: &Results) -> Result<Vec<Placed>> {
    net(results, "drawdown", &drawdown_figure)
}
