//! Every number in an experiment, an estimator, an allocator and the schedules, set to absurd values: the result must
//! be a run or an error in one line, never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;

use minvar::costs::{DEFAULT_SCHEDULES, Schedules};
use minvar::error::{Error, Result};
use minvar::experiment::{self, Experiment, Inputs, Job, MarketData};
use minvar::{allocators, estimators};
use toml::Value;

/// Extreme counts and reals, including infinities and NaN.
fn hostile() -> Vec<Value> {
    let counts = [0, 1, 1 << 31, 1 << 32, 1 << 53, i64::MAX, -1];
    let reals = [-0.5, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    counts.into_iter().map(Value::Integer).chain(reals.into_iter().map(Value::Float)).collect()
}

/// A run and its accounts on a market of a dozen assets.
const EXPERIMENT: &str = r#"
about = "numbers"
seed = 1
[data.synthetic]
n_assets = 12
n_days = 60
n_sectors = 2
listed_at_start = 1.0
delisting_rate_annual = 0.0
missing_rate = 0.0
seed = 1
[universe]
rules = "none"
size = 8
rank_days = 20
rank_min_values = 10
rank_frequency = "decision"
min_returns = 15
min_traded_share = 0.5
recent_days = 2
min_recent_turnover = 0.0
price_range = [0.01, 1e9]
min_shares_outstanding = 1.0
volatility_fence = 5.0
delisting_within = 5
max_correlation = 1.0
[walk_forward]
lookback = 20
horizon = 20
[compare]
estimators = ["lw_identity"]
allocators = ["gmv_long_only"]
[simulation]
profiles = ["paper"]
capital_usd = [1e6]
leverage = { from = 1.0, to = 1.2, steps = 2 }
ledger = false
"#;

/// The experiment with a network that takes almost no time to train.
const TRAINED: &str = r#"
about = "numbers"
[data.synthetic]
n_assets = 12
n_days = 320
listed_at_start = 1.0
delisting_rate_annual = 0.0
missing_rate = 0.0
[universe]
rules = "none"
size = 8
rank_by = "panel_order"
[walk_forward]
lookback = 20
horizon = 20
first = 2001-01-01
[compare]
estimators = [{ train = "tiny", seed = 0 }]
allocators = ["gmv_long_only"]
[train.tiny.network]
n_days = 20
lag = "per_lag"
hidden = [2]
volatility = [2]
annualisation = 252.0
[train.tiny.schedule]
steps = 2
warm_steps = 1
batch = 2
accumulation = 1
learning_rate = 1e-3
warm_learning_rate = 1e-3
decay = 0.5
decay_steps = 2
clip_norm = 1.0
n_assets = [3, 5]
n_days = [20, 20]
validation_days = 5
validate_every = 1
checkpoint_every = 1
"#;

/// Paths of all numbers in a value: keys, and indices into lists.
fn numbers(value: &Value, place: &[String], found: &mut Vec<Vec<String>>) {
    let inner = |key: String| [place, &[key]].concat();
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| numbers(value, &inner(key.clone()), found)),
        Value::Array(list) => list.iter().enumerate().for_each(|(k, v)| numbers(v, &inner(k.to_string()), found)),
        Value::Integer(_) | Value::Float(_) => found.push(place.to_vec()),
        _ => {}
    }
}

fn set(value: &mut Value, place: &[String], number: Value) {
    let Some((key, rest)) = place.split_first() else {
        *value = number;
        return;
    };
    let inner = match value {
        Value::Array(list) => &mut list[key.parse::<usize>().unwrap()],
        table => &mut table[key.as_str()],
    };
    set(inner, rest, number);
}

/// Runs the text of an experiment with its accounts.
fn outcome(text: &str) -> Result<()> {
    let experiment = Experiment::parse(text, "numbers.toml")?;
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate()?;
    let market = MarketData { panel, truth: Some(truth) };
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    experiment::run(Job::new(&experiment, &market, folder.path()).stopped_by(&stop))?;
    if experiment.simulation.is_some() {
        let inputs =
            Inputs { weights: folder.path().join("weights.parquet"), data: folder.path().to_path_buf(), foreign: None };
        let place = folder.path().join("simulation");
        experiment::simulate(Job::new(&experiment, &market, &place).stopped_by(&stop), &inputs)?;
    }
    Ok(())
}

/// Fails on a panic, and on an error that has several lines.
#[track_caller]
fn bears(what: &str, work: impl FnOnce() -> Result<()>) {
    match catch_unwind(AssertUnwindSafe(work)) {
        Err(_) => panic!("{what} ends in a panic"),
        Ok(Err(error)) => {
            let message = error.to_string();
            assert!(message.lines().count() == 1 && message.len() < 600, "{what}: {message}");
        }
        Ok(Ok(())) => {}
    }
}

#[track_caller]
fn each_number(text: &str, is_meant: impl Fn(&str) -> bool, work: impl Fn(&str) -> Result<()>) -> usize {
    let whole: Value = toml::from_str(text).unwrap();
    work(text).unwrap();
    let mut places = Vec::new();
    numbers(&whole, &[], &mut places);
    places.retain(|place| is_meant(&place.join(".")));
    for place in &places {
        for number in hostile() {
            let mut changed = whole.clone();
            set(&mut changed, place, number.clone());
            let text = toml::to_string(&changed).unwrap();
            bears(&format!("{} = {number}", place.join(".")), || work(&text));
        }
    }
    places.len()
}

#[test]
fn no_number_of_an_experiment_ends_in_a_panic() {
    assert!(each_number(EXPERIMENT, |_| true, outcome) >= 25);
}

#[test]
fn no_number_of_a_training_ends_in_a_panic() {
    assert!(each_number(TRAINED, |place| place.starts_with("train"), outcome) >= 20);
}

#[test]
fn no_parameter_of_an_estimator_or_allocator_ends_in_a_panic() {
    let base = EXPERIMENT.split("[simulation]").next().unwrap();
    let with = |estimator: &str, allocator: &str| {
        base.replace("\"lw_identity\"", estimator).replace("\"gmv_long_only\"", allocator)
    };
    let bears_all = |name: &str, parameters: toml::Table, text: &dyn Fn(&str) -> String| {
        for key in parameters.keys() {
            for number in hostile() {
                let choice = format!("{{ name = \"{name}\", {key} = {number}, label = \"x\" }}");
                bears(&choice, || outcome(&text(&choice)));
            }
        }
    };
    for entry in estimators::ALL {
        bears_all(entry.name, (entry.parameters)(), &|choice| with(choice, "\"gmv_long_only\""));
    }
    for entry in allocators::ALL {
        bears_all(entry.name, (entry.parameters)(), &|choice| with("\"lw_identity\"", choice));
    }
}

#[test]
fn no_number_of_the_schedules_ends_in_a_panic_or_passes_as_nonsense() {
    let parsed = |text: &str| Schedules::parse(text, "mine.toml").map(|_| ());
    assert!(each_number(DEFAULT_SCHEDULES, |_| true, parsed) > 200);
    let refused = |from: &str, to: &str, expected: &str| {
        assert!(DEFAULT_SCHEDULES.contains(from));
        let message = parsed(&DEFAULT_SCHEDULES.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    refused("usd_per_million = 8.00", "usd_per_million = nan", "usd_per_million must be a number, but is NaN");
    refused("usd_per_million = 8.00", "usd_per_million = -8.0", "usd_per_million must be at least 0, but is -8");
}

/// Takes some minutes: accounts under every number that the schedules accept.
#[test]
fn no_number_of_the_schedules_breaks_an_account() {
    if std::env::var_os("RUN_SLOW_TESTS").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut experiment = Experiment::parse(EXPERIMENT, "numbers.toml").unwrap();
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    let market = MarketData { panel, truth: Some(truth) };
    let stop = AtomicBool::new(false);
    experiment::run(Job::new(&experiment, &market, folder.path()).stopped_by(&stop)).unwrap();
    let inputs =
        Inputs { weights: folder.path().join("weights.parquet"), data: folder.path().to_path_buf(), foreign: None };
    let file = folder.path().join("mine.toml");
    let simulation = experiment.simulation.as_mut().unwrap();
    simulation.schedules = Some(file.clone());
    simulation.leverage = experiment::Leverage::List(vec![1.0, 2.5]);
    simulation.profiles = ["paper", "realistic", "paper_sequel", "stress"].map(String::from).to_vec();
    let work = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let place = folder.path().join("simulation");
        experiment::simulate(Job::new(&experiment, &market, &place).stopped_by(&stop), &inputs).map(|_| ())
    };
    assert!(each_number(DEFAULT_SCHEDULES, |_| true, work) > 200);
}

#[test]
fn what_no_machine_can_hold_is_refused_with_its_size() {
    let refused = |from: &str, to: &str, expected: &str| {
        assert!(EXPERIMENT.contains(from));
        let error = outcome(&EXPERIMENT.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let message = outcome(&EXPERIMENT.replacen("n_assets = 12", "n_assets = 4294967296", 1)).unwrap_err();
    assert!(matches!(message, Error::Memory { .. }), "{message}");
    refused("n_days = 60", "n_days = 9223372036854775807", "synthetic.n_days must be in 1..=60000");
    refused("horizon = 20", "horizon = 4294967296", "walk_forward.horizon must be at most 100000 days");
    let oracle = "{ name = \"average_oracle\", draws = 1000000000 }";
    refused("\"lw_identity\"", oracle, "average_oracle.draws must be in 1..=100000, but is 1000000000");
    refused("steps = 2", "steps = 9223372036854775807", "simulation.leverage.steps must be in 1..=100000");
}
