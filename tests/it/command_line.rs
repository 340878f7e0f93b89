//! The program driven as a user would.

use std::path::Path;
use std::process::{Command, Output};

fn minvar(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minvar"));
    command.args(arguments).current_dir(folder).env_remove("MINVAR_DATA").output().unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = minvar(folder, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn fails(folder: &Path, arguments: &[&str], expected: &str) {
    let output = minvar(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let message = text(&output.stderr);
    assert!(message.contains(expected), "{message}");
}

const EXPERIMENT: &str = r#"
about = "command line"
[data]
panel = "sim"
[universe]
size = 20
rank_min_values = 20
rank_frequency = "decision"
[walk_forward]
lookback = 60
[compare]
estimators = ["lw_identity", "oracle"]
allocators = ["gmv"]
"#;

#[test]
fn a_user_simulates_describes_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let out = succeeds(folder, &["data", "simulate", "--name", "sim", "--assets", "30", "--days", "150"]);
    assert!(out.contains("panel sim: 30 assets x 150 days"), "{out}");
    let out = succeeds(folder, &["data", "describe", "sim"]);
    for part in ["content hash", "zero returns", "longest holes", "suspicious returns", "same returns", "|#"] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    std::fs::write(folder.join("sim.toml"), EXPERIMENT).unwrap();
    let out = succeeds(folder, &["run", "sim.toml", "--threads", "1"]);
    assert!(out.contains("lw_identity") && out.contains("18 rebalances") && out.contains("n_eff"), "{out}");
    for file in ["metrics.csv", "table.md", "equity.svg", "volatility.svg", "run.toml", "weights.parquet"] {
        assert!(folder.join("results/sim").join(file).exists(), "{file}");
    }
}

#[test]
fn mistakes_end_with_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeeds(folder, &["data", "simulate", "--name", "sim", "--assets", "30", "--days", "150"]);
    let with = |from: &str, to: &str| {
        std::fs::write(folder.join("x.toml"), EXPERIMENT.replace(from, to)).unwrap();
    };
    with("\"lw_identity\"", "\"lw_identty\"");
    fails(folder, &["run", "x.toml"], "unknown estimator 'lw_identty', did you mean 'lw_identity'?");
    with("\"gmv\"", "\"gvm\"");
    fails(folder, &["run", "x.toml"], "unknown allocator 'gvm', did you mean 'gmv'?");
    with("\"sim\"", "\"sin\"");
    fails(folder, &["run", "x.toml"], "unknown panel 'sin', did you mean 'sim'?");
    with("size = 20", "sise = 20");
    fails(folder, &["run", "x.toml"], "did you mean 'size'?");
    with("lookback = 60", "lookback = 600");
    fails(folder, &["run", "x.toml"], "600 days of history are needed");
    with("\"lw_identity\"", "{ name = \"ewma\", decay = 1.5 }");
    fails(folder, &["run", "x.toml"], "ewma.decay must be in (0, 1), but is 1.5");
    with("\"lw_identity\"", "{ name = \"qis\", power = 2 }");
    fails(folder, &["run", "x.toml"], "'qis': takes no parameter 'power'");
    fails(folder, &["run", "nowhere.toml"], "nowhere.toml: No such file");
    fails(folder, &["data", "import", "nowhere"], "nowhere: No such file");
    assert!(!folder.join("results").exists(), "a refused run leaves nothing behind");
}

#[test]
fn a_full_disk_is_reported_with_the_file_and_the_run_can_go_on() {
    // A file where the results folder should be stands for any place that cannot be written.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeeds(folder, &["data", "simulate", "--name", "sim", "--assets", "30", "--days", "150"]);
    std::fs::write(folder.join("sim.toml"), EXPERIMENT).unwrap();
    std::fs::create_dir(folder.join("results")).unwrap();
    std::fs::write(folder.join("results/sim"), "in the way").unwrap();
    fails(folder, &["run", "sim.toml"], "results/sim/windows: ");
    std::fs::remove_file(folder.join("results/sim")).unwrap();
    succeeds(folder, &["run", "sim.toml"]);
}

#[test]
fn help_and_list_teach() {
    let folder = tempfile::tempdir().unwrap();
    let help = succeeds(folder.path(), &["--help"]);
    assert!(help.contains("minvar run experiments/quick.toml"), "{help}");
    let list = succeeds(folder.path(), &["list"]);
    for entry in minvar::estimators::ALL {
        assert!(list.contains(entry.name) && list.contains(entry.reference), "{list}");
    }
}

/// The committed experiments, as they stand.
#[test]
fn every_experiment_file_can_be_read_and_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let experiment = minvar::experiment::Experiment::read(&path).unwrap();
        for choice in experiment.compare.estimators.iter().filter(|choice| choice.name != "oracle") {
            minvar::estimators::named(&choice.name).unwrap();
        }
        for choice in &experiment.compare.allocators {
            minvar::allocators::named(&choice.name).unwrap();
        }
        n_files += 1;
    }
    assert!(n_files >= 2);
}

/// Long enough to be killed in the middle, in any build.
const LONG: &str = r#"
about = "long"
[data.synthetic]
n_assets = 150
n_days = 600
[universe]
size = 100
rank_min_values = 20
rank_frequency = "decision"
[walk_forward]
lookback = 300
horizon = 1
[compare]
estimators = ["lw_identity", "clip", "qis"]
allocators = ["gmv", "gmv_long_only"]
"#;

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("long.toml"), LONG).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_minvar"))
        .args(["run", "long.toml", "--out", "killed"])
        .current_dir(folder)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let third = folder.join("killed/long/windows/00002.json");
    while !third.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.join("killed/long/metrics.csv").exists());
    let resumed = minvar(folder, &["run", "long.toml", "--out", "killed"]);
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    succeeds(folder, &["run", "long.toml", "--out", "whole"]);
    for file in ["metrics.csv", "weights.parquet", "returns.parquet", "diagnostics.parquet", "equity.svg"] {
        let read = |run: &str| std::fs::read(folder.join(run).join("long").join(file)).unwrap();
        assert!(read("killed") == read("whole"), "{file} differs");
    }
    assert!(!folder.join("killed/long/windows").exists());
}

#[test]
fn the_quick_experiment_gives_the_committed_table() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = folder.path().to_string_lossy().into_owned();
    succeeds(root, &["run", "experiments/quick.toml", "--out", &out]);
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let ours = read(&folder.path().join("quick/table.md"));
    let committed = read(&root.join("results/quick/table.md"));
    assert_eq!(ours, committed, "run experiments/quick.toml and commit the result, if the change is meant");
}
