//! Entry points for users who write no Rust: built-in experiments, `init`, `--set`, the schema, JSON, completions.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::program::{fails, minvar, says, succeeds, text};

fn repository(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The JSON keys that docs/json.md promises for a command.
fn promised(command: &str) -> Vec<String> {
    let page = repository("docs/json.md");
    let label = if command.contains('`') { command.to_string() } else { format!("`{command}`") };
    let row = page.lines().find_map(|line| line.strip_prefix(&format!("| {label} | "))).unwrap_or_else(|| {
        panic!("docs/json.md says nothing of {command}");
    });
    let mut keys = Vec::new();
    if row.starts_with("as `data import`") {
        keys = promised("data import");
    }
    let (mut depth, mut outside) = (0, String::new());
    for c in row.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            outside.push(c);
        }
    }
    let words = outside.split('`').skip(1).step_by(2).filter(|word| !word.starts_with("data ")).map(String::from);
    keys.extend(words);
    keys
}

/// The JSON output of a command; checks that its keys are those promised.
#[track_caller]
fn told(folder: &Path, command: &str, arguments: &[&str]) -> Value {
    let output = minvar(folder, &[arguments, &["--json", "--quiet"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{command} is not quiet");
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command}: {error}"));
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    let mut expected = promised(command);
    keys.sort();
    expected.sort();
    assert_eq!(keys, expected, "{command}");
    value
}

/// An experiment whose network is trained for two steps.
const LEARNED: &str = r#"
data.synthetic = { n_assets = 12, n_days = 400 }
universe = { rules = "none", size = 8, rank_min_values = 20, rank_frequency = "decision" }
walk_forward = { lookback = 60 }
compare = { estimators = [{ train = "tiny" }], allocators = ["gmv"] }
[train.tiny]
network = "compact"
[train.tiny.schedule]
preset = "cpu"
steps = 2
decay_steps = 2
warm_steps = 1
batch = 2
n_assets = [5, 8]
n_days = [20, 30]
"#;

#[test]
fn every_command_tells_as_json_what_the_page_promises() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let simulated =
        told(folder, "data synthesize", &["data", "synthesize", "--name", "sim", "--assets", "20", "--days", "150"]);
    assert_eq!(simulated["n_assets"], 20);
    let described = told(folder, "data describe", &["data", "describe", "sim"]);
    assert!(described["findings"].is_array());
    let lines: Vec<String> = (0..40)
        .map(|day| {
            let date = jiff::civil::date(2020, 1, 1).saturating_add(jiff::Span::new().days(day + 2 * (day / 5)));
            format!("{date},{},{}", 100.0 + (day as f64).sin(), 50.0 + (day as f64).cos())
        })
        .collect();
    std::fs::write(folder.join("prices.csv"), format!("date,AAA,BBB\n{}\n", lines.join("\n"))).unwrap();
    told(folder, "data import", &["data", "import", "prices.csv", "--name", "own"]);
    let appended = told(folder, "data append", &["data", "append", "own", "prices.csv"]);
    assert!(appended["changed"].is_array());
    told(folder, "init", &["init", "small", "--panel", "sim"]);
    let changes =
        ["--set", "walk_forward.lookback=60", "--set", "universe.size=10", "--set", "universe.rank_min_values=20"];
    let changes = [
        &changes[..],
        &["--set", "universe.rank_frequency=decision", "--set", "compare.estimators=[\"qis\", \"sample\"]"],
    ]
    .concat();
    let run = |name: &str, more: &[&str]| told(folder, name, &[&["run", "small.toml"], &changes[..], more].concat());
    let plain = run("run", &[]);
    assert_eq!(plain["rows"][0]["allocator"], "gmv");
    assert!(plain["simulation"].is_null() && plain["rows"].as_array().unwrap().len() == 5, "{plain}");
    told(folder, "simulate", &[&["simulate", "small.toml"], &changes[..], &["--profile", "paper"]].concat());
    let traded = run("run", &["--set", "simulation.profiles=[\"paper\"]", "--fresh"]);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    assert_eq!(keys(&traded["simulation"]), promised("simulate").into_iter().collect());
    run("`run` of a sweep", &["--set", "sweep.size=[5, 8]", "--out", "swept"]);
    told(folder, "report", &["report", "small"]);
    told(folder, "figures", &["figures"]);
    told(folder, "figures --list", &["figures", "--list"]);
    told(folder, "compare", &["compare", "small:qis/gmv", "small:sample/gmv"]);
    let estimate = ["estimate", "--returns", "prices.csv", "--estimator", "lw_identity", "--out", "sigma.csv"];
    assert_eq!(told(folder, "estimate", &estimate)["n_assets"], 2);
    told(folder, "list", &["list"]);
    told(folder, "list --schedules", &["list", "--schedules"]);
    let timed = told(folder, "benchmark", &["benchmark", "--assets", "10", "--days", "40", "--estimator", "qis"]);
    assert!(timed["estimators"]["qis"][0]["seconds"].is_array(), "{timed}");
    told(folder, "model time", &["model", "time", "--assets", "10", "--days", "30", "--batch", "2", "--repeat", "1"]);
    std::fs::write(folder.join("learned.toml"), LEARNED).unwrap();
    let trained = told(folder, "train", &["train", "learned.toml"]);
    told(folder, "train --timings", &["train", "learned.toml", "--timings"]);
    let shown = told(folder, "model show", &["model", "show", trained["models"][0].as_str().unwrap()]);
    assert!(shown["checksum"].is_string(), "{shown}");
    let claim = "[[claim]]\nclaim = 'x'\nsource = 'y'\npublished = 3\ntolerance = 1\n\
                 ours = { file = 'small/metrics.csv', where = { estimator = 'qis', allocator = 'gmv' }, column = 'sharpe' }\n";
    std::fs::write(folder.join("expected.toml"), claim).unwrap();
    let checked = told(folder, "paper check", &["paper", "check", "--expected", "expected.toml"]);
    assert_eq!(checked["checks"][0]["verdict"], "differs", "{checked}");
    // Without a driver the command ends in an error: a line of text, and nothing on the standard output.
    let devices = minvar(folder, &["device", "--json"]);
    match devices.status.success() {
        true => assert_eq!(keys(&serde_json::from_slice(&devices.stdout).unwrap()), ["devices".to_string()].into()),
        false => assert!(devices.stdout.is_empty() && text(&devices.stderr).starts_with("minvar: ")),
    }
    told(folder, "completions", &["completions", "bash"]);
    told(folder, "man", &["man", "pages"]);
    assert!(folder.join("pages/minvar-data-import.1").exists());
    let schema: Value = serde_json::from_str(&succeeds(folder, &["schema", "--json"])).unwrap();
    assert!(schema["properties"]["walk_forward"].is_object());
}

#[test]
fn quick_runs_anywhere_and_a_file_of_that_name_wins() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let small =
        ["--set", "data.synthetic.n_assets=30", "--set", "data.synthetic.n_days=1100", "--set", "universe.size=10"];
    let small = [&small[..], &["--set", "walk_forward.lookback=60", "--set", "compare.estimators=[\"qis\"]"]].concat();
    let small = [&small[..], &["--set", "compare.allocators=[\"gmv\"]"]].concat();
    let small = [&small[..], &["--set", "train.compact.schedule.n_days=[30, 60]"]].concat();
    succeeds(folder, &[&["run", "quick"], &small[..]].concat());
    assert!(folder.join("results/quick/run.toml").exists());
    std::fs::write(folder.join("quick"), "about = 'mine'").unwrap();
    let output = minvar(folder, &["run", "quick"]);
    let message = text(&output.stderr);
    assert!(message.contains("the file named quick is read") && message.contains("missing: [data]"), "{message}");
}

#[test]
fn set_changes_a_key_and_answers_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fails(folder, &["run", "quick", "--set", "universe.siz=3"], "did you mean 'size'?");
    fails(folder, &["run", "quick", "--set", "universe.size"], "write KEY=VALUE");
    fails(folder, &["run", "quick", "--set", "about.x=1"], "'about' is not a table");
    fails(
        folder,
        &["run", "quick", "--set", "universe.size=many"],
        "size=many: \"many\" is given where a whole number",
    );
}

/// A small experiment on a synthetic market.
const SMALL: &str = r#"
data.synthetic = { n_assets = 20, n_days = 150 }
universe = { rules = "none", size = 10, rank_min_values = 20, rank_frequency = "decision" }
walk_forward = { lookback = 60 }
compare = { estimators = ["qis", "sample"], allocators = ["gmv"] }
"#;

#[test]
fn results_of_other_settings_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("mine.toml"), SMALL).unwrap();
    fails(folder, &["run", "mine"], "did you mean mine.toml?");
    succeeds(folder, &["run", "mine.toml"]);
    succeeds(folder, &["simulate", "mine.toml", "--profile", "paper"]);
    succeeds(folder, &["report", "mine"]);
    let said = says(folder, &["run", "mine.toml", "--set", "universe.size=8"]);
    assert!(said.contains("replaces results of other settings in results/mine"), "{said}");
    assert!(said.contains("report.html, simulation there are of the old"), "{said}");
    let record = std::fs::read_to_string(folder.join("results/mine/run.toml")).unwrap();
    assert!(record.contains("about = \"mine\""), "the name of the file: {record}");
    fails(folder, &["simulate", "mine.toml"], "decided with other settings");
    fails(folder, &["report", "mine"], "these accounts traded other weights");
    succeeds(folder, &["simulate", "mine.toml", "--set", "universe.size=8"]);
    succeeds(folder, &["report", "mine"]);
    succeeds(folder, &["run", "mine.toml", "--out", "other"]);
    let compared = succeeds(folder, &["compare", "mine", "other/mine"]);
    assert!(compared.contains("results/mine:") && compared.contains("other/mine:"), "{compared}");
}

#[test]
fn estimate_refuses_what_cannot_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let row = |t: i32| (0..4).map(|k| format!("{:.4}", 0.01 * f64::from((t * 7 + k * 5) % 11 - 5))).collect::<Vec<_>>();
    let lines: Vec<String> = (0..30).map(|t| row(t).join(",")).collect();
    std::fs::write(folder.join("r.csv"), format!("A,B,C,D\n{}\n", lines.join("\n"))).unwrap();
    let estimate = |more: &[&'static str]| [&["estimate", "--returns", "r.csv", "--estimator", "qis"], more].concat();
    fails(folder, &estimate(&["--out", "r.csv"]), "would overwrite the returns");
    fails(folder, &estimate(&["--out", "w.csv", "--allocator", "gmv_box"]), "add --what weights");
    let factors = ["estimate", "--returns", "r.csv", "--estimator", "poet,factors=300", "--out", "x.csv"];
    fails(folder, &factors, "300 factors of 4 assets");
    succeeds(folder, &estimate(&["--out", "sigma.npy"]));
    let again = ["estimate", "--returns", "sigma.npy", "--estimator", "qis", "--values", "returns", "--out", "x.csv"];
    fails(folder, &again, "it holds a symmetric matrix");
}

#[test]
fn a_closed_standard_error_ends_no_work() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), SMALL).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_minvar"))
        .args(["run", "mine.toml"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
    assert!(folder.path().join("results/mine/run.toml").exists());
}

#[test]
fn init_writes_what_runs_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeeds(folder, &["init", "first"]);
    let written = std::fs::read_to_string(folder.join("first.toml")).unwrap();
    let experiment = minvar::experiment::Experiment::parse(&written, "first.toml").unwrap();
    assert_eq!((experiment.universe.size, experiment.walk_forward.lookback), (200, 500));
    fails(folder, &["init", "first.toml"], "the file exists already");
    fails(folder, &["init", "second", "--panel", "none"], "unknown panel 'none'");
    // Everything that is commented out is valid, too.
    let mut all = String::new();
    for line in written.lines() {
        let bare = line.trim_start_matches("# ");
        let is_key = line.starts_with("# ") && (bare.contains(" = ") || bare.starts_with('['));
        all += &format!("{}\n", if is_key { bare } else { line });
    }
    let all = all.replace("    # { train", "    { train");
    let whole =
        minvar::experiment::Experiment::parse(&all, "all.toml").unwrap_or_else(|error| panic!("{error}\n{all}"));
    assert!(whole.simulation.is_some() && whole.train.len() == 1 && whole.walk_forward.first.is_some());
    let said = says(folder, &["init", "third", "--quiet"]);
    assert!(said.contains("minvar run third.toml"), "{said}");
}

#[test]
fn the_schema_knows_every_name() {
    let schema = minvar::cli::schema::schema();
    let estimators = &schema["$defs"]["Compare"]["properties"]["estimators"]["items"]["anyOf"];
    let names = estimators[0]["enum"].as_array().unwrap();
    assert_eq!(names.len(), minvar::estimators::ALL.len() + 1);
    let poet =
        estimators.as_array().unwrap().iter().find(|choice| choice["properties"]["name"]["const"] == "poet").unwrap();
    assert_eq!(poet["properties"]["factors"]["default"], "marcenko_pastur");
    assert_eq!(poet["additionalProperties"], false);
    // Every committed experiment satisfies the schema, and mistakes do not.
    for name in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")).unwrap() {
        let path = name.unwrap().path();
        let table: toml::Table = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let value = serde_json::to_value(table).unwrap();
        assert_eq!(mistakes(&schema, &schema, &value), Vec::<String>::new(), "{}", path.display());
    }
    let with = |change: fn(&mut Value)| {
        let mut quick: Value =
            serde_json::to_value(toml::from_str::<toml::Table>(&repository("experiments/quick.toml")).unwrap())
                .unwrap();
        change(&mut quick);
        mistakes(&schema, &schema, &quick)
    };
    assert!(!with(|quick| quick["universe"]["siz"] = 3.into()).is_empty());
    assert!(!with(|quick| quick["compare"]["estimators"][0] = "sampel".into()).is_empty());
    assert!(!with(|quick| quick["train"]["compact"]["schedule"]["preset"] = "gpu".into()).is_empty());
}

/// The places at which a value violates a schema, for the part of JSON Schema that ours uses.
fn mistakes(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        let mut found = mistakes(root, &root["$defs"][name], value);
        let mut rest = schema.clone();
        rest.as_object_mut().unwrap().remove("$ref");
        found.extend(mistakes(root, &rest, value));
        return found;
    }
    let mut found = Vec::new();
    for key in ["anyOf", "oneOf"] {
        if let Some(variants) = schema[key].as_array()
            && !variants.iter().any(|variant| mistakes(root, variant, value).is_empty())
        {
            found.push(format!("{value} is none of {key}"));
        }
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        found.push(format!("{value} is not {constant}"));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{value} is no word of {words:?}"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    // A TOML date becomes a table when it is converted to JSON.
    let is_date = value.get("$__toml_private_datetime").is_some();
    let is = |kind: &&str| match *kind {
        "string" => value.is_string() || is_date,
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object() && !is_date,
        _ => value.is_null(),
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        found.push(format!("{value} is no {kinds:?}"));
    }
    if let (Some(items), Some(values)) = (schema.get("items").filter(|items| items.is_object()), value.as_array()) {
        found.extend(values.iter().flat_map(|value| mistakes(root, items, value)));
    }
    let Some(table) = value.as_object().filter(|_| !is_date) else { return found };
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !table.contains_key(key) {
            found.push(format!("{key} is missing"));
        }
    }
    for (key, value) in table {
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(inner), _) => found.extend(mistakes(root, inner, value)),
            (None, Value::Bool(false)) => found.push(format!("{key} is unknown")),
            (None, inner @ Value::Object(_)) => found.extend(mistakes(root, inner, value)),
            _ => {}
        }
    }
    found
}
