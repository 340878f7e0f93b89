//! One self-contained HTML page per run: tables, tests, figures with values on hover, provenance, and how to reproduce
//! it.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use serde::Serialize;

use crate::data::{Columns, NotANumber, read_text, write_text};
use crate::description::ExclusionCount;
use crate::error::Result;
use crate::grouping::grouped;
use crate::metrics;
use crate::render::{Sheet, style};
use crate::results::{
    DailyReturns, Drawn, EXPLAINED, Evidence, FIGURES, FORECASTS_EXPLAINED, Named, PortfolioReturns, Results,
    drawdown_sheet, monthly_sheet,
};
use crate::train::Schedule;
use crate::universe::RankBy;

#[derive(Serialize)]
struct Shown {
    name: String,
    about: String,
    title: String,
    frames: Vec<Value>,
}

#[derive(Serialize)]
struct Certificate {
    n_dates: usize,
    fewest: usize,
    most: usize,
    n_filled: usize,
    first: String,
    last: String,
    /// Each rule with the number of assets that it removed, summed over all dates.
    removed: Vec<(String, usize)>,
}

/// Writes `report.html` into the folder of the run. Returns the figures that are missing from it, with the reason.
pub fn write_page(results: &Results, evidence: Option<&Evidence>) -> Result<Vec<String>> {
    let mut left_out = Vec::new();
    let mut figures = Vec::new();
    let is_daily = results.periods_per_year() >= crate::metrics::DAYS_PER_YEAR;
    for kind in FIGURES {
        match kind.of(results)? {
            Drawn::Nothing => {}
            Drawn::Missing(error) => left_out.push(format!("{}: {error}", kind.about)),
            Drawn::Figures(drawn) => figures.extend(drawn.into_iter().map(|(place, figure)| Shown {
                name: place.replace('/', "-"),
                about: if is_daily { kind.about.to_string() } else { kind.about.replace("252 days", "year") },
                title: figure.title.clone(),
                frames: figure.frames.iter().map(|frame| Value::from_safe_string(frame.inline(kind.about))).collect(),
            })),
        }
    }
    let mut simulations = Vec::new();
    for simulation in &results.simulations {
        let (sheets, assumed) = (results.simulation_sheets(simulation)?, results.assumed(simulation)?);
        simulations.push(context! { name => simulation, sheets => Value::from(Serde(sheets)), assumed => assumed });
    }
    let keys = ["version", "commit", "data_hash", "device", "threads", "duration_seconds", "n_decisions", "n_filled"];
    let written = toml::Table::try_from(&results.run.provenance).expect("a provenance is plain data");
    let shown = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let provenance: Vec<(&str, String)> =
        keys.iter().filter_map(|key| Some((*key, shown(written.get(*key)?)))).collect();
    let file = if results.has_run { "run.toml".to_string() } else { format!("{}/run.toml", results.simulations[0]) };
    let tests: Vec<Sheet> = evidence.map_or(Vec::new(), Evidence::sheets);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page", include_str!("page.html")).expect("the template is valid");
    let page = environment.get_template("page").expect("it was just added").render(context! {
        name => &results.name,
        experiment => results.name.split('/').next().unwrap_or_default(),
        about => &results.about,
        sheets => Value::from(Serde(results.sheets()?)),
        per_year => results.periods_per_year().to_string(),
        is_daily => is_daily,
        forecasts => Value::from(Serde(results.forecast_sheets()?)),
        forecasts_explained => FORECASTS_EXPLAINED,
        explained => EXPLAINED,
        tests => Value::from(Serde(tests)),
        history => Value::from(Serde(history(results, evidence)?)),
        headlines => evidence.map_or(Vec::new(), Evidence::headlines),
        periods => Value::from(Serde(evidence.map_or(Vec::new(), Evidence::period_sheets))),
        reference_note => evidence.is_some_and(|e| e.groups.iter().any(|group| group.named == Named::No)),
        seeds => evidence.map_or(Vec::new(), Evidence::seed_lines),
        notes => evidence.map_or(Vec::new(), |e| e.notes.clone()),
        figures => Value::from(Serde(figures)),
        simulations => simulations,
        certificate => Value::from(Serde(certificate(results)?)),
        provenance => Value::from(Serde(provenance)),
        deviations => deviations(results),
        has_run => results.has_run,
        run_toml => read_text(&results.folder.join(file))?,
        left_out => &left_out,
        picture_style => Value::from_safe_string(style()),
        page_style => Value::from_safe_string(include_str!("page.css").to_string()),
        script => Value::from_safe_string(include_str!("page.js").to_string()),
    });
    let page = page.expect("the template uses what it is given");
    write_text(&results.home.join("report.html"), &page)?;
    Ok(left_out)
}

/// Months and drawdowns of the first network and of the reference of each allocator; of a run without tests, of the portfolio with the
/// lowest volatility.
fn history(results: &Results, evidence: Option<&Evidence>) -> Result<Vec<Sheet>> {
    if !results.has_run || results.is_sweep() {
        return Ok(Vec::new());
    }
    let DailyReturns { dates, portfolios } = results.daily_returns()?;
    let per_year = results.periods_per_year();
    let known = |series: &&PortfolioReturns| series.is_defined() && series.ruin().is_none();
    let mut sheets = Vec::new();
    for (allocator, group) in grouped(portfolios.iter().filter(known).map(|c| (c.name.allocator.as_str(), c))) {
        let network = group.iter().find(|c| results.is_network(&c.name));
        let tested = evidence.and_then(|e| e.groups.iter().find(|g| g.group.starts_with(&format!("{allocator}, "))));
        let reference = tested.and_then(|tested| group.iter().find(|c| c.name.short() == tested.reference));
        let volatility = |c: &&&PortfolioReturns| {
            metrics::volatility_annual(
                &c.returns.iter().copied().filter(|r| !r.is_nan()).collect::<Vec<f64>>(),
                per_year,
            )
        };
        let lowest = || group.iter().min_by(|a, b| volatility(a).total_cmp(&volatility(b)));
        let mut shown: Vec<&&PortfolioReturns> = network.into_iter().chain(reference).collect();
        if shown.is_empty() {
            shown.extend(lowest());
        }
        for series in shown {
            let caption = series.name.title();
            sheets.push(monthly_sheet(&caption, &dates, &series.returns));
            sheets.push(drawdown_sheet(&caption, &dates, &series.returns));
        }
    }
    Ok(sheets)
}

/// The summary of `universe.csv`; `None` if the file does not exist.
fn certificate(results: &Results) -> Result<Option<Certificate>> {
    let path = results.folder.join("universe.csv");
    if !path.exists() {
        return Ok(None);
    }
    let columns = Columns::read(&path)?;
    let counts = |name: &str| -> Result<Vec<usize>> {
        Ok(columns.numbers(name, NotANumber::Refused)?.into_iter().map(|n| n as usize).collect())
    };
    let dates = columns.texts("date")?;
    let members = counts("n_members")?;
    let mut removed = Vec::new();
    for name in columns.names() {
        if let Some(rule) = name.strip_prefix("removed_") {
            removed.push((rule.replace('_', " "), counts(&name)?.iter().sum()));
        }
    }
    Ok(Some(Certificate {
        n_dates: dates.len(),
        fewest: members.iter().copied().min().unwrap_or(0),
        most: members.iter().copied().max().unwrap_or(0),
        n_filled: counts("n_filled")?.iter().sum(),
        first: dates.first().cloned().unwrap_or_default(),
        last: dates.last().cloned().unwrap_or_default(),
        removed,
    }))
}

/// Departures of the run from arXiv:2507.01918 and 2607.23068, as far as its configuration shows them.
fn deviations(results: &Results) -> Vec<String> {
    let experiment = &results.run.experiment;
    let mut found = Vec::new();
    match &experiment.data.panel {
        Some(panel) => found.push(format!("Data: panel {panel}; the papers use CRSP, 1990-2024, which is licensed.")),
        None => found.push("Data: a synthetic market; its results say nothing about real ones.".to_string()),
    }
    if let Some(ExclusionCount { returns, whole_assets }) = &results.run.provenance.excluded {
        let file = experiment.data.exclude.as_ref().map_or("a file".to_string(), |file| file.display().to_string());
        found.push(format!("Exclusions: {returns} returns count as missing because of {file}."));
        if *whole_assets > 0 {
            found.push(format!(
                "Knowledge of the future: {whole_assets} of the assets are excluded on all days, even before anyone \
                 could know why; removed from the universe as \"excluded whole\"."
            ));
        }
    }
    if experiment.universe.rank_by == RankBy::DollarVolume {
        let words = "Universe: the largest by median dollar volume, chosen once a year; the papers rank by market capitalisation every day.";
        found.push(words.to_string());
    }
    let windows = &experiment.walk_forward;
    for (name, ours, paper) in [
        ("universe size", experiment.universe.size, 1000),
        ("look-back", windows.lookback, 1200),
        ("horizon", windows.horizon, 5),
    ] {
        if ours != paper {
            found.push(format!("{name}: {ours}; paper: {paper}."));
        }
    }
    if let Some(first) = windows.first.filter(|first| first.year() != 2000) {
        found.push(format!("First test day: {first}; the papers begin in 2000."));
    }
    for (name, recipe) in &experiment.train {
        let Schedule { steps, batch, .. } = recipe.schedule;
        if steps < Schedule::original().steps {
            found.push(format!(
                "Training of {name}: {steps} steps of {batch} samples, then fewer for each later year; the papers: 25,000 to \
                 50,000 steps from scratch for every year."
            ));
        }
    }
    found
}
