//! Damaged files of every kind: some hundreds of mutations from fixed seeds, in process. None may cause a panic; an
//! error must name the file in one line; accepted data must not contain impossible values.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use minvar::costs::{DEFAULT_SCHEDULES, Schedules};
use minvar::data::{
    Options, Table, import, open_panel, read_exclusions, read_rates, read_returns, read_weights, save_panel,
    write_matrix,
};
use minvar::experiment::{self, Experiment, Inputs, Job, MarketData};
use minvar::panel::Panel;
use minvar::results::{Results, Side, compare, draw, evidence, write_tables};
use minvar::train::Model;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::support::Folder;

/// Bytes that a careless program or a bad disk may write over others.
const WORDS: [&[u8]; 18] = [
    b"NaN",
    b"inf",
    b"-inf",
    b"1e308",
    b"-1e308",
    b"1e-320",
    b"9223372036854775808",
    b"-1",
    b"0",
    b"",
    b",",
    b";",
    b"\n",
    b"\"",
    b"\0",
    b"\xff\xfe",
    b"2020-02-30",
    b"\xf0\x9f\x92\xb0",
];

/// A mutation of some bytes: flipped bits, inserted words, cuts, copies and swaps.
fn mutated(bytes: &[u8], random: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.random_range(1..4) {
        if bytes.is_empty() {
            break;
        }
        let place = random.random_range(0..bytes.len());
        let length = random.random_range(1..40).min(bytes.len() - place);
        match random.random_range(0..7) {
            0 => bytes[place] ^= 1 << random.random_range(0..8),
            1 => bytes[place] = random.random(),
            2 => drop(bytes.drain(place..place + length)),
            3 => bytes.truncate(place),
            4 => {
                let copy = bytes[place..place + length].to_vec();
                let to = random.random_range(0..=bytes.len());
                bytes.splice(to..to, copy);
            }
            5 => {
                let other = random.random_range(0..bytes.len());
                bytes.swap(place, other);
            }
            _ => {
                let word = WORDS[random.random_range(0..WORDS.len())];
                bytes.splice(place..place + length.min(8), word.iter().copied());
            }
        }
    }
    bytes
}

/// Mutates one file `n` times at random and tries each mutation with `open`.
fn attack<T>(
    victim: &Path,
    n: u64,
    open: impl Fn() -> minvar::error::Result<T>,
    accept: impl Fn(&T) -> Result<(), String>,
) {
    let mutation = |good: &[u8], seed| mutated(good, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
    attack_with(victim, n, mutation, open, accept);
}

/// Changes the bits of a mask in every byte of one file, one byte at a time. The lowest bit of a number in the header
/// of a Parquet page is its sign.
fn flip_each_byte<T>(
    victim: &Path,
    mask: u8,
    open: impl Fn() -> minvar::error::Result<T>,
    accept: impl Fn(&T) -> Result<(), String>,
) {
    let flipped = |good: &[u8], place| {
        let mut bytes = good.to_vec();
        bytes[place as usize] ^= mask;
        bytes
    };
    attack_with(victim, std::fs::metadata(victim).unwrap().len(), flipped, open, accept);
}

/// Damages a file in each of `n` ways; none may panic, an error must name the file's folder in one line, and `accept`
/// judges what was read all the same.
fn attack_with<T>(
    victim: &Path,
    n: u64,
    mutation: impl Fn(&[u8], u64) -> Vec<u8>,
    open: impl Fn() -> minvar::error::Result<T>,
    accept: impl Fn(&T) -> Result<(), String>,
) {
    let good = std::fs::read(victim).unwrap();
    open().unwrap_or_else(|error| panic!("{} as it was: {error}", victim.display()));
    let name = victim.parent().unwrap().display().to_string();
    let mut n_accepted = 0;
    for way in 0..n {
        std::fs::write(victim, mutation(&good, way)).unwrap();
        let place = format!("{}, mutation {way}", victim.display());
        match catch_unwind(AssertUnwindSafe(&open)) {
            Err(_) => panic!("{place}: a panic"),
            Ok(Err(error)) => {
                let message = error.to_string();
                assert!(message.contains(&name), "{place}: the file is not named in: {message}");
                assert_eq!(message.lines().count(), 1, "{place}: {message}");
            }
            Ok(Ok(accepted)) => {
                n_accepted += 1;
                accept(&accepted).unwrap_or_else(|why| panic!("{place}: {why}"));
            }
        }
    }
    std::fs::write(victim, &good).unwrap();
    assert!(n_accepted < n, "{}: no mutation was noticed", victim.display());
}

/// Whether every value of a panel is possible.
fn possible(panel: &Panel) -> Result<(), String> {
    for (asset, known) in panel.assets().iter().enumerate() {
        let symbol = &known.symbol;
        let bad = panel.returns(asset).iter().find(|r| !r.is_nan() && !(-1.0..=Panel::HIGHEST_RETURN).contains(*r));
        if let Some(r) = bad {
            return Err(format!("a return of {r} of {symbol}"));
        }
        for field in panel.fields() {
            let series = panel.field(field, asset).unwrap();
            if let Some(x) = series.iter().find(|x| x.is_infinite() || x.abs() > 1e17) {
                return Err(format!("{} {x} of {symbol}", field.name()));
            }
        }
    }
    Ok(())
}

const N_DAYS: usize = 40;

/// Dates, returns and prices of three assets.
fn market() -> (Vec<jiff::civil::Date>, minvar::linalg::Matrix, Vec<Vec<f64>>) {
    let returns = crate::support::returns(3, N_DAYS);
    let dates = minvar::calendar::Calendar::weekdays(jiff::civil::date(2020, 1, 1), N_DAYS).dates().to_vec();
    let prices = (0..3).map(|i| crate::support::prices(50.0, (0..N_DAYS).map(|t| returns[(t, i)]))).collect();
    (dates, returns, prices)
}

fn lines(header: &str, of: impl Fn(usize) -> Vec<String>) -> String {
    let rows: Vec<String> = (0..N_DAYS).flat_map(of).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

#[test]
fn damaged_tables_never_panic_and_never_hold_what_cannot_be() {
    let (dates, returns, p) = market();
    let folder = Folder::new();
    let names = ["AAA", "BBB", "CCC"];
    let wide = lines("Date,AAA,BBB,CCC", |t| vec![format!("{},{},{},{}", dates[t], p[0][t], p[1][t], p[2][t])]);
    let long = lines("date,asset,close,volume,open,high,low,sector,venue", |t| {
        let row = |i: usize| {
            let price = p[i][t];
            format!("{},{},{price},1000,{price},{},{},Tech,NYSE", dates[t], names[i], price * 1.01, price * 0.99)
        };
        (0..3).map(row).collect()
    });
    let crsp = lines("PERMNO,date,SHRCD,EXCHCD,PRC,VOL,RET,SHROUT,CFACPR,DLRET", |t| {
        let row = |i: usize| {
            let date = dates[t].strftime("%Y%m%d");
            format!("1000{i},{date},11,1,{},1000,{:.6},5000,1,", p[i][t], returns[(t, i)])
        };
        (0..3).map(row).collect()
    });
    let french = lines("Made by hand\n\n  Average Value Weighted Returns -- Daily\n,NoDur,Durbl,Manuf", |t| {
        let percent = |i: usize| format!("{:7.2}", 100.0 * returns[(t, i)]);
        vec![format!("{},{},{},{}", dates[t].strftime("%Y%m%d"), percent(0), percent(1), percent(2))]
    });
    let ohlcv = lines("Date,Open,High,Low,Close,Adj Close,Volume", |t| {
        let price = p[0][t];
        vec![format!("{},{price},{},{},{price},{price},1000", dates[t], price * 1.01, price * 0.99)]
    });
    let yahoo =
        lines("Price,Close,Close\nTicker,AAA,BBB\nDate,,", |t| vec![format!("{},{},{}", dates[t], p[0][t], p[1][t])]);
    for (name, text) in [
        ("wide.csv", &wide),
        ("long.csv", &long),
        ("crsp.csv", &crsp),
        ("french.csv", &french),
        ("yahoo.csv", &yahoo),
        ("each/AAA.csv", &ohlcv),
    ] {
        let path = folder.file(name, text);
        let source = if name.starts_with("each") { path.parent().unwrap().to_path_buf() } else { path.clone() };
        attack(&path, 150, || import(&source, &Options::default()), |imported| possible(&imported.panel));
    }
    let parquet = folder.0.path().join("long.parquet");
    let rows = || (0..3).flat_map(|i| (0..N_DAYS).map(move |t| (i, t)));
    Table::default()
        .with_dates("date", rows().map(|(_, t)| dates[t]))
        .with_texts("asset", rows().map(|(i, _)| names[i]))
        .with_numbers("close", rows().map(|(i, t)| p[i][t]))
        .with_counts("volume", rows().map(|(_, t)| 1000 + t))
        .write_parquet(&parquet)
        .unwrap();
    attack(&parquet, 400, || import(&parquet, &Options::default()), |imported| possible(&imported.panel));
    let (title, days): (_, Vec<String>) = ("date", dates.iter().map(|date| date.to_string()).collect());
    for ending in ["csv", "parquet", "npy"] {
        let path = folder.0.path().join(format!("returns.{ending}"));
        write_matrix(&path, &minvar::data::NamedRows { title, names: &days }, &names, &returns).unwrap();
        let in_range = |read: &minvar::data::ReadReturns| match read
            .returns
            .matrix
            .entries()
            .iter()
            .find(|r| !(-1.0..=Panel::HIGHEST_RETURN).contains(*r))
        {
            Some(r) => Err(format!("a return of {r}")),
            None => Ok(()),
        };
        attack(&path, 200, || read_returns(&path, &Options::default(), None), in_range);
    }
    let weights =
        lines("date,asset,weight", |t| (0..3).map(|i| format!("{},{},0.{}", dates[t], names[i], i + 2)).collect());
    let path = folder.file("weights.csv", weights);
    let finite =
        |values: &[f64]| if values.iter().all(|x| x.is_finite()) { Ok(()) } else { Err("not finite".to_string()) };
    attack(&path, 150, || read_weights(&path, &Options::default()), |rows| finite(&rows.weights));
    let path = folder.file("rates.csv", lines("date,DFF", |t| vec![format!("{},1.{t}", dates[t])]));
    attack(&path, 100, || read_rates(&path, &Options::default()), |rows| finite(&rows.percent));
}

#[test]
fn damaged_compact_folders_and_exclusions_are_named() {
    let (dates, returns, _) = market();
    let folder = Folder::new();
    let file = |name: &str| folder.0.path().join(name);
    let cells = || (0..3).flat_map(|asset| (0..N_DAYS).map(move |day| (asset, day)));
    Table::default().with_dates("date", dates.clone()).write_parquet(&file("calendar.parquet")).unwrap();
    Table::default().with_texts("symbol", ["AAA", "BBB", "CCC"]).write_parquet(&file("assets.parquet")).unwrap();
    Table::default()
        .with_counts("asset", cells().map(|cell| cell.0))
        .with_counts("day", cells().map(|cell| cell.1))
        .with_numbers("ret_e6", cells().map(|(asset, day)| (1e6 * returns[(day, asset)]).round()))
        .with_numbers("ldv200", cells().map(|_| 3000.0))
        .write_parquet(&file("x_daily.parquet"))
        .unwrap();
    let read = || import(folder.0.path(), &Options::default());
    for name in ["calendar.parquet", "assets.parquet", "x_daily.parquet"] {
        attack(&file(name), 120, read, |imported| possible(&imported.panel));
    }
    let panel = read().unwrap().panel;
    let rows = format!("asset,first,last,finding,whole\nAAA,{},{},\"a, b\",\nBBB,,,,true\n", dates[3], dates[9]);
    let path = folder.file("out.csv", rows);
    attack(&path, 200, || read_exclusions(&path, &panel), |_| Ok(()));
}

#[test]
fn damaged_panels_are_refused() {
    let (panel, _) = crate::support::complete_market(6, 60).simulate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("damaged");
    save_panel(&panel, &folder, "synthetic", &[], None).unwrap();
    for file in ["panel.toml", "calendar.parquet", "assets.parquet", "observations.parquet"] {
        let same = |(opened, _): &(Panel, _)| match opened.content_hash() == panel.content_hash() {
            true => Ok(()),
            false => Err("another content was accepted".to_string()),
        };
        attack(&folder.join(file), 200, || open_panel(&folder), same);
    }
    let (small, _) = crate::support::complete_market(2, 10).simulate().unwrap();
    let folder = folder.join("small");
    save_panel(&small, &folder, "synthetic", &[], None).unwrap();
    for file in ["calendar.parquet", "assets.parquet", "observations.parquet"] {
        let same = |(opened, _): &(Panel, _)| match opened.content_hash() == small.content_hash() {
            true => Ok(()),
            false => Err("another content was accepted".to_string()),
        };
        flip_each_byte(&folder.join(file), 0x01, || open_panel(&folder), same);
    }
}

#[test]
fn no_bit_of_a_parquet_table_of_a_user_ends_the_process() {
    let (dates, returns, _) = market();
    let folder = Folder::new();
    let file = |name: &str| folder.0.path().join(name);
    let days = 12;
    let rows = || (0..2).flat_map(move |asset| (0..days).map(move |day| (day, asset)));
    let long = file("long.parquet");
    Table::default()
        .with_dates("date", rows().map(|(day, _)| dates[day]))
        .with_texts("asset", rows().map(|(_, asset)| ["AAA", "BBB"][asset]))
        .with_numbers("return", rows().map(|cell| returns[cell]))
        .write_parquet(&long)
        .unwrap();
    let import_long = || import(&long, &Options::default());
    let wide = file("wide.parquet");
    let column = |asset: usize| (0..days).map(|day| returns[(day, asset)]).collect::<Vec<f64>>();
    Table::default()
        .with_dates("date", dates[..days].iter().copied())
        .with_numbers("AAA", column(0))
        .with_numbers("BBB", column(1))
        .write_parquet(&wide)
        .unwrap();
    for mask in [0x01, 0x80] {
        flip_each_byte(&long, mask, import_long, |imported| possible(&imported.panel));
        flip_each_byte(&wide, mask, || read_returns(&wide, &Options::default(), None), |_| Ok(()));
    }
}

const EXPERIMENT: &str = r#"
about = "a small run"
[data.synthetic]
n_assets = 20
n_days = 200
[universe]
rules = "none"
size = 10
rank_min_values = 20
rank_frequency = "decision"
[walk_forward]
lookback = 60
[compare]
estimators = ["lw_identity", { name = "ewma", decay = 0.97 }]
allocators = ["gmv", "equal"]
[simulation]
profiles = ["paper"]
rates = { file = "rates.csv", missing = ["x"] }
"#;

#[test]
fn damaged_experiments_and_schedules_are_refused_with_their_file() {
    let folder = Folder::new();
    let path = folder.file("experiment.toml", EXPERIMENT);
    attack(&path, 400, || Experiment::read(&path), |_| Ok(()));
    let path = folder.file("schedules.toml", DEFAULT_SCHEDULES);
    let parse = || {
        let text = minvar::data::read_text(&path)?;
        Schedules::parse(&text, &path.display().to_string())
    };
    attack(&path, 200, parse, |_| Ok(()));
}

#[test]
fn damaged_models_are_refused() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/quick/models/compact-0/2004.safetensors");
    let folder = Folder::new();
    let path = folder.file("model.safetensors", std::fs::read(source).unwrap());
    attack(&path, 200, || Model::open(&path), |_| Ok(()));
}

#[test]
fn damaged_results_are_named_and_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("run");
    let text = EXPERIMENT.split("rates =").next().unwrap();
    let experiment = Experiment::parse(text, "run.toml").unwrap();
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    let market = MarketData { panel, truth: Some(truth) };
    experiment::run(Job::new(&experiment, &market, &folder)).unwrap();
    let inputs = Inputs { weights: folder.join("weights.parquet"), data: folder.clone(), foreign: None };
    let accounts = folder.join("simulation");
    experiment::simulate(Job::new(&experiment, &market, &accounts), &inputs).unwrap();
    let side = |name: &str| -> minvar::error::Result<Side> {
        Ok(Side { results: Results::open(&folder)?, portfolio: Some(name.to_string()) })
    };
    let compared = || compare(&[side("lw_identity/gmv")?, side("ewma(decay=0.97)/gmv")?], 0);
    attack(&folder.join("returns.parquet"), 40, compared, |_| Ok(()));
    let read_accounts = || {
        let results = Results::open_simulation(&accounts)?;
        results.daily_returns()?;
        results.simulation_sheets("simulation")
    };
    for (file, n) in [("run.toml", 40), ("accounts.csv", 60), ("equity.parquet", 60)] {
        attack(&accounts.join(file), n, read_accounts, |_| Ok(()));
    }
    let read = || {
        let results = Results::open(&folder)?;
        results.daily_returns()?;
        results.performances()?;
        results.predictions()?;
        write_tables(&results)
    };
    for (file, n) in [("run.toml", 40), ("metrics.csv", 40), ("returns.parquet", 60), ("diagnostics.parquet", 40)] {
        attack(&folder.join(file), n, read, |_| Ok(()));
    }
    let drawn = || draw(&Results::open(&folder)?, &["equity".to_string()], &[]).map(|_| ());
    attack(&folder.join("returns.parquet"), 15, drawn, |_| Ok(()));
    attack(&folder.join("returns.parquet"), 8, || evidence(&Results::open(&folder)?, 0), |_| Ok(()));
}

#[test]
fn damaged_windows_never_move_a_result() {
    let root = tempfile::tempdir().unwrap();
    let text = EXPERIMENT.split("[simulation]").next().unwrap();
    let experiment = Experiment::parse(text, "run.toml").unwrap();
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    let market = MarketData { panel, truth: Some(truth) };
    let run = |folder: &Path, stop_early: bool| {
        let stop = AtomicBool::new(false);
        experiment::run(Job::new(&experiment, &market, folder).stopped_by(&stop).watched(&mut |progress| {
            stop.store(stop_early && progress.done > 0, std::sync::atomic::Ordering::Relaxed);
        }))
    };
    let metrics = |folder: &Path| std::fs::read(folder.join("metrics.csv")).unwrap();
    let whole = root.path().join("whole");
    run(&whole, false).unwrap();
    let stopped = root.path().join("stopped");
    assert!(run(&stopped, true).is_err());
    let header = std::fs::read(stopped.join("windows/run.toml")).unwrap();
    let window = std::fs::read(stopped.join("windows/00001.json")).unwrap();
    for seed in 0..40 {
        let folder = root.path().join(format!("damaged{seed}"));
        std::fs::create_dir_all(folder.join("windows")).unwrap();
        std::fs::write(folder.join("windows/run.toml"), &header).unwrap();
        std::fs::copy(stopped.join("windows/00000.json"), folder.join("windows/00000.json")).unwrap();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        std::fs::write(folder.join("windows/00001.json"), mutated(&window, &mut random)).unwrap();
        match run(&folder, false) {
            Ok(_) => assert!(metrics(&folder) == metrics(&whole), "seed {seed} moved a result"),
            Err(error) => assert!(error.to_string().contains("00001.json"), "seed {seed}: {error}"),
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
