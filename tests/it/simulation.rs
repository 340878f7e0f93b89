//! Whole simulations: from stored weights to tables, figures and ledgers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use minvar::account::Entry;
use minvar::data::Table;
use minvar::error::Error;
use minvar::experiment::{self, Experiment, Inputs, Job, MarketData, Simulated};

use crate::program::{fails, says};

const EXPERIMENT: &str = r#"
about = "simulated"
[data.synthetic]
n_assets = 40
n_days = 400
[universe]
rules = "none"
size = 25
rank_min_values = 20
rank_frequency = "decision"
[walk_forward]
lookback = 100
[compare]
estimators = ["lw_identity", "qis"]
allocators = ["gmv_long_only", "equal"]
[simulation]
profiles = ["paper", "realistic", "paper_sequel"]
capital_usd = [1e5, 1e7, 1e9]
leverage = [1.0, 2.5]
"#;

fn market(experiment: &Experiment) -> MarketData {
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    MarketData { panel, truth: Some(truth) }
}

/// Runs the experiment's estimation once and returns its inputs to a simulation.
fn with_weights(folder: &Path) -> (Experiment, MarketData, Inputs) {
    let experiment = Experiment::parse(EXPERIMENT, "simulated.toml").unwrap();
    let market = market(&experiment);
    experiment::run(Job::new(&experiment, &market, folder)).unwrap();
    let inputs = Inputs { weights: folder.join("weights.parquet"), data: folder.to_path_buf(), foreign: None };
    (experiment, market, inputs)
}

fn simulate(experiment: &Experiment, market: &MarketData, inputs: &Inputs, folder: &Path) -> Simulated {
    experiment::simulate(Job::new(experiment, market, folder), inputs).unwrap()
}

/// Every file of a result except `run.toml`, which contains times.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(bytes(&path).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else if name != "run.toml" {
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_simulation_is_the_same_bytes_on_any_threads_and_after_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let (experiment, market, inputs) = with_weights(folder.path());
    let on = |threads: usize, name: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let path = folder.path().join(name);
        let simulated = pool.install(|| simulate(&experiment, &market, &inputs, &path));
        (bytes(&path), simulated)
    };
    let (one, simulated) = on(1, "one");
    assert_eq!(simulated.rows.len(), 3 * 3 * 3 * 2);
    assert_eq!(one.len(), 8 + 54, "{:?}", one.keys());
    assert!(one == on(2, "two").0, "results depend on the number of threads");

    let path = folder.path().join("stopped");
    let stop = AtomicBool::new(false);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut sessions = 0;
    loop {
        sessions += 1;
        stop.store(false, Ordering::Relaxed);
        let mut first = None;
        let outcome = pool.install(|| {
            experiment::simulate(
                Job::new(&experiment, &market, &path).stopped_by(&stop).watched(&mut |progress| {
                    let first = *first.get_or_insert(progress.done);
                    stop.store(progress.done > first, Ordering::Relaxed);
                }),
                &inputs,
            )
        });
        match outcome {
            Ok(_) => break,
            Err(Error::Interrupted { what: "accounts", done, total: 54 }) => assert!(done > 0),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(sessions > 2, "the simulation was never interrupted");
    assert!(one == bytes(&path), "an interrupted simulation ends with other bytes");
    let text = std::fs::read_to_string(path.join("run.toml")).unwrap();
    for key in ["commit", "data_hash", "weights_hash", "schedules_hash", "benchmark", "stand_ins", "duration_seconds"] {
        assert!(text.contains(&format!("{key} = ")), "{key} is missing in\n{text}");
    }
}

#[test]
fn the_bridge_of_every_account_sums_and_its_ledger_gives_its_last_equity() {
    let folder = tempfile::tempdir().unwrap();
    let (mut experiment, market, inputs) = with_weights(folder.path());
    experiment.simulation.as_mut().unwrap().leverage = experiment::Leverage::List(vec![1.0]);
    let path = folder.path().join("simulation");
    let simulated = simulate(&experiment, &market, &inputs, &path);
    for row in &simulated.rows {
        assert!(row.bridge_error().abs() < 1e-9, "{row:?}");
        assert!(row.charges_bps[Entry::Commission] < 0.0, "commissions are paid: {row:?}");
    }
    let slippage = |profile: &str, capital: f64| {
        let rows = simulated.rows.iter().filter(|r| r.profile == profile && r.capital_usd == capital);
        rows.map(|r| r.charges_bps[Entry::Slippage]).sum::<f64>()
    };
    assert!(slippage("paper", 1e9) < 3.0 * slippage("paper", 1e7), "impact grows with capital");
    assert_eq!(slippage("paper_sequel", 1e9), 0.0);
    // The ledger of the first account: the sum of its money, minus the value of its positions, equals the deposit.
    let mut ledgers: Vec<_> = std::fs::read_dir(path.join("ledger")).unwrap().map(|e| e.unwrap().path()).collect();
    ledgers.sort();
    let (file, row) = (&ledgers[0], &simulated.rows[0]);
    assert!(file.to_string_lossy().ends_with("000-lw_identity-gmv_long_only-paper-100000-1.parquet"), "{file:?}");
    let cents: f64 = Table::read_numbers(file, "cents").unwrap().iter().sum();
    let (symbols, shares) = (Table::read_texts(file, "asset").unwrap(), Table::read_numbers(file, "shares").unwrap());
    let mut held: BTreeMap<&str, f64> = BTreeMap::new();
    symbols.iter().zip(&shares).for_each(|(symbol, n)| *held.entry(symbol).or_default() += n);
    let panel = &market.panel;
    let assets: Vec<usize> = (0..panel.n_assets()).collect();
    let first = panel.calendar().first_on_or_after(Table::read_dates(file, "date").unwrap()[0]);
    let mut quotes = minvar::panel::Quotes::new(panel, assets, first);
    while quotes.day() + 1 < panel.n_days() {
        quotes.advance();
    }
    let value: f64 = held
        .iter()
        .filter(|(symbol, n)| !symbol.is_empty() && **n != 0.0)
        .map(|(symbol, n)| {
            let asset = panel.assets().iter().position(|asset| asset.symbol == **symbol).unwrap();
            (100.0 * n * quotes.of(asset).close).round()
        })
        .sum();
    assert_eq!((cents + value) / 100.0, row.final_usd);
    let entries = Table::read_texts(file, "entry").unwrap();
    for entry in ["deposit", "fill", "commission", "section31", "auction_fee", "slippage"] {
        assert!(entries.iter().any(|e| e == entry), "no {entry} in the ledger");
    }
}

#[test]
fn a_grid_of_leverages_finds_the_first_liquidation() {
    let folder = tempfile::tempdir().unwrap();
    let (mut experiment, market, inputs) = with_weights(folder.path());
    let simulation = experiment.simulation.as_mut().unwrap();
    simulation.profiles = vec!["paper_sequel".to_string()];
    simulation.capital_usd = vec![1e6];
    simulation.ledger = false;
    simulation.leverage = experiment::Leverage::Grid(experiment::LeverageGrid { from: 0.01, to: 3.99, steps: 40 });
    let path = folder.path().join("grid");
    let simulated = simulate(&experiment, &market, &inputs, &path);
    assert_eq!(simulated.rows.len(), 3 * 40);
    let files: Vec<String> = bytes(&path).into_keys().collect();
    let expected =
        ["accounts.parquet", "events.parquet", "leverage.csv", "leverage.svg", "summary.csv", "table.md", "table.tex"];
    assert_eq!(files, expected);
    let qis: Vec<_> = simulated.rows.iter().filter(|row| row.name.estimator_cell() == "qis").collect();
    let first = qis.iter().position(|row| row.n_liquidations > 0).unwrap();
    assert!(
        qis[first..].iter().all(|row| row.n_liquidations > 0 || !row.ruined.is_empty()),
        "more leverage, fewer sales"
    );
    assert!(qis[first].leverage > 1.0 && qis[0].n_liquidations == 0);
    assert!((qis[0].leverage - 0.01).abs() < 1e-12 && (qis[39].leverage - 3.99).abs() < 1e-12);
    assert!(simulated.sheets[0].header.contains(&"volatility slope".to_string()), "{:?}", simulated.sheets[0]);
}

#[test]
fn weights_of_another_program_are_read_and_mistakes_in_them_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (experiment, market, _) = with_weights(folder.path());
    let path = folder.path().join("mine.csv");
    let good = "date,asset,weight\n2001-02-01,S0001,0.5\n2001-02-01,S0002,0.5\n2001-03-01,S0002,1\n";
    let outcome = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let inputs = Inputs { weights: path.clone(), data: folder.path().to_path_buf(), foreign: None };
        let stop = AtomicBool::new(false);
        experiment::simulate(Job::new(&experiment, &market, &folder.path().join("mine")).stopped_by(&stop), &inputs)
    };
    let rows = outcome(good).unwrap().rows;
    assert_eq!(rows.len(), 18);
    assert!(rows.iter().all(|row| row.name.estimator_cell() == "mine" && row.n_days > 50));
    let refused = |from: &str, to: &str, expected: &str| {
        let message = outcome(&good.replacen(from, to, 1)).err().unwrap().to_string();
        assert!(message.contains(expected), "{message}");
    };
    refused(
        "S0002,0.5",
        "XYZ,0.5",
        "mine.csv, row 3, asset XYZ, 2001-02-01: the panel has no such asset; 1 unknown: XYZ",
    );
    refused("2001-03-01", "2001-03-03", "row 4, asset S0002, 2001-03-03: the date is not a trading day");
    refused("S0002,0.5", "S0001,0.5", "asset S0001, 2001-02-01: the asset appears twice on this date");
    refused("S0002,0.5", "S0002,NaN", "row 3: 'NaN' in column weight is not a finite number");
    refused("S0002,0.5", "S0002,", "row 3: weight is missing");
    refused("S0002,0.5", "S0002,1e9", "row 3, asset S0002, 2001-02-01: a weight of 1.000e9 is impossible");
    let broken = EXPERIMENT.replace("\"realistic\"", "\"realistc\"");
    let simulation = Experiment::parse(&broken, "x.toml").unwrap().simulation.unwrap();
    let message = experiment::check_simulation(&simulation, folder.path()).unwrap_err().to_string();
    assert!(message.contains("did you mean 'realistic'?"), "{message}");
    refused("date,asset,weight", "date,asset,a,b", "line 2: 3 cells under a header of 4");
    let none = "date,asset,weight\n";
    assert!(outcome(none).err().unwrap().to_string().contains("no row below the header"));
}

#[test]
fn own_weights_carry_the_name_of_their_file_and_what_cannot_be_bought_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (name, place) = (folder.path().join("own.toml"), folder.path());
    std::fs::write(&name, EXPERIMENT).unwrap();
    let panel = market(&Experiment::parse(EXPERIMENT, "own.toml").unwrap()).panel;
    let symbol = |asset: usize| panel.assets()[asset].symbol.as_str();
    let day_of = |from: usize| (from..panel.n_days()).map(|day| (day, panel.calendar().date(day)));
    let trades = |asset: usize, day: usize| !panel.returns(asset)[day].is_nan();
    let stays: Vec<usize> =
        (0..panel.n_assets()).filter(|a| (150..350).step_by(20).all(|day| trades(*a, day))).collect();
    let (day, missing) = day_of(200)
        .find_map(|(day, _)| (0..panel.n_assets()).find(|asset| !trades(*asset, day)).map(|asset| (day, asset)))
        .unwrap();
    let monthly = |from: usize, weights: [f64; 2]| {
        let rows = (from..350).step_by(20).flat_map(|day| {
            let date = panel.calendar().date(day);
            [0, 1].map(|k| format!("{date},{},{}\n", symbol(stays[k]), weights[k]))
        });
        format!("date,asset,weight\n{}", rows.collect::<String>())
    };
    std::fs::write(place.join("a, b.csv"), monthly(150, [0.5, 0.5])).unwrap();
    let date = panel.calendar().date(day);
    let gone =
        format!("{}{date},{},0.25\n{date},{},0.75\n", monthly(170, [0.9, 0.1]), symbol(missing), symbol(stays[0]));
    std::fs::write(place.join("late.csv"), gone).unwrap();
    let simulate = |weights: &str, tag: &str| {
        let trade = ["--profile", "paper", "--capital", "1e6", "--leverage", "1", "--no-ledger"];
        says(place, &[&["simulate", "own.toml", "--weights", weights, "--tag", tag][..], &trade].concat())
    };
    let told = simulate("a, b.csv", "early");
    assert!(told.contains("| weights") && told.contains("a, b"), "{told}");
    assert!(!told.contains("absolute weights") && !told.contains("not bought"), "{told}");
    let told = simulate("late.csv", "late");
    let lost = "1 of 20 weights, up to 25.0 % of equity on a day, are in assets that have no return on their date";
    assert!(told.contains(lost) && told.contains(&format!("first {} on {date}", symbol(missing))), "{told}");

    // Accounts over other days are separate groups, with a single account each.
    let told = says(place, &["report", "own"]);
    assert!(told.contains("weights, paper, 1 M dollars, net (early)"), "{told}");
    let both = ["compare", "own/simulation-early:a, b/weights", "own/simulation-late:late"];
    let told = says(place, &both);
    assert!(told.contains("own/simulation-early: a, b / weights"), "{told}");
    fails(place, &["compare", "own/simulation-early:b", "own/simulation-late"], "known: 'a, b/weights'");
    std::fs::write(place.join("twice.csv"), monthly(150, [1.5, -0.75])).unwrap();
    assert!(simulate("twice.csv", "twice").contains("absolute weights of a day sum to 2.25 to 2.25"));
}

#[test]
fn rates_that_do_not_cover_the_years_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut experiment, market, inputs) = with_weights(folder.path());
    experiment.simulation.as_mut().unwrap().rates = Some(experiment::Rates::File("rates.csv".into()));
    let outcome = |text: &str| {
        std::fs::write(folder.path().join("rates.csv"), text).unwrap();
        let stop = AtomicBool::new(false);
        experiment::simulate(Job::new(&experiment, &market, &folder.path().join("out")).stopped_by(&stop), &inputs)
    };
    let message = outcome("date,dff\n2000-01-03,5.4\n2000-01-04,5.5\n").err().unwrap().to_string();
    assert!(
        message
            .contains("benchmark rates: no rate is known for 2000-05-22; the series covers 2000-01-03 to 2000-01-04"),
        "{message}"
    );
    let message = outcome("date,dff\n2000-01-03,540\n").err().unwrap().to_string();
    assert!(
        message.contains("rates.csv: a rate must be in percent a year, in [-5, 100], but is 540 on 2000-01-03"),
        "{message}"
    );
    assert!(!folder.path().join("out").exists(), "a refused simulation leaves nothing behind");
}
