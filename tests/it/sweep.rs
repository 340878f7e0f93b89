//! An experiment at several sizes: bytes, resumption, limits, figures.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use minvar::error::Error;
use minvar::experiment::{self, Experiment, Job, MarketData, Progress, SweptRun};
use minvar::universe::RankBy;

const SWEEP: &str = r#"
about = "sweep"
[data.synthetic]
n_assets = 60
n_days = 200
[universe]
rules = "none"
rank_min_values = 20
rank_frequency = "decision"
[walk_forward]
lookback = 100
horizon = 10
[sweep]
size = [10, 30]
[sweep.up_to]
bahc = 10
[compare]
estimators = ["sample", "qis", "hc_complete", { name = "bahc", bootstraps = 3, label = "bahc" }]
allocators = ["gmv", "equal"]
[figures]
highlight = ["qis"]
eigenvalues = ["qis", "bahc"]
"#;

fn market(experiment: &Experiment) -> MarketData {
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    MarketData { panel, truth: Some(truth) }
}

/// The size in progress.
fn size(progress: &Progress) -> Option<usize> {
    progress.point.as_ref().map(|point| point.size)
}

fn sweep(experiment: &Experiment, market: &MarketData, folder: &Path) -> SweptRun {
    experiment::sweep(Job::new(experiment, market, folder)).unwrap()
}

/// Every file below a folder except `run.toml`, which contains times.
fn bytes(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(place) = pending.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if !path.ends_with("run.toml") {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_sweep_stopped_in_its_second_size_continues_to_the_bytes_of_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = Experiment::parse(SWEEP, "sweep.toml").unwrap();
    let market = market(&experiment);
    let swept = sweep(&experiment, &market, &folder.path().join("whole"));
    let whole = bytes(&folder.path().join("whole"));
    for file in
        ["metrics.csv", "table.md", "size.svg", "n=10/eigenvalues.svg", "n=30/eigenvalues.csv", "n=30/metrics.csv"]
    {
        assert!(whole.contains_key(file), "{file} is missing among {:?}", whole.keys());
    }
    assert!(!whole.keys().any(|file| file.contains("windows")), "stored dates are left behind");
    let sizes = |estimator: &str| -> Vec<usize> {
        let rows = swept.rows.iter().filter(|row| row.performance.name.estimator_cell() == estimator);
        rows.filter(|row| row.performance.name.allocator == "gmv").map(|row| row.point.size).collect()
    };
    assert_eq!((sizes("qis"), sizes("bahc")), (vec![10, 30], vec![10]));
    let table = std::fs::read_to_string(folder.path().join("whole/table.md")).unwrap();
    let cell = |row: &str| table.lines().find(|line| line.contains(row)).unwrap().to_string();
    assert!(cell("| bahc ").trim_end().ends_with("- |"), "{table}");

    let path = folder.path().join("stopped");
    let stop = AtomicBool::new(false);
    let outcome = experiment::sweep(Job::new(&experiment, &market, &path).stopped_by(&stop).watched(&mut |progress| {
        stop.store(size(&progress) == Some(30) && progress.done > 0, Ordering::Relaxed);
    }));
    assert!(matches!(outcome, Err(Error::Interrupted { done: 1.., .. })));
    assert!(path.join("n=10/metrics.csv").exists() && !path.join("metrics.csv").exists());
    let mut first = None;
    experiment::sweep(Job::new(&experiment, &market, &path).watched(&mut |progress| {
        first = first.or(Some((size(&progress), progress.done, progress.total)));
    }))
    .unwrap();
    let (size, done, total) = first.unwrap();
    assert_eq!((size, done), (Some(10), total), "the finished size is computed again");
    assert!(bytes(&path) == whole, "a sweep that was stopped ends with other bytes");
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    one.install(|| sweep(&experiment, &market, &folder.path().join("one")));
    assert!(bytes(&folder.path().join("one")) == whole, "results depend on the number of threads");
}

#[test]
fn repairs_are_counted_by_estimator_and_date() {
    let folder = tempfile::tempdir().unwrap();
    // Returns that cancel: complete linkage finds distances above one, and its filter gives negative correlations.
    let text = SWEEP
        .replace("[sweep]\nsize = [10, 30]\n[sweep.up_to]\nbahc = 10\n", "")
        .replace("rank_min", "size = 40\nrank_min");
    let experiment = Experiment::parse(&text, "repairs.toml").unwrap();
    let finished = experiment::run(Job::new(&experiment, &market(&experiment), folder.path())).unwrap();
    let counts = &finished.provenance.repairs;
    let total: usize = counts.get("hc_complete").map_or(0, |repairs| repairs["negative_eigenvalues"]);
    let texts = minvar::data::Table::read_texts(&folder.path().join("diagnostics.parquet"), "repairs").unwrap();
    let listed: usize =
        texts.iter().filter_map(|text| text.strip_prefix("negative_eigenvalues ")?.parse::<usize>().ok()).sum();
    assert!(total > 0, "no repair was needed: the test shows nothing");
    assert_eq!(listed, total, "{counts:?}");
    assert!(!counts.contains_key("qis"));
}

#[test]
fn labels_and_sizes_that_do_not_fit_are_refused() {
    let refused = |from: &str, to: &str, expected: &str| {
        let message = Experiment::parse(&SWEEP.replace(from, to), "sweep.toml").unwrap_err().to_string();
        assert!(message.starts_with("sweep.toml: ") && message.contains(expected), "{message}");
    };
    refused("highlight = [\"qis\"]", "highlight = [\"qsi\"]", "did you mean 'qis'?");
    refused("bahc = 10", "bach = 10", "did you mean 'bahc'?");
    refused("size = [10, 30]", "size = [10, 10]", "sweep.size must be different positive sizes");
    refused("size = [10, 30]", "size = []", "sweep.size must be");
}

#[test]
fn variants_of_the_universe_are_runs_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let variants = r#"[sweep]
size = [10, 30]
universe = [
    { label = "none", rules = "none" },
    { label = "still_prices", rules = "none", volatility_fence = true },
    { label = "few", rules = "none", min_returns = 100 },
]"#;
    let text = SWEEP.replace("[sweep]\nsize = [10, 30]", variants);
    let experiment = Experiment::parse(&text, "sweep.toml").unwrap();
    // What is written into run.toml means the same.
    let again = Experiment::parse(&toml::to_string(&experiment).unwrap(), "again.toml").unwrap();
    assert_eq!(again, experiment);
    let points = experiment.points();
    let labels: Vec<String> = points.iter().map(|point| point.label()).collect();
    assert_eq!(labels[..3], ["none, n = 10", "none, n = 30", "still_prices, n = 10"]);
    let rules = experiment.at(&points[3]).universe;
    assert_eq!((rules.size, rules.volatility_fence, rules.rank_min_values), (30, Some(1.5), 20));
    assert_eq!(experiment.at(&points[5]).universe.min_returns, Some(100));
    // The measure of a rule set goes with the set, one that is written stays.
    let ranked = |text: &str| Experiment::parse(text, "sweep.toml").map(|e| e.at(&points[0]).universe.rank_by).unwrap();
    let paper = text.replace("[universe]\nrules = \"none\"", "[universe]\nrules = \"paper\"");
    assert_eq!(ranked(&paper), RankBy::DollarVolume);
    assert_eq!(ranked(&paper.replace("[universe]\n", "[universe]\nrank_by = \"panel_order\"\n")), RankBy::PanelOrder);

    let market = market(&experiment);
    let swept = sweep(&experiment, &market, folder.path());
    assert_eq!(swept.rows.len(), 3 * ((4 + 1) + (3 + 1)));
    let files = bytes(folder.path());
    for file in
        ["metrics.csv", "table.md", "universe.svg", "universe=few,n=30/metrics.csv", "universe=none,n=10/equity.svg"]
    {
        assert!(files.contains_key(file), "{file} is missing among {:?}", files.keys());
    }
    let alone = Experiment::parse(&SWEEP.replace("size = [10, 30]", "size = [30]"), "alone.toml").unwrap();
    sweep(&alone, &market, &folder.path().join("alone"));
    let read = |file: &str| std::fs::read(folder.path().join(file)).unwrap();
    assert!(read("universe=none,n=30/returns.parquet") == read("alone/n=30/returns.parquet"));
    let table = String::from_utf8(read("table.md")).unwrap();
    assert!(table.contains("| none, n = 10 | none, n = 30 | still_prices, n = 10 |"), "{table}");
    let found = minvar::results::find(folder.path().parent().unwrap());
    assert!(found.iter().any(|run| run.ends_with("universe=few,n=10")), "{found:?}");

    let refused = |from: &str, to: &str, expected: &str| {
        let message = Experiment::parse(&text.replace(from, to), "sweep.toml").unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    refused("label = \"few\"", "label = \"none\"", "'none' twice");
    refused("label = \"few\"", "label = \"a/b\"", "a label of sweep.universe");
    refused("label = \"few\", ", "", "needs a label");
    refused("min_returns = 100", "min_return = 100", "min_returns");
}

#[test]
fn phases_are_the_same_run_on_later_days() {
    let text = SWEEP.replace("size = [10, 30]", "phase = [0, 3]").replace("[sweep.up_to]\nbahc = 10\n", "");
    let text = text.replace("rules = \"none\"", "rules = \"none\"\nsize = 10");
    let experiment = Experiment::parse(&text, "phases.toml").unwrap();
    let (market, folder) = (market(&experiment), tempfile::tempdir().unwrap());
    let swept = sweep(&experiment, &market, folder.path());
    let labels: Vec<String> = experiment.points().iter().map(|point| point.label()).collect();
    assert_eq!(labels, ["phase 0", "phase 3"]);
    assert_eq!(swept.rows.len(), 2 * 5);
    let days = |phase: usize| {
        let path = folder.path().join(format!("phase={phase}/universe.csv"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_string()).collect::<Vec<_>>()
    };
    let calendar = market.panel.calendar();
    let day = |date: &String| calendar.dates().iter().position(|d| d.to_string() == *date).unwrap();
    let (first, third) = (days(0), days(3));
    assert!(first.len() > 3);
    assert!(first.iter().zip(&third).all(|(a, b)| day(b) == day(a) + 3));
    // The run of a phase is that of an experiment that begins later.
    let mut later = experiment.at(&experiment.points()[1]);
    later.walk_forward.phase = 0;
    later.walk_forward.first = Some(third[0].parse().unwrap());
    let other = tempfile::tempdir().unwrap();
    experiment::run(Job::new(&later, &market, other.path())).unwrap();
    let metrics = |folder: &Path| std::fs::read_to_string(folder.join("metrics.csv")).unwrap();
    assert_eq!(metrics(other.path()), metrics(&folder.path().join("phase=3")));
    assert!(std::fs::read_to_string(folder.path().join("table.md")).unwrap().contains("| phase 0 | phase 3 |"));
    for bad in ["phase = [0, 10]", "phase = [1, 1]"] {
        let error = Experiment::parse(&text.replace("phase = [0, 3]", bad), "phases.toml").err().unwrap().to_string();
        assert!(error.contains("phase"), "{error}");
    }
}
