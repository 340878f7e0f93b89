//! State on disk between two sessions: locks, checksums, names, panels that replace others, and model files.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use minvar::data::Lock;
use minvar::train::Model;

use crate::program::{fails, says};

fn started(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minvar"));
    command.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until a file exists, while a process is working.
fn await_file(path: &Path, child: &mut Child) {
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the process ended before {} was there", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An experiment that takes long enough to be interrupted.
const LONG: &str = r#"
[data.synthetic]
n_assets = 150
n_days = 600
[universe]
rules = "none"
size = 100
rank_by = "panel_order"
[walk_forward]
lookback = 300
horizon = 1
[compare]
estimators = ["lw_identity", "qis"]
allocators = ["gmv_long_only"]
"#;

/// Names of all hidden files below a folder.
fn hidden(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(hidden(&entry.path()));
        }
        if name.starts_with('.') {
            found.push(name);
        }
    }
    found
}

#[test]
fn a_second_process_on_the_same_dates_is_told_who_works_there_and_a_kill_frees_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("long.toml"), LONG).unwrap();
    let mut first = started(folder, &["run", "long.toml", "--threads", "1"]);
    let windows = folder.join("results/long/windows");
    await_file(&windows.join("00001.json"), &mut first);
    let holder = format!("results/long/windows: process {} on ", first.id());
    fails(folder, &["run", "long.toml"], &holder);
    fails(folder, &["run", "long.toml", "--fresh"], &holder);
    // Another unit of the same folder is not locked.
    drop(Lock::take(&folder.join("results/long/simulation/accounts/.lock")).unwrap());
    first.kill().unwrap();
    first.wait().unwrap();

    // A killed process has left half a file, and another process is writing one: only the first is removed.
    std::fs::write(windows.join(".partial-left"), "half").unwrap();
    std::fs::write(folder.join("results/long/.partial-left"), "half").unwrap();
    let busy = File::create(folder.join("results/long/.partial-busy")).unwrap();
    busy.try_lock().unwrap();
    let out = says(folder, &["run", "long.toml"]);
    assert!(out.contains("continuing"), "{out}");
    assert!(out.contains("long\n"), "the file names the experiment: {out}");
    assert_eq!(hidden(&folder.join("results")), [".partial-busy"]);
}

#[test]
fn a_stored_weight_that_was_changed_moves_no_volatility() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("long.toml"), LONG).unwrap();
    let mut child = started(folder, &["run", "long.toml", "--out", "changed"]);
    let windows = folder.join("changed/long/windows");
    await_file(&windows.join("00003.json"), &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let file = windows.join("00001.json");
    let stored = std::fs::read_to_string(&file).unwrap();
    let place = stored.find("0.0").unwrap() + 3;
    let digit = if stored.as_bytes()[place] == b'1' { "2" } else { "1" };
    std::fs::write(&file, format!("{}{digit}{}", &stored[..place], &stored[place + 1..])).unwrap();
    let out = says(folder, &["run", "long.toml", "--out", "changed"]);
    assert!(
        out.contains("note: changed/long/windows/00001.json was changed or damaged; it is computed again"),
        "{out}"
    );
    says(folder, &["run", "long.toml", "--out", "whole"]);
    for file in ["metrics.csv", "weights.parquet"] {
        let read = |run: &str| std::fs::read(folder.join(run).join("long").join(file)).unwrap();
        assert!(read("changed") == read("whole"), "{file} differs");
    }
}

const TRAINED: &str = r#"
[data.synthetic]
n_assets = 40
n_days = 300
[universe]
rules = "none"
size = 25
rank_by = "panel_order"
[walk_forward]
lookback = 100
first = 2001-01-01
[compare]
estimators = [{ train = "small" }]
allocators = ["gmv"]
[train.small]
schedule = { steps = 3, batch = 4, n_assets = [5, 15], n_days = [50, 100], validation_days = 10 }
"#;

#[test]
fn models_carry_a_checksum_and_clean_a_users_own_returns() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("trained.toml"), TRAINED).unwrap();
    let lock = Lock::take(&folder.join("results/trained/models/small-0/.2001.lock")).unwrap();
    fails(folder, &["train", "trained.toml"], &format!("models/small-0: process {} on ", std::process::id()));
    drop(lock);
    let file = folder.join(says(folder, &["train", "trained.toml"]).lines().next().unwrap());
    assert!(hidden(&folder.join("results")).is_empty());
    let name = file.display().to_string();
    assert!(says(folder, &["model", "show", &name]).contains(", correct"));

    // No byte can change unnoticed: in the header, in the checksum itself, or in the weights.
    let whole = std::fs::read(&file).unwrap();
    let bad = folder.join("bad.safetensors");
    for place in (0..whole.len()).step_by(whole.len() / 400).chain([whole.len() - 1]) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        std::fs::write(&bad, changed).unwrap();
        let message = Model::open(&bad).err().unwrap_or_else(|| panic!("byte {place} changed unnoticed")).to_string();
        assert!(message.contains("bad.safetensors") && message.lines().count() == 1, "{message}");
    }
    // Some committed models are older than checksums and have none.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let older = root.join("results/us_sim_long/models/compact-0/2023.safetensors");
    let older = older.display().to_string();
    assert!(says(folder, &["model", "show", &older]).contains("no checksum: the file comes from an earlier version"));

    // The covariance equals the library's; single precision is close to it.
    let x = crate::support::returns(8, 120);
    let row = |t: usize| (0..8).map(|i| x[(t, i)].to_string()).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..120).map(row).collect();
    std::fs::write(folder.join("returns.csv"), format!("A,B,C,D,E,F,G,H\n{}\n", rows.join("\n"))).unwrap();
    let covariance = |estimator: &str, out: &str| {
        says(folder, &["estimate", "--returns", "returns.csv", "--estimator", estimator, "--out", out]);
        let text = std::fs::read_to_string(folder.join(out)).unwrap();
        let cells = |line: &str| line.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>();
        text.lines().skip(1).flat_map(cells).collect::<Vec<f64>>()
    };
    let double = covariance(&format!("model={name}"), "double.csv");
    let single = covariance(&format!("model={name},dtype=f32"), "single.csv");
    let network = minvar::train::Neural(Model::open(&file).unwrap().network::<f64>().unwrap());
    let expected = minvar::estimators::CovarianceEstimator::estimate(&network, &crate::support::window(x)).unwrap();
    assert_eq!(double, expected.matrix().entries());
    assert!(
        single != double && single.iter().zip(&double).all(|(a, b)| (a - b).abs() < 1e-3 * expected.matrix()[(0, 0)])
    );
    // Its modules are parts, and all three together are the network.
    let parts = format!("recurrent,model={name},memory=model({name}),volatility=model({name})");
    let parts = covariance(&parts, "parts.csv");
    assert!(parts.iter().zip(&double).all(|(a, b)| (a - b).abs() < 1e-9 * expected.matrix()[(0, 0)]));
    let both = covariance(&format!("combine=['qis', {{ model = '{name}' }}],shares=[0.5,0.5]"), "both.csv");
    let qis = covariance("qis", "qis.csv");
    let trace = |x: &[f64]| (0..8).map(|i| x[9 * i]).sum::<f64>();
    let mean = |k: usize| 0.5 * qis[k] + 0.5 * double[k] * trace(&qis) / trace(&double);
    assert!((0..64).all(|k| (both[k] - mean(k)).abs() < 1e-9 * qis[0]), "QIS has the trace of the sample");
    let timed =
        ["benchmark", "--assets", "5", "--days", "40", "--repeat", "1", "--estimator", &format!("model={name}")];
    assert!(says(folder, &timed).contains("n = 5"));

    // A year without a model, and a model of another panel.
    let by_file =
        TRAINED.replace("{ train = \"small\" }", "{ model = \"results/trained/models/small-0/{year}.safetensors\" }");
    let by_file = by_file.split("[train.small]").next().unwrap();
    std::fs::write(folder.join("file.toml"), by_file.replace("first = 2001-01-01", "first = 2000-06-01")).unwrap();
    fails(folder, &["run", "file.toml"], "2000.safetensors: no such model; there are models for 2001");
    std::fs::write(folder.join("file.toml"), by_file.replace("n_days = 300", "n_days = 301")).unwrap();
    let out = says(folder, &["run", "file.toml"]);
    assert!(out.contains("1 of 1 models were trained on another panel than this one"), "{out}");
}

#[test]
fn a_panel_is_replaced_at_once_and_said_and_names_stay_in_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let simulate = |name: &str, days: &str| {
        says(folder, &["data", "synthesize", "--name", name, "--assets", "30", "--days", days])
    };
    assert!(!simulate("sim", "150").contains("replaces"));
    let out = simulate("sim", "160");
    assert!(out.contains("replaces the panel sim of 30 assets x 150 days"), "{out}");
    assert_eq!(std::fs::read_dir(folder.join("data/sim")).unwrap().count(), 4);
    assert!(says(folder, &["data", "describe", "sim"]).contains("30 assets x 160 days"));
    let lock = Lock::take(&folder.join("data/sim/.lock")).unwrap();
    let again = ["data", "synthesize", "--name", "sim", "--assets", "9", "--days", "90"];
    fails(folder, &again, "data/sim: process ");
    drop(lock);
    for name in ["../up", "/up", "a/b", "..", "=x", "a|b", "@x"] {
        let named = format!("--name={name}");
        fails(folder, &["data", "synthesize", &named, "--assets", "9", "--days", "90"], "--name must be a");
        std::fs::write(folder.join("prices.csv"), "date,A,B\n2020-01-02,1,2\n2020-01-03,1.1,2.1\n").unwrap();
        fails(folder, &["data", "import", "prices.csv", &named], "--name must be a");
        std::fs::write(folder.join("long.toml"), LONG).unwrap();
        fails(folder, &["simulate", "long.toml", &format!("--tag={name}")], "--tag must be a");
    }
    std::fs::write(folder.join("=x.toml"), LONG).unwrap();
    fails(folder, &["run", "=x.toml"], "the name of the experiment file must be a word");
}

#[test]
fn counts_on_the_command_line_are_refused_before_anything_is_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let most = "9223372036854775807";
    for (arguments, expected) in [
        (vec!["data", "synthesize", "--assets", most], "of memory; this machine has"),
        (vec!["data", "synthesize", "--days", most], "synthetic.n_days must be in 1..=60000"),
        (vec!["benchmark", "--assets", most, "--estimator", "sample"], "of memory; this machine has"),
        (vec!["benchmark", "--days", most, "--estimator", "sample"], "--days must be in 2..=100000"),
        (vec!["benchmark", "--repeat", most, "--estimator", "sample"], "--repeat must be in 1..=100000"),
        (vec!["benchmark", "--threads", most], "--threads must be in 1..=1024"),
        (vec!["benchmark", "--threads", "0"], "--threads must be in 1..=1024"),
        (vec!["model", "time", "--assets", "4294967296"], "of memory; this machine has"),
        (vec!["model", "time", "--assets", "0"], "--assets must be at least 2"),
        (vec!["model", "time", "--days", most], "of memory; this machine has"),
        (vec!["model", "time", "--batch", most], "of memory; this machine has"),
        (vec!["model", "time", "--units", most], "of memory; this machine has"),
        (vec!["model", "time", "--repeat", most], "--repeat must be in 1..=100000"),
        (vec!["model", "time", "--threads", most], "--threads must be in 1..=1024"),
    ] {
        fails(folder, &arguments, expected);
    }
}

#[test]
fn a_simulation_is_reported_and_compared_by_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let short = LONG.replace("horizon = 1", "horizon = 20") + "[simulation]\nprofiles = [\"paper\"]\n";
    std::fs::write(folder.join("short.toml"), short).unwrap();
    says(folder, &["run", "short.toml"]);
    let out = says(folder, &["report", "short/simulation"]);
    assert!(out.contains("results/short/simulation/report.html"), "{out}");
    for file in ["report.html", "significance.csv", "significance.md"] {
        assert!(folder.join("results/short/simulation").join(file).exists(), "{file}");
    }
    assert!(!folder.join("results/short/report.html").exists(), "the page is that of the accounts");
    let page = std::fs::read_to_string(folder.join("results/short/simulation/report.html")).unwrap();
    assert!(page.contains("minvar simulate experiments/short.toml") && !page.contains("minvar run experiments"));
    let out = says(folder, &["compare", "short", "short/simulation"]);
    assert!(
        out.contains("short: qis / gmv_long_only") && out.contains("short/simulation: qis / gmv_long_only"),
        "{out}"
    );
    fails(folder, &["compare", "short", "results/short"], "short is on both sides");
}
