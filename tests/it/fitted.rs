//! Parameters and shares that are chosen on the past, and means of several estimators.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use minvar::data::Table;
use minvar::error::Error;
use minvar::experiment::{self, Experiment, Job, MarketData};

use crate::support::rows;

fn experiment(estimators: &str) -> Experiment {
    let text = format!(
        r#"
about = "fitted"
[data.synthetic]
n_assets = 12
n_days = 640
[universe]
rules = "none"
size = 8
rank_by = "panel_order"
[walk_forward]
lookback = 60
horizon = 5
[compare]
estimators = [{estimators}]
allocators = ["gmv", "gmv_long_only"]
"#
    );
    Experiment::parse(&text, "fitted.toml").unwrap()
}

fn market(experiment: &Experiment) -> MarketData {
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    MarketData { panel, truth: Some(truth) }
}

fn run(estimators: &str, folder: &Path) {
    let experiment = experiment(estimators);
    experiment::run(Job::new(&experiment, &market(&experiment), folder)).unwrap();
}

/// Volatility by estimator and allocator.
fn volatilities(folder: &Path) -> BTreeMap<(String, String), f64> {
    let of = |row: BTreeMap<String, String>| {
        ((row["estimator"].clone(), row["allocator"].clone()), row["volatility_annual"].parse().unwrap())
    };
    rows(folder, "metrics.csv").into_iter().map(of).collect()
}

const FITTED: &str = r#"{ name = "qis", kappa = { fitted = [0.2, 1, 3] }, label = "kappa" },
    { name = "lw_identity", memory = "exponential(half_life=fitted(20,1000))", label = "memory" },
    { combine = ["qis", "sample"], of = "weights", shares = "fitted", label = "shares" }"#;

/// Estimator, year and parameter.
type Key = (String, String, String);

#[test]
fn the_value_with_the_least_loss_on_the_past_is_used_and_written_down() {
    let folder = tempfile::tempdir().unwrap();
    run(FITTED, &folder.path().join("fitted"));
    let rows = rows(&folder.path().join("fitted"), "fitted.csv");
    let mut by: BTreeMap<Key, Vec<(f64, String, bool)>> = BTreeMap::new();
    for row in &rows {
        let loss = row["loss"].parse().unwrap_or(f64::INFINITY);
        let key = (row["estimator"].clone(), row["year"].clone(), row["parameter"].clone());
        by.entry(key).or_default().push((loss, row["value"].clone(), row["chosen"] == "yes"));
    }
    let parameters: Vec<&str> = by.keys().map(|key| key.2.as_str()).collect();
    assert!(parameters.contains(&"kappa") && parameters.contains(&"half_life") && parameters.contains(&"shares"));
    for (key, tried) in &by {
        let least = tried.iter().map(|tried| tried.0).fold(f64::INFINITY, f64::min);
        let chosen: Vec<_> = tried.iter().filter(|tried| tried.2).collect();
        assert!(chosen.len() == 1 && chosen[0].0 == least && least.is_finite(), "{key:?}: {tried:?}");
        assert_eq!(
            tried.len(),
            match key.2.as_str() {
                "kappa" => 3,
                "half_life" => 2,
                _ => 8,
            },
            "{key:?}"
        );
    }
    let years = by.keys().filter(|key| key.0 == "kappa").count();
    assert!(years >= 2, "a value for each year");

    // With the same value every year, the results are those of that value.
    let kappas: Vec<&String> = by
        .iter()
        .filter(|(key, _)| key.0 == "kappa")
        .flat_map(|(_, tried)| tried.iter().filter(|t| t.2).map(|t| &t.1))
        .collect();
    assert!(kappas.iter().all(|kappa| *kappa == kappas[0]), "{kappas:?}");
    let given = format!("{FITTED}, {{ name = 'qis', kappa = {}, label = 'given' }}", kappas[0]);
    run(&given, &folder.path().join("given"));
    let volatilities = volatilities(&folder.path().join("given"));
    for allocator in ["gmv", "gmv_long_only"] {
        let of = |name: &str| volatilities[&(name.to_string(), allocator.to_string())];
        assert_eq!(of("kappa"), of("given"));
    }
}

/// The choice depends on the past of a year alone, and is not made again after an interruption.
#[test]
fn an_interrupted_run_keeps_what_it_has_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    run(FITTED, &whole);
    let experiment = experiment(FITTED);
    let market = market(&experiment);
    let (stop, mut draws, mut sessions) = (AtomicBool::new(false), 0, 0);
    loop {
        stop.store(false, Ordering::Relaxed);
        let mut first = None;
        let mut seen = 0;
        let outcome =
            experiment::run(Job::new(&experiment, &market, &stopped).stopped_by(&stop).watched(&mut |progress| {
                let first = *first.get_or_insert(progress.done);
                seen += usize::from(progress.training.is_some());
                stop.store(progress.done > first + 8, Ordering::Relaxed);
            }));
        sessions += 1;
        draws += usize::from(seen > 0);
        match outcome {
            Ok(_) => break,
            Err(Error::Interrupted { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(sessions > 3 && draws < sessions, "{draws} of {sessions} sessions chose");
    for name in ["fitted.csv", "metrics.csv", "weights.parquet"] {
        assert!(std::fs::read(whole.join(name)).unwrap() == std::fs::read(stopped.join(name)).unwrap(), "{name}");
    }
}

/// A synthetic market has highs and lows.
#[test]
fn a_run_gives_its_estimators_the_ranges_of_days() {
    let folder = tempfile::tempdir().unwrap();
    run("'qis', { name = 'qis', volatility = 'range(0.97)', label = 'range' }", folder.path());
    let of = |name: &str| volatilities(folder.path())[&(name.to_string(), "gmv".to_string())];
    assert!(of("range").is_finite() && of("range") != of("qis"));
}

#[test]
fn a_mean_of_weights_is_the_mean_of_the_portfolios() {
    let folder = tempfile::tempdir().unwrap();
    let estimators = r#""qis", "lw_identity",
        { combine = ["qis", "lw_identity"], of = "weights", shares = [0.25, 0.75], label = "weights" },
        { combine = ["qis", "lw_identity"], label = "covariances" },
        { combine = ["qis", "lw_identity"], of = "weights", shares = [1, 0], label = "first" }"#;
    run(estimators, folder.path());
    let file = folder.path().join("weights.parquet");
    let texts = |name: &str| Table::read_texts(&file, name).unwrap();
    let (assets, names, allocators) = (texts("asset"), texts("estimator"), texts("allocator"));
    let numbers = Table::read_numbers(&file, "weight").unwrap();
    let mut by: BTreeMap<(String, String), Vec<(String, f64)>> = BTreeMap::new();
    for k in 0..names.len() {
        by.entry((names[k].clone(), allocators[k].clone())).or_default().push((assets[k].clone(), numbers[k]));
    }
    let of = |name: &str| &by[&(name.to_string(), "gmv".to_string())];
    let (qis, lw) = (of("qis"), of("lw_identity"));
    for (name, share) in [("weights", 0.25), ("first", 1.0)] {
        for (k, (asset, w)) in of(name).iter().enumerate() {
            assert!(qis[k].0 == *asset && (share * qis[k].1 + (1.0 - share) * lw[k].1 - w).abs() < 1e-15);
        }
    }
    let differs = of("covariances").iter().zip(of("weights")).any(|(a, b)| (a.1 - b.1).abs() > 1e-6);
    assert!(differs);
}

#[test]
fn combinations_and_fitted_values_that_cannot_work_are_refused_at_once() {
    let refused = |estimators: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let experiment = experiment(estimators);
        let outcome = experiment::run(Job::new(&experiment, &market(&experiment), folder.path()));
        let message = outcome.err().unwrap_or_else(|| panic!("{estimators}")).to_string();
        assert!(message.contains(expected) && message.lines().count() == 1, "{estimators}: {message}");
        assert!(!folder.path().join("windows/00000.json").exists(), "{estimators}: something was computed");
    };
    let folder = tempfile::tempdir().unwrap();
    run(
        "{ name = 'lw_identity', memory = 'exponential(1.5)' }, { name = 'qis', memory = 'exponential(1.5)', count = 'days' }",
        folder.path(),
    );
    refused("{ combine = ['qis'] }", "at least 2");
    refused("{ combine = ['qis', 'qiss'] }", "did you mean 'qis'");
    refused("{ combine = ['qis', 'sample'], shares = [0.5, 0.6] }", "with sum one");
    refused("{ combine = ['qis', 'sample'], shares = [1.5, -0.5] }", "none below zero");
    refused("{ combine = ['qis', 'sample'], shares = [nan, 1] }", "none below zero");
    refused("{ combine = ['qis', 'sample', 'oas'], shares = 'fitted' }", "two members only");
    refused("{ combine = ['qis', { combine = ['qis', 'sample'] }] }", "list all members in one");
    refused("{ name = 'qis', kappa = { fitted = [] } }", "in 1..=8");
    refused("{ name = 'qis', kappa = { fitted = [-1, 2] } }", "qis.kappa must be");
    refused("{ name = 'qis', memory = 'exponential(1.5)' }", "has 4 effective days, too few for 8 assets");
    refused("{ name = 'mp_denoise', memory = 'exponential(1.5)' }", "has 4 effective days, too few for 8 assets");
    refused("{ name = 'qis', memory = 'exponential(0)' }", "exponential.half_life must be");
    refused(
        "{ name = 'qis', memory = 'exponential(fitted(1,2))' }",
        "no value has an estimate on every draw: a map of eigenvalues",
    );
}
