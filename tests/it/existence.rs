//! Portfolios that begin late, end in ruin or never trade, and holdings that end with a delisting return.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use minvar::calendar::Calendar;
use minvar::data::Table;
use minvar::experiment::{self, Experiment, Inputs, Job, MarketData, RunSummary, Simulated};
use minvar::linalg::Matrix;
use minvar::metrics;
use minvar::panel::{Asset, Panel};
use minvar::results::{Results, Side, compare, draw, evidence, write_page, write_tables};

/// A market of weekdays from 2020-01-01 with given returns (days × assets) and delisting returns.
fn market(returns: Matrix, delisting: &[Option<f64>]) -> MarketData {
    let calendar = Calendar::weekdays(jiff::civil::date(2020, 1, 1), returns.nrows());
    let asset =
        |(k, r): (usize, &Option<f64>)| Asset { symbol: format!("A{k}"), delisting_return: *r, ..Asset::default() };
    let panel = Panel::new(calendar, delisting.iter().enumerate().map(asset).collect(), returns, BTreeMap::new());
    MarketData { panel: panel.unwrap(), truth: None }
}

fn experiment(lookback: usize, horizon: usize, compare: &str, more: &str) -> Experiment {
    let text = format!(
        "about = \"existence\"\n[data]\npanel = \"x\"\n[universe]\nrules = 'none'\nrank_by = \"panel_order\"\n[walk_forward]\n\
         lookback = {lookback}\nhorizon = {horizon}\n[compare]\n{compare}\n{more}"
    );
    Experiment::parse(&text, "existence.toml").unwrap()
}

fn run(experiment: &Experiment, market: &MarketData, folder: &Path) -> RunSummary {
    experiment::run(Job::new(experiment, market, folder)).unwrap()
}

fn simulate(experiment: &Experiment, market: &MarketData, folder: &Path) -> Simulated {
    let inputs = Inputs { weights: folder.join("weights.parquet"), data: folder.to_path_buf(), foreign: None };
    let place = folder.join("simulation");
    experiment::simulate(Job::new(experiment, market, &place), &inputs).unwrap()
}

/// Dates and returns of one portfolio.
fn returns(folder: &Path, allocator: &str) -> Vec<(minvar::calendar::Date, f64)> {
    let file = folder.join("returns.parquet");
    let labels = Table::read_texts(&file, "allocator").unwrap();
    let dates = Table::read_dates(&file, "date").unwrap();
    let rows = dates.into_iter().zip(Table::read_numbers(&file, "return").unwrap()).zip(labels);
    rows.filter(|(_, label)| label == allocator).map(|(row, _)| row).collect()
}

fn wave(t: usize, i: usize) -> f64 {
    0.01 * ((t * (i + 2)) % 7) as f64 - 0.029
}

#[test]
fn a_run_and_its_accounts_earn_the_same_on_the_same_days_a_delisting_return_too() {
    let folder = tempfile::tempdir().unwrap();
    // A2 ends on day 22 with a loss of 40 %, A3 on day 27 with a delisting return that the panel lacks.
    let end = |i: usize| [usize::MAX, usize::MAX, 22, 27][i];
    let prices = Matrix::from_fn(60, 4, |t, i| if t > end(i) { f64::NAN } else { wave(t, i) });
    let market = market(prices.clone(), &[None, None, Some(-0.4), None]);
    let more = "[simulation]\nprofiles = [\"frictionless\", \"paper\"]\n";
    let experiment = experiment(20, 4, "estimators = [\"lw_identity\"]\nallocators = [\"equal\"]", more);
    run(&experiment, &market, folder.path());
    let ours = returns(folder.path(), "equal");
    // Bought on day 20 with a quarter each, then untouched until day 24.
    let mut held = [0.25f64; 4];
    for day in 21..=24 {
        let before: f64 = held.iter().sum();
        for (i, value) in held.iter_mut().enumerate() {
            let r = if i == 2 && day == 23 { -0.4 } else { prices[(day, i)] };
            *value *= 1.0 + if r.is_nan() { 0.0 } else { r };
        }
        let expected = held.iter().sum::<f64>() / before - 1.0;
        let (date, r) = ours[day - 21];
        assert_eq!(date, market.panel.calendar().date(day));
        assert!((r - expected).abs() < 1e-14, "day {day}: {r} against {expected}");
    }

    simulate(&experiment, &market, folder.path());
    let simulation = Results::open(&folder.path().join("simulation")).unwrap();
    let net = simulation.daily_returns().unwrap();
    assert_eq!(net.dates, ours.iter().map(|(date, _)| *date).collect::<Vec<_>>());
    let frictionless = net.portfolios.iter().find(|c| c.name.allocator.contains("frictionless")).unwrap();
    for (r, (date, expected)) in frictionless.returns.iter().zip(&ours) {
        assert!((r - expected).abs() < 3e-7, "{date}: {r} against {expected}"); // equity is kept in single precision
    }
    let paper = net.portfolios.iter().find(|c| c.name.allocator.contains("paper")).unwrap();
    assert!(paper.returns[0] < frictionless.returns[0], "the first return pays for the first purchases");
    // Net compared with gross, each named by its folder.
    let side = |folder: &Path| Side { results: Results::open(folder).unwrap(), portfolio: None };
    let same = compare(&[side(folder.path()), side(folder.path())], 0).unwrap_err().to_string();
    assert!(same.contains("is on both sides"), "{same}");
}

#[test]
fn a_portfolio_that_begins_late_is_null_before_and_measured_on_its_own_days() {
    let folder = tempfile::tempdir().unwrap();
    // With weights of at most 0.3, at least four assets are needed; the fourth has enough history from day 70 on.
    let prices = Matrix::from_fn(100, 4, |t, i| if i == 3 && t < 50 { f64::NAN } else { wave(t, i) });
    let market = market(prices, &[None; 4]);
    let allocators = "estimators = [\"lw_identity\"]\n\
                      allocators = [\"gmv_long_only\", { name = \"gmv_box\", upper = 0.3, label = \"box\" }]";
    let more = "[simulation]\nprofiles = [\"paper\"]\n";
    let experiment = experiment(20, 5, allocators, more);
    let finished = run(&experiment, &market, folder.path());
    let (whole, late) = (&finished.rows[0], &finished.rows[1]);
    assert_eq!((whole.n_days, whole.n_undefined), (79, 0));
    assert_eq!((late.n_days, late.n_undefined), (29, 10), "it exists from the decision of day 70 on");
    let daily = returns(folder.path(), "box");
    assert!(daily[..50].iter().all(|(_, r)| r.is_nan()) && daily[50..].iter().all(|(_, r)| r.is_finite()));
    let lived: Vec<f64> = daily[50..].iter().map(|(_, r)| *r).collect();
    assert_eq!(late.volatility_annual, metrics::volatility_annual(&lived, 252.0));
    let table = std::fs::read_to_string(folder.path().join("table.md")).unwrap();
    assert!(table.contains("- box, lw_identity: measured on the 29 of 79 days on which it exists"), "{table}");

    let simulated = simulate(&experiment, &market, folder.path());
    assert_eq!(simulated.rows.iter().map(|row| row.n_days).collect::<Vec<_>>(), [79, 29]);
    let results = Results::open(&folder.path().join("simulation")).unwrap();
    let net = &results.daily_returns().unwrap().portfolios[1];
    assert_eq!(net.returns.iter().position(|r| !r.is_nan()), Some(50));
    // Every figure can be drawn in spite of the gap.
    assert!(draw(&Results::open(folder.path()).unwrap(), &[], &[]).unwrap().1.is_empty());
}

#[test]
fn a_ruined_portfolio_is_not_measured_and_everyone_says_so() {
    let folder = tempfile::tempdir().unwrap();
    // A1 moves twice as much as A0, so minimum variance holds twice A0 and is short A1, which more than doubles on day 45.
    let prices = Matrix::from_fn(80, 2, |t, i| match (t, i) {
        (45, 1) => 1.5,
        _ => (1 + i) as f64 * wave(t, 0) + 0.0001 * wave(t, i + 1),
    });
    let market = market(prices, &[None; 2]);
    let compare = "estimators = [\"sample\"]\nallocators = [\"gmv\", \"equal\"]";
    let experiment = experiment(20, 5, compare, "[simulation]\nprofiles = [\"paper\"]\n");
    let finished = run(&experiment, &market, folder.path());
    let ruined = &finished.rows[0];
    let date = market.panel.calendar().date(45).to_string();
    assert_eq!((ruined.ruined.as_str(), ruined.n_days), (date.as_str(), 25));
    assert!([ruined.volatility_annual, ruined.sharpe, ruined.max_drawdown, ruined.turnover].iter().all(|x| x.is_nan()));
    assert!(finished.rows[1].ruined.is_empty() && finished.rows[1].sharpe.is_finite());
    let daily = returns(folder.path(), "gmv");
    assert_eq!(daily[24].1, -1.0);
    assert!(daily[25..].iter().all(|(_, r)| r.is_nan()));
    let simulated = simulate(&experiment, &market, folder.path());
    let account = &simulated.rows[0];
    assert!(!account.ruined.is_empty() && account.sharpe.is_nan() && account.net_bps.is_nan(), "{account:?}");
    let results = Results::open(folder.path()).unwrap();
    assert_eq!(results.performances().unwrap()[0].ruined, date, "metrics.csv has a column for it");
    write_page(&results, None).unwrap();
    for file in ["table.md", "table.tex", "simulation/table.md", "report.html"] {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(text.contains("gmv, sample: ruined on 2020-"), "{file}:\n{text}");
    }
}

#[test]
fn an_account_that_never_trades_has_no_sharpe_ratio() {
    let folder = tempfile::tempdir().unwrap();
    let market = market(Matrix::from_fn(60, 3, wave), &[None; 3]);
    let more = "[simulation]\nprofiles = [\"paper\"]\ncapital_usd = [1, 1e6]\n";
    let experiment = experiment(20, 5, "estimators = [\"lw_identity\"]\nallocators = [\"gmv_long_only\"]", more);
    run(&experiment, &market, folder.path());
    // A dollar does not buy a single share.
    let simulated = simulate(&experiment, &market, folder.path());
    assert_eq!(simulated.rows[0].n_fills, 0);
    assert!(simulated.rows[0].sharpe.is_nan() && simulated.rows[0].sharpe_excess.is_nan());
    assert!(simulated.rows[1].sharpe.is_finite());
    let table = std::fs::read_to_string(folder.path().join("simulation/table.md")).unwrap();
    assert!(table.contains("gmv_long_only, lw_identity: only ever held cash"), "{table}");
}

const TESTED: &str = r#"
about = "tested"
[data.synthetic]
n_assets = 30
n_days = 400
[universe]
rules = "none"
size = 20
rank_min_values = 20
rank_frequency = "decision"
[walk_forward]
lookback = 100
[compare]
estimators = ["sample", "lw_identity", "qis", "oas"]
allocators = ["gmv"]
"#;

#[test]
fn tests_and_comparisons_use_the_days_on_which_all_exist_and_leave_out_the_ruined() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = Experiment::parse(TESTED, "tested.toml").unwrap();
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    run(&experiment, &MarketData { panel, truth: Some(truth) }, folder.path());
    let before = Results::open(folder.path()).unwrap().daily_returns().unwrap();
    // qis begins on the 41st day; oas loses everything on the 51st.
    let changed = |name: &str, day: usize, r: f64| match (name, day) {
        ("qis", ..40) => f64::NAN,
        ("oas", 50) => -1.0,
        ("oas", 51..) => f64::NAN,
        _ => r,
    };
    let rows = || before.portfolios.iter().flat_map(|c| c.returns.iter().enumerate().map(move |(day, r)| (c, day, *r)));
    Table::default()
        .with_dates("date", rows().map(|(_, day, _)| before.dates[day]))
        .with_texts("estimator", rows().map(|(c, ..)| c.name.estimator_cell()))
        .with_texts("allocator", rows().map(|(c, ..)| &c.name.allocator))
        .with_numbers("return", rows().map(|(c, day, r)| changed(c.name.estimator_cell(), day, r)))
        .write_parquet(&folder.path().join("returns.parquet"))
        .unwrap();
    let results = Results::open(folder.path()).unwrap();
    let found = evidence(&results, 1).unwrap();
    let names: Vec<&str> = found.findings.iter().map(|f| f.portfolio.as_str()).collect();
    assert_eq!(names, ["sample", "lw_identity", "qis"]);
    assert_eq!(found.groups[0].n_days, before.dates.len() - 40);
    let sample = before.portfolios.iter().find(|c| c.name.estimator_cell() == "sample").unwrap();
    assert_eq!(found.findings[0].volatility, metrics::volatility_annual(&sample.returns[40..], 252.0));
    let notes = found.notes.join("\n");
    assert!(notes.contains(&format!("oas is left out, it was ruined on {}", before.dates[50])), "{notes}");
    assert!(notes.contains("40 of 299 days are left out, before all exist; qis is the last to begin"), "{notes}");

    let side = |estimator: &str| Side {
        results: Results::open(folder.path()).unwrap(),
        portfolio: Some(estimator.to_string()),
    };
    let compared = compare(&[side("sample"), side("qis")], 1).unwrap();
    assert_eq!(compared.pairings[0].volatility.0, metrics::volatility_annual(&sample.returns[40..], 252.0));
    assert!(compared.notes.iter().any(|note| note.contains("both exist on 259 of these 299 days")));
    let refused = compare(&[side("sample"), side("oas")], 1).unwrap_err().to_string();
    assert!(refused.contains("oas / gmv is left out, it was ruined on"), "{refused}");
    write_tables(&results).unwrap();
    assert!(draw(&results, &[], &[]).unwrap().1.is_empty());
}

#[test]
fn a_grid_of_leverages_goes_on_where_it_was_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let market = market(Matrix::from_fn(60, 3, wave), &[None; 3]);
    let more = "[simulation]\nprofiles = [\"paper\"]\nleverage = { from = 0.5, to = 1.5, steps = 40 }\n";
    let experiment = experiment(20, 5, "estimators = [\"lw_identity\"]\nallocators = [\"gmv_long_only\"]", more);
    run(&experiment, &market, folder.path());
    let inputs =
        Inputs { weights: folder.path().join("weights.parquet"), data: folder.path().to_path_buf(), foreign: None };
    let place = folder.path().join("simulation");
    let stop = AtomicBool::new(false);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let stopped = pool.install(|| {
        experiment::simulate(
            Job::new(&experiment, &market, &place).stopped_by(&stop).watched(&mut |p| {
                stop.store(p.done > 0, std::sync::atomic::Ordering::Relaxed);
            }),
            &inputs,
        )
    });
    assert!(stopped.err().unwrap().to_string().starts_with("stopped after 8 of 40 accounts"));
    // Stored accounts lack a gross Sharpe ratio: it is null in their files.
    let mut first = None;
    let free = AtomicBool::new(false);
    let finished = experiment::simulate(
        Job::new(&experiment, &market, &place).stopped_by(&free).watched(&mut |p| {
            first.get_or_insert(p.done);
        }),
        &inputs,
    );
    assert_eq!((finished.unwrap().rows.len(), first), (40, Some(8)));
}

#[test]
fn a_calibration_shows_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let market = market(Matrix::from_fn(600, 8, |t, i| wave(t * t + i * t, i)), &[None; 8]);
    let oracle = "estimators = [{ name = \"average_oracle\", draws = 3000, test_days = 20, label = \"ao\" }]";
    let mut experiment = experiment(60, 20, &format!("{oracle}\nallocators = [\"equal\", \"gmv_long_only\"]"), "");
    experiment.walk_forward.first = Some(jiff::civil::date(2022, 1, 3));
    let mut seen = Vec::new();
    experiment::run(Job::new(&experiment, &market, folder.path()).watched(&mut |progress| {
        seen.extend(progress.training.map(|t| (t.what, t.name.clone(), t.year, t.progress.steps)));
    }))
    .unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|s| *s == ("draws", "ao".to_string(), 2022, 3000)), "{seen:?}");
}
