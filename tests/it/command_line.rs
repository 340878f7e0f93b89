//! The program, run as a user would run it.

use std::path::Path;
use std::process::Command;

use crate::program::{fails, minvar, succeeds, text};

const EXPERIMENT: &str = r#"
about = "command line"
[data]
panel = "sim"
[universe]
rules = "none"
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
    let out = succeeds(folder, &["data", "synthesize", "--name", "sim", "--assets", "30", "--days", "150"]);
    assert!(out.contains("panel sim: 30 assets x 150 days"), "{out}");
    let out = succeeds(folder, &["data", "describe", "sim"]);
    for part in [
        "content hash",
        "zero returns",
        "returns present",
        "calendar: trading days, 252 a year",
        "ends: ",
        "findings: ",
        "suspects written to data/sim.suspects.csv",
        "|#",
    ] {
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
    succeeds(folder, &["data", "synthesize", "--name", "sim", "--assets", "30", "--days", "150"]);
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
    fails(folder, &["run", "x.toml"], "unknown key 'power'; known: centring");
    fails(folder, &["run", "nowhere.toml"], "nowhere.toml: No such file");
    fails(folder, &["data", "import", "nowhere"], "nowhere: No such file");
    assert!(!folder.join("results").exists(), "a refused run leaves nothing behind");
}

#[test]
fn a_user_trades_the_weights_of_a_run_and_varies_the_costs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeeds(folder, &["data", "synthesize", "--name", "sim", "--assets", "30", "--days", "150"]);
    std::fs::write(folder.join("sim.toml"), EXPERIMENT).unwrap();
    fails(folder, &["simulate", "sim.toml"], "no stored target weights; 'minvar run' with this experiment writes them");
    succeeds(folder, &["run", "sim.toml"]);
    let out = succeeds(folder, &["simulate", "sim.toml"]);
    for part in ["Profile `realistic`, 1 M dollars", "Sharpe net", "assumed: ", "2 accounts"] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    for file in ["accounts.csv", "table.md", "bridge.svg", "equity.svg", "drawdown.svg", "run.toml", "equity.parquet"] {
        assert!(folder.join("results/sim/simulation").join(file).exists(), "{file}");
    }
    assert_eq!(std::fs::read_dir(folder.join("results/sim/simulation/ledger")).unwrap().count(), 2);
    let varied =
        ["simulate", "sim.toml", "--profile", "stress", "--capital", "5e6", "--leverage", "1.5", "--no-ledger"];
    let out = succeeds(folder, &[&varied[..], &["--tag", "stress"]].concat());
    assert!(out.contains("Profile `stress`, 5 M dollars, leverage 1.50"), "{out}");
    assert!(!folder.join("results/sim/simulation-stress/ledger").exists());

    fails(
        folder,
        &["simulate", "sim.toml", "--profile", "realistc"],
        "unknown profile 'realistc', did you mean 'realistic'?",
    );
    fails(folder, &["simulate", "sim.toml", "--capital", "0"], "simulation.capital_usd must be between 1 and 1e13");
    fails(folder, &["simulate", "sim.toml", "--leverage", "0"], "simulation.leverage must be positive, but is 0");
    fails(folder, &["simulate", "sim.toml", "--rates", "nowhere.csv"], "nowhere.csv: No such file");
    let schedules = succeeds(folder, &["list", "--schedules"]);
    assert_eq!(schedules, minvar::costs::DEFAULT_SCHEDULES);
    std::fs::write(folder.join("mine.toml"), schedules.replace("usd_per_million = 8.00", "usd_per_million = -x"))
        .unwrap();
    fails(folder, &["simulate", "sim.toml", "--schedules", "mine.toml"], "mine.toml: line 4");
    let twice = EXPERIMENT
        .replace("allocators = [\"gmv\"]", "allocators = [\"gmv\"]\n[simulation]\nprofiles = [\"paper\", \"paper\"]");
    std::fs::write(folder.join("x.toml"), twice).unwrap();
    fails(folder, &["run", "x.toml"], "x.toml: simulation.profiles: 'paper' is listed twice");
}

#[test]
fn a_full_disk_is_reported_with_the_file_and_the_run_can_go_on() {
    // A file in the place of the results folder stands for any place that cannot be written to.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeeds(folder, &["data", "synthesize", "--name", "sim", "--assets", "30", "--days", "150"]);
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
    assert!(help.contains("minvar run quick"), "{help}");
    let list = succeeds(folder.path(), &["list"]);
    for entry in minvar::estimators::ALL {
        assert!(list.contains(entry.name) && list.contains(entry.reference), "{list}");
        for (key, value) in (entry.parameters)() {
            assert!(list.contains(&format!("{key}={value}")), "{key} of {} in\n{list}", entry.name);
        }
    }
    for model in minvar::costs::ALL {
        assert!(list.contains(model.name) && list.contains(model.reference), "{list}");
    }
}

#[test]
fn a_user_cleans_a_matrix_of_returns() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let x = crate::support::returns(8, 120);
    let dates = minvar::calendar::Calendar::weekdays(jiff::civil::date(2019, 5, 1), 120);
    let mut text = "date,A,B,C,D,E,F,G,H\n".to_string();
    for t in 0..120 {
        let row: Vec<String> = (0..8).map(|i| x[(t, i)].to_string()).collect();
        text += &format!("{},{}\n", dates.date(t), row.join(","));
    }
    std::fs::write(folder.join("returns.csv"), text).unwrap();
    let estimate = |rest: &[&str]| {
        let arguments = [&["estimate", "--returns", "returns.csv"], rest].concat();
        succeeds(folder, &arguments)
    };
    // A covariance is not a table of returns, so its cells are read as they are.
    let matrix = |name: &str| {
        let columns = minvar::data::Columns::read(&folder.join(name)).unwrap();
        let names: Vec<String> = columns.names().into_iter().filter(|name| name != "asset").collect();
        let numbers = |name: &String| columns.numbers(name, minvar::data::NotANumber::Refused).unwrap();
        let cells: Vec<f64> = names.iter().flat_map(numbers).collect();
        minvar::linalg::Matrix::from_column_major(columns.n_rows(), names.len(), cells)
    };
    for extension in ["npy", "csv", "parquet"] {
        estimate(&["--estimator", "qis", "--out", &format!("sigma.{extension}")]);
        assert_eq!(matrix(&format!("sigma.{extension}")), matrix("sigma.npy").clone(), "{extension}");
    }
    let window = crate::support::window(x);
    let expected = crate::support::estimator("qis").unwrap().estimate(&window).unwrap();
    assert_eq!(&matrix("sigma.csv"), expected.matrix());

    estimate(&["--estimator", "qis", "--what", "precision", "--out", "precision.csv"]);
    // A precision is not a matrix of returns, so it is read as text.
    let text = std::fs::read_to_string(folder.join("precision.csv")).unwrap();
    let cells = |line: &str| line.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>();
    let precision: Vec<f64> = text.lines().skip(1).flat_map(cells).collect();
    let precision = minvar::linalg::Matrix::from_column_major(8, 8, precision);
    let identity = matrix("sigma.csv").product(&precision);
    let error = identity.map(|i, j, p| p - f64::from(u8::from(i == j))).max_abs();
    assert!(error < 1e-9, "{error}");
    estimate(&["--estimator", "qis", "--what", "correlation", "--out", "correlation.csv"]);
    assert_eq!(matrix("correlation.csv").diagonal(), [1.0; 8]);
    estimate(&["--estimator", "rie,diagonal=kept", "--what", "spectrum", "--out", "spectrum.csv"]);
    let spectrum = std::fs::read_to_string(folder.join("spectrum.csv")).unwrap();
    assert!(spectrum.starts_with("rank,sample,cleaned\n1,") && spectrum.lines().count() == 9, "{spectrum}");
    estimate(&[
        "--estimator",
        "poet,factors=1",
        "--what",
        "weights",
        "--allocator",
        "gmv_box,upper=0.2",
        "--out",
        "w.csv",
    ]);
    let weights = std::fs::read_to_string(folder.join("w.csv")).unwrap();
    let weights: Vec<f64> =
        weights.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(
        (weights.iter().sum::<f64>() - 1.0).abs() < 1e-12 && weights.iter().all(|w| (0.0..=0.2 + 1e-15).contains(w))
    );
    let record = std::fs::read_to_string(folder.join("w.csv.toml")).unwrap();
    for part in ["commit = ", "returns_hash = ", "duration_seconds = ", "factors = 1", "n_days = 120", "upper = 0.2"] {
        assert!(record.contains(part), "{part} is missing in\n{record}");
    }
    let history = ["--estimator", "average_oracle,draws=3,test_days=10", "--lookback", "40", "--out", "ao.csv"];
    estimate(&history);

    let refuse = |rest: &[&str], expected: &str| {
        fails(folder, &[&["estimate", "--returns", "returns.csv"], rest].concat(), expected)
    };
    refuse(&["--estimator", "qsi", "--out", "x.csv"], "did you mean 'qis'?");
    refuse(&["--estimator", "poet,factors=-1", "--out", "x.csv"], "poet.factors must be");
    refuse(&["--estimator", "poet,3", "--out", "x.csv"], "'3' is not of the form key=value");
    refuse(&["--estimator", "qis", "--out", "x.xlsx"], "a result file ends in .csv, .parquet or .npy");
    refuse(&["--estimator", "qis", "--lookback", "500", "--out", "x.csv"], "the file, which has 120 rows");
    refuse(&["--estimator", "rie", "--lookback", "8", "--out", "x.csv"], "more days than assets");
    refuse(&["--estimator", "average_oracle", "--out", "x.csv"], "reduce --lookback");
    refuse(&["--estimator", "detone", "--what", "weights", "--out", "x.csv"], "not positive definite");
    std::fs::write(folder.join("flat.csv"), "A,B\n0.1,0.2\n0.1,0.1\n0.1,0.3\n").unwrap();
    fails(
        folder,
        &["estimate", "--returns", "flat.csv", "--values", "returns", "--estimator", "qis", "--out", "x.csv"],
        "flat.csv, asset A: returns in the window are constant",
    );
    assert!(!folder.join("x.csv").exists());
}

#[test]
fn estimators_can_be_timed() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "benchmark",
        "--assets",
        "10,20",
        "--days",
        "40",
        "--repeat",
        "1",
        "--estimator",
        "qis",
        "--estimator",
        "poet,factors=1",
        "--out",
        "times",
    ];
    let table = succeeds(folder.path(), &arguments);
    assert!(table.contains("n = 20") && table.contains("poet(factors=1)"), "{table}");
    let rows = std::fs::read_to_string(folder.path().join("times/runtime.csv")).unwrap();
    assert_eq!(rows.lines().count(), 5, "{rows}");
    assert!(std::fs::read_to_string(folder.path().join("times/runtime.svg")).unwrap().contains("n = 20"));
}

/// The committed experiments, unchanged.
#[test]
fn every_experiment_file_can_be_read_and_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let experiment = minvar::experiment::Experiment::read(&path).unwrap();
        for choice in &experiment.compare.estimators {
            match choice.name.as_str() {
                "oracle" | "model" | "recurrent" | "combine" => {}
                "train" => assert!(!experiment.train.is_empty()),
                name => drop(minvar::estimators::named(name).unwrap()),
            }
            assert!(minvar::estimators::modules::networks_of(choice).is_ok() && choice.candidates().is_ok());
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
rules = "none"
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

const TRAINED: &str = r#"
about = "trained"
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
first = 2001-01-01
[compare]
estimators = [{ train = "small" }]
allocators = ["gmv"]
[train.small]
schedule = { steps = 400, batch = 4, n_assets = [5, 15], n_days = [50, 100], validation_days = 10, checkpoint_every = 7 }
"#;

#[test]
fn a_killed_training_resumes_to_the_same_bytes_and_its_model_can_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("trained.toml"), TRAINED).unwrap();
    let model = |run: &str| folder.join(run).join("trained/models/small-0/2001.safetensors");
    // Killed three times, each time at another moment after the first checkpoint.
    for pause in [0, 9, 23] {
        let checkpoint = model("killed").with_extension("checkpoint.safetensors");
        let mut child = Command::new(env!("CARGO_BIN_EXE_minvar"))
            .args(["train", "trained.toml", "--out", "killed"])
            .current_dir(folder)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while !checkpoint.exists() {
            assert!(child.try_wait().unwrap().is_none(), "the training ended before it could be killed");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!model("killed").exists());
    }
    succeeds(folder, &["train", "trained.toml", "--out", "killed"]);
    let listed = succeeds(folder, &["train", "trained.toml", "--out", "whole", "--threads", "1"]);
    assert_eq!(listed.trim(), "whole/trained/models/small-0/2001.safetensors");
    let read = |run: &str| std::fs::read(model(run)).unwrap();
    assert!(read("killed") == read("whole"), "the models differ");

    let path = model("whole").display().to_string();
    let shown = succeeds(folder, &["model", "show", &path]);
    for part in ["network of 2175 parameters", "from seed 0", "400 steps", "lag transform", "marginal volatility"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let json: serde_json::Value = serde_json::from_str(&succeeds(folder, &["model", "show", &path, "--json"])).unwrap();
    assert_eq!(json["header"]["steps"], 400);
    assert_eq!(json["curves"]["alpha"].as_array().unwrap().len(), 100);

    // The same network given as files with the year in their name: the same portfolios.
    let by_file = TRAINED.split("[train.small]").next().unwrap();
    let by_file = |pattern: &str| {
        by_file.replace("{ train = \"small\" }", &format!("{{ model = \"{pattern}\", label = \"small\" }}"))
    };
    std::fs::write(folder.join("by_file.toml"), by_file("whole/trained/models/small-0/{year}.safetensors")).unwrap();
    succeeds(folder, &["run", "by_file.toml", "--out", "whole"]);
    std::fs::write(
        folder.join("trained.toml"),
        TRAINED.replace("train = \"small\"", "train = \"small\", label = \"small\""),
    )
    .unwrap();
    succeeds(folder, &["run", "trained.toml", "--out", "whole"]);
    let metrics = |name: &str| std::fs::read(folder.join("whole").join(name).join("metrics.csv")).unwrap();
    assert!(metrics("by_file") == metrics("trained"));
    std::fs::write(folder.join("by_file.toml"), by_file("whole/trained/models/small-9/{year}.safetensors")).unwrap();
    fails(folder, &["run", "by_file.toml", "--out", "none"], "small-9/2001.safetensors: No such file");

    std::fs::write(folder.join("short.safetensors"), &read("whole")[..2000]).unwrap();
    let refused = minvar(folder, &["model", "show", "short.safetensors"]);
    let message = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(message.starts_with("minvar: short.safetensors: ") && message.lines().count() == 1, "{message}");
}

#[test]
fn the_width_of_vectors_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let names = r#"["lw_identity", "qis", "nls_analytical", "rie", "clip", "ewma", "dcc_qis", { train = "gru" }, { train = "lstm" }]"#;
    let networks = TRAINED.replace(r#"[{ train = "small" }]"#, names).replace("steps = 400", "steps = 4");
    let (head, gru) = networks.split_once("[train.small]").unwrap();
    let lstm = format!("[train.lstm]\nnetwork = {{ cell = \"lstm\", hidden = [8] }}\n{}", gru.trim_start());
    std::fs::write(folder.join("wide.toml"), format!("{head}[train.gru]{gru}{lstm}")).unwrap();
    let run = |bits: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_minvar"));
        command.args(["run", "wide.toml", "--out", bits]).current_dir(folder).env("MINVAR_VECTOR_BITS", bits);
        command.output().unwrap()
    };
    let narrow = run("128");
    assert!(narrow.status.success(), "{}", text(&narrow.stderr));
    for bits in ["256", "512"] {
        let output = run(bits);
        let message = text(&output.stderr);
        if message.contains("more than this processor has") {
            continue;
        }
        assert!(output.status.success(), "{message}");
        for file in ["metrics.csv", "weights.parquet", "returns.parquet"] {
            let read = |run: &str| std::fs::read(folder.join(run).join("wide").join(file)).unwrap();
            assert!(read(bits) == read("128"), "{file} differs with {bits} bits");
        }
    }
    let wrong = run("100");
    assert!(text(&wrong.stderr).contains("MINVAR_VECTOR_BITS is 128, 256 or 512, not '100'"));
}

#[test]
fn the_network_can_be_timed() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["model", "time", "--assets", "20", "--days", "60", "--batch", "2", "--repeat", "2"];
    let table = succeeds(folder.path(), &arguments);
    assert!(table.contains("whole step"), "{table}");
    let json = succeeds(folder.path(), &[&arguments[..], &["--json", "--cell", "lstm", "--forward-only"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["total"].as_array().unwrap().len(), 2);
    assert!(json["loss"].as_f64().unwrap() > 0.0);
}

/// Rows of a table by allocator and estimator.
fn rows(table: &str) -> std::collections::BTreeMap<(String, String), Vec<String>> {
    let cells = |line: &str| -> Vec<String> { line.split('|').map(|cell| cell.trim().to_string()).collect() };
    let rows = table.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.map(|cells| ((cells[1].clone(), cells[2].clone()), cells[3..].to_vec())).collect()
}

/// With single precision and another processor's vector units, trainings differ first in their last bits and then
/// more, so the network's volatilities are compared to within a few percent, everything else exactly.
#[test]
fn the_quick_experiment_gives_the_committed_table() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = folder.path().to_string_lossy().into_owned();
    succeeds(root, &["run", "experiments/quick.toml", "--out", &out]);
    let read = |path: &Path| rows(&std::fs::read_to_string(path).unwrap());
    let ours = read(&folder.path().join("quick/table.md"));
    let committed = read(&root.join("results/quick/table.md"));
    assert!(ours.keys().eq(committed.keys()));
    let volatility = |row: &[String]| row[0].trim_end_matches(" %").parse::<f64>().unwrap();
    for (key, row) in &ours {
        if key.1 == "network" {
            let ratio = volatility(row) / volatility(&committed[key]);
            assert!((ratio - 1.0).abs() < 0.04, "{key:?}: {row:?} against {:?}", committed[key]);
        } else {
            let why = "run experiments/quick.toml and commit the result, if the change is meant";
            assert_eq!(row, &committed[key], "{key:?}: {why}");
        }
    }
    let network = volatility(&ours[&("gmv".to_string(), "network".to_string())]);
    assert!(network < volatility(&ours[&("gmv".to_string(), "qis".to_string())]), "the network must beat qis");
    assert!(folder.path().join("quick/learning-compact-0.svg").exists());
}

/// Built without the feature, the program says how to get it; `auto` works on the processor and reports it.
#[cfg(not(feature = "cuda"))]
#[test]
fn a_cuda_device_needs_a_program_built_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let time = |device| {
        let sizes = ["--assets", "10", "--days", "30", "--batch", "1", "--repeat", "1", "--device", device];
        [&["model", "time"][..], &sizes].concat()
    };
    for arguments in [vec!["device"], vec!["device", "--check"], time("cuda:1")] {
        fails(folder.path(), &arguments, "this minvar was built without CUDA");
    }
    let output = minvar(folder.path(), &time("auto"));
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("working on the processor: this minvar was built"));
    for (arguments, expected) in
        [(time("gpu"), "cuda:N"), (vec!["train", "x.toml", "--years", "2005-2001"], "such as 2000-2011")]
    {
        let output = minvar(folder.path(), &arguments);
        assert!(output.status.code() == Some(2) && text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

/// A wide file of prices of four assets on some weekdays of 2019 and 2020.
fn prices(days: std::ops::Range<usize>, change: impl Fn(usize, usize, f64) -> f64) -> String {
    let returns = crate::support::returns(4, 200);
    let dates = minvar::calendar::Calendar::weekdays(jiff::civil::date(2019, 5, 1), 200);
    let mut text = "date,AAA,BBB,CCC,DDD\n".to_string();
    let mut prices = [100.0; 4];
    for day in 0..days.end {
        for (asset, price) in prices.iter_mut().enumerate() {
            *price *= 1.0 + change(day, asset, returns[(day, asset)]);
        }
        if days.contains(&day) {
            let cells: Vec<String> = prices.iter().map(|price| format!("{price:.6}")).collect();
            text += &format!("{},{}\n", dates.date(day), cells.join(","));
        }
    }
    text
}

#[test]
fn a_user_imports_looks_excludes_and_appends() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let split = |day: usize, asset: usize, r: f64| if (day, asset) == (50, 1) { -0.5 } else { r };
    std::fs::write(folder.join("mine.csv"), prices(0..120, split)).unwrap();
    let out = succeeds(folder, &["data", "import", "mine.csv"]);
    for part in [
        "calendar: trading days, 252 a year",
        "look at this first",
        "splits: BBB, 2019-07-10: -50.0 %, close to a split of 2:1",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    let out = succeeds(folder, &["data", "describe", "mine"]);
    assert!(out.contains("1 suspects written to data/mine.suspects.csv"), "{out}");
    assert!(succeeds(folder, &["data", "describe", "mine"]).contains("as in data/mine.suspects.csv"));
    let help = succeeds(folder, &["data", "describe", "--help"]);
    assert!(help.contains("spikes: a jump that the same asset takes back") && help.contains("splits: "), "{help}");

    let experiment = EXPERIMENT
        .replace("\"sim\"", "\"mine\"\nexclude = \"mine.suspects.csv\"")
        .replace("lookback = 60", "lookback = 20");
    std::fs::write(folder.join("mine.toml"), experiment).unwrap();
    let output = minvar(folder, &["run", "mine.toml"]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    for part in [
        "oracle is left out",
        "1 returns are excluded",
        "rank in the order of the panel",
        "size = 20, but the panel has 4",
    ] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }

    // A file of suspects that the user edited is not changed.
    std::fs::write(folder.join("data/mine.suspects.csv"), "asset,first,last\n").unwrap();
    assert!(succeeds(folder, &["data", "describe", "mine"]).contains("was not changed"));
    assert_eq!(std::fs::read_to_string(folder.join("data/mine.suspects.csv")).unwrap(), "asset,first,last\n");

    std::fs::write(folder.join("newer.csv"), prices(110..200, split)).unwrap();
    let out = succeeds(folder, &["data", "append", "mine", "newer.csv"]);
    for part in ["80 new days", "0 differ by more than 0.01 %", "panel mine: 4 assets x 200 days"] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    std::fs::write(folder.join("whole.csv"), prices(0..200, split)).unwrap();
    succeeds(folder, &["data", "import", "whole.csv"]);
    let hash = |name: &str| {
        let text = std::fs::read_to_string(folder.join("data").join(name).join("panel.toml")).unwrap();
        text.lines().find(|line| line.starts_with("n_returns")).unwrap().to_string()
    };
    assert_eq!(hash("mine"), hash("whole"));
    std::fs::write(folder.join("others.csv"), prices(110..200, |day, asset, r| r + 0.01 * ((day + asset) % 3) as f64))
        .unwrap();
    let before = std::fs::read(folder.join("data/mine/panel.toml")).unwrap();
    fails(folder, &["data", "append", "mine", "others.csv"], "nothing was appended");
    assert_eq!(std::fs::read(folder.join("data/mine/panel.toml")).unwrap(), before);
    assert!(succeeds(folder, &["data", "append", "mine", "newer.csv"]).contains("nothing new"));
}
