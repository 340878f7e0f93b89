//! Whole runs through the library: determinism, interruption, timing, endings.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use minvar::calendar::Calendar;
use minvar::data::Table;
use minvar::error::Error;
use minvar::experiment::{self, Experiment, Job, MarketData};
use minvar::linalg::Matrix;
use minvar::panel::{Asset, Panel};
use minvar::synthetic::SyntheticMarket;

fn small() -> Experiment {
    let text = r#"
about = "small"
[data.synthetic]
n_assets = 40
n_days = 300
[universe]
rules = "none"
size = 25
rank_min_values = 20
rank_frequency = "decision"
[walk_forward]
lookback = 100
[compare]
estimators = ["sample", "lw_identity", "qis", "oracle"]
allocators = ["gmv", "gmv_long_only", "equal"]
"#;
    Experiment::parse(text, "small.toml").unwrap()
}

fn market(experiment: &Experiment) -> MarketData {
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    MarketData { panel, truth: Some(truth) }
}

fn run(experiment: &Experiment, market: &MarketData, folder: &Path) -> experiment::RunSummary {
    experiment::run(Job::new(experiment, market, folder)).unwrap()
}

/// Every file of a result except `run.toml`, which contains times.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_name() != "run.toml" && entry.path().is_file());
    files.map(|e| (e.file_name().to_string_lossy().into_owned(), std::fs::read(e.path()).unwrap())).collect()
}

#[test]
fn one_thread_two_threads_and_an_interrupted_run_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (experiment, market) = (small(), market(&small()));
    let on = |threads: usize, name: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let path = folder.path().join(name);
        pool.install(|| run(&experiment, &market, &path));
        bytes(&path)
    };
    let one = on(1, "one");
    assert!(one.len() >= 15, "{:?}", one.keys());
    assert!(one == on(2, "two"), "results depend on the number of threads");

    let path = folder.path().join("stopped");
    let stop = AtomicBool::new(false);
    let mut sessions = 0;
    let finished = loop {
        sessions += 1;
        stop.store(false, Ordering::Relaxed);
        let mut first = None;
        let outcome =
            experiment::run(Job::new(&experiment, &market, &path).stopped_by(&stop).watched(&mut |progress| {
                // Each session may store a few dates more than the one before.
                let first = *first.get_or_insert(progress.done);
                stop.store(progress.done > first + 8, Ordering::Relaxed);
            }));
        match outcome {
            Ok(finished) => break finished,
            Err(Error::Interrupted { done, total, .. }) => assert!(done > 0 && done < total),
            Err(other) => panic!("{other}"),
        }
    };
    assert!(sessions > 2, "the run was never interrupted");
    assert!(one == bytes(&path), "an interrupted run ends with other bytes");
    assert!(!path.join("windows").exists());
    assert_eq!(finished.rows.len(), 9, "two allocators on four estimators, and one alone");
}

#[test]
fn a_damaged_window_is_computed_again_and_another_configuration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut experiment, market) = (small(), market(&small()));
    run(&experiment, &market, &folder.path().join("whole"));
    let path = folder.path().join("damaged");
    let stop = AtomicBool::new(false);
    let stop_soon = |experiment: &Experiment| {
        stop.store(false, Ordering::Relaxed);
        let stop_now = &mut |progress: experiment::Progress| stop.store(progress.done > 0, Ordering::Relaxed);
        experiment::run(Job::new(experiment, &market, &path).stopped_by(&stop).watched(stop_now)).err().unwrap()
    };
    assert!(matches!(stop_soon(&experiment), Error::Interrupted { done: 2.., .. }));
    std::fs::write(path.join("windows/00001.json"), "{\"day\": 1").unwrap();
    run(&experiment, &market, &path);
    assert!(bytes(&path) == bytes(&folder.path().join("whole")));

    stop_soon(&experiment);
    experiment.walk_forward.horizon = 10;
    let refused = experiment::run(Job::new(&experiment, &market, &path).stopped_by(&stop)).err().unwrap().to_string();
    assert!(refused.contains("--fresh"), "{refused}");
}

#[test]
fn the_oracle_has_the_lowest_predicted_risk_and_is_realised() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small();
    let finished = run(&experiment, &market(&experiment), folder.path());
    let volatility = |name: &str| {
        finished
            .rows
            .iter()
            .find(|row| row.name.estimator_cell() == name && row.name.allocator == "gmv")
            .unwrap()
            .volatility_annual
    };
    assert!(volatility("oracle") < volatility("qis"), "{} {}", volatility("oracle"), volatility("qis"));
    assert!(volatility("qis") < volatility("sample"));
}

/// A panel of weekdays from 2020-01-01 with given returns (days × assets).
fn panel(returns: Matrix) -> Panel {
    let calendar = Calendar::weekdays(jiff::civil::date(2020, 1, 1), returns.nrows());
    let assets = (0..returns.ncols()).map(|k| Asset { symbol: format!("A{k}"), ..Asset::default() }).collect();
    Panel::new(calendar, assets, returns, BTreeMap::new()).unwrap()
}

fn equal_weight(lookback: usize, horizon: usize) -> Experiment {
    let text = format!(
        "about = \"equal\"\n[data]\npanel = \"x\"\n[universe]\nrules = 'none'\nrank_by = \"panel_order\"\n[walk_forward]\n\
         lookback = {lookback}\nhorizon = {horizon}\n[compare]\nestimators = [\"lw_identity\"]\nallocators = [\"equal\"]\n"
    );
    Experiment::parse(&text, "equal.toml").unwrap()
}

#[test]
fn the_decision_day_is_skipped_and_positions_drift_until_the_next_one_has_earned() {
    let folder = tempfile::tempdir().unwrap();
    let returns = Matrix::from_fn(40, 2, |t, i| 0.01 * ((t * (i + 2)) % 7) as f64 - 0.02);
    let market = MarketData { panel: panel(returns.clone()), truth: None };
    run(&equal_weight(20, 3), &market, folder.path());
    let ours = Table::read_numbers(&folder.path().join("returns.parquet"), "return").unwrap();
    let mut expected = Vec::new();
    for decision in (20..39).step_by(3) {
        let mut equity = [0.5, 0.5]; // bought at the close of the decision day, whose return is not earned
        for day in decision + 1..(decision + 4).min(40) {
            let before: f64 = equity.iter().sum();
            (0..2).for_each(|i| equity[i] *= 1.0 + returns[(day, i)]);
            expected.push(equity.iter().sum::<f64>() / before - 1.0);
        }
    }
    assert_eq!(ours.len(), expected.len());
    assert!(ours.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-14), "{ours:?}\n{expected:?}");
}

#[test]
fn an_asset_that_ends_while_held_leaves_at_its_last_price_on_the_next_decision_date() {
    let folder = tempfile::tempdir().unwrap();
    // Asset 2 trades for the last time on day 22: it is bought on day 20 and is gone from day 24 on.
    let returns =
        Matrix::from_fn(
            40,
            3,
            |t, i| if i == 2 && t > 22 { f64::NAN } else { 0.01 * ((t * (i + 2)) % 5) as f64 - 0.02 },
        );
    let market = MarketData { panel: panel(returns), truth: None };
    let finished = run(&equal_weight(20, 4), &market, folder.path());
    let file = folder.path().join("weights.parquet");
    let held = Table::read_dates(&file, "date").unwrap().into_iter().zip(Table::read_texts(&file, "asset").unwrap());
    let last = held.filter(|(_, asset)| asset == "A2").map(|(date, _)| date).max();
    assert_eq!(last, Some(market.panel.calendar().date(20)));
    assert_eq!(finished.rows[0].n_undefined, 0);
}

#[test]
fn what_is_undefined_is_counted_with_its_reason_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut experiment = small();
    let toml = "estimators = [\"ewma\", \"lw_identity\"]\nallocators = [\"gmv\"]";
    experiment.compare = toml::from_str(&toml.replace("\"ewma\"", "{ name = \"ewma\", decay = 0.2 }")).unwrap();
    let finished = run(&experiment, &market(&experiment), folder.path());
    assert_eq!(finished.rows[0].n_undefined, finished.rows[0].n_rebalances);
    assert!(finished.rows[0].volatility_annual.is_nan() && finished.rows[1].volatility_annual > 0.0);
    assert!(finished.never_defined.len() == 1 && finished.never_defined[0].starts_with("gmv of ewma(decay=0.2): "));
    let reasons = Table::read_texts(&folder.path().join("diagnostics.parquet"), "undefined").unwrap();
    assert!(reasons[0].contains("not positive definite"), "{}", reasons[0]);
}

/// The limit applies to holdings drifted to the last known close; the trade comes one return later.
#[test]
fn a_turnover_limit_holds_up_to_the_drift_of_the_decision_day() {
    let folder = tempfile::tempdir().unwrap();
    let mut experiment = small();
    experiment.data.synthetic = Some(crate::support::complete_market(25, 300));
    experiment.compare = toml::from_str(
        "estimators = [{ name = \"ewma\", decay = 0.95 }]\n\
         allocators = [\"gmv_long_only\", { name = \"gmv_turnover\", turnover = 0.05 }]",
    )
    .unwrap();
    let rows = run(&experiment, &market(&experiment), folder.path()).rows;
    let file = folder.path().join("diagnostics.parquet");
    let labels = Table::read_texts(&file, "allocator").unwrap();
    let turnover = Table::read_numbers(&file, "turnover").unwrap();
    let limited = labels.iter().zip(&turnover).filter(|(label, _)| label.starts_with("gmv_turnover")).skip(1);
    let most = limited.map(|(_, turnover)| *turnover).fold(0.0, f64::max);
    assert!(most < 0.05 + 0.04, "{most}");
    assert!(rows[0].turnover > 0.15 && rows[1].turnover < 0.08, "{} {}", rows[0].turnover, rows[1].turnover);
}

#[test]
fn run_toml_carries_the_whole_provenance() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small();
    let market = market(&experiment);
    run(&experiment, &market, folder.path());
    let text = std::fs::read_to_string(folder.path().join("run.toml")).unwrap();
    for key in ["version", "commit", "data_hash", "device", "threads", "duration_seconds", "seed", "lookback", "size"] {
        assert!(text.contains(&format!("{key} = ")), "{key} is missing in\n{text}");
    }
    assert!(text.contains(market.panel.content_hash()));
    let rest = text.split("[experiment]").nth(1).unwrap().replace("[experiment.", "[");
    assert_eq!(Experiment::parse(&rest, "run.toml").unwrap(), experiment, "the configuration can be run again");
}

#[test]
fn a_universe_without_assets_names_the_date_and_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let mut experiment = small();
    experiment.universe.price_range = Some([1e9, 2e9]);
    let error = experiment::run(Job::new(&experiment, &market(&experiment), folder.path()));
    let message = error.err().unwrap().to_string();
    for part in ["walk_forward.first: no asset is eligible on ", "price ", "universe.price_range; no later date works"]
    {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn too_short_a_panel_and_singular_competitors_are_refused_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: fn(&mut Experiment)| {
        let mut experiment = small();
        change(&mut experiment);
        let market = market(&experiment);
        let result = experiment::run(Job::new(&experiment, &market, folder.path()));
        assert!(!folder.path().join("windows").exists());
        result.err().unwrap().to_string()
    };
    let message = refused(|e| e.walk_forward.first = Some(SyntheticMarket::FIRST_DATE));
    let expected = "100 days of history are needed before 2000-01-03, the panel has 0: walk_forward.lookback = 100; the \
                    earliest walk_forward.first that works is 2000-05-22";
    assert_eq!(message, expected);
    let message = refused(|e| e.walk_forward.lookback = 300);
    let expected = "300 days of history are needed before 2001-02-23, the panel has 300: walk_forward.lookback = 300 leaves \
                    no decision in a panel from 2000-01-03 to 2001-02-23; a look-back of at most 298 leaves one";
    assert_eq!(message, expected);
    let message = refused(|e| e.walk_forward.first = Some(jiff::civil::date(2030, 1, 1)));
    assert!(message.contains("between 2030-01-01 and 2001-02-23; the panel ends on 2001-02-23"), "{message}");
    let message = refused(|e| e.walk_forward.lookback = 20);
    assert!(message.starts_with("sample is undefined: its covariance of 25 assets from 20 days"), "{message}");
}
