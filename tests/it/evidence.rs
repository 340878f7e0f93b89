//! What a run says about the differences that it found.

use std::collections::BTreeMap;

use minvar::data::Table;
use minvar::results::{Results, evidence};

use crate::program::{fails, says};
use crate::support::rows;

const EXPERIMENT: &str = r#"
about = "evidence"
[data.synthetic]
n_assets = 20
n_days = 560
[universe]
rules = "none"
size = 12
rank_by = "panel_order"
[walk_forward]
lookback = 60
horizon = 5
[compare]
estimators = ["qis", "sample", { name = "ewma", decay = 0.97, label = "ewma" }, { name = "qis", kappa = 0.9999, label = "nearly qis" }]
allocators = ["gmv", "gmv_long_only", "equal"]
[evidence]
reference = "qis"
benchmark = "equal"
"#;

fn number(row: &BTreeMap<String, String>, key: &str) -> f64 {
    row[key].parse().unwrap_or(f64::NAN)
}

#[test]
fn a_run_is_tested_against_the_named_reference_at_equal_turnover_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("mine.toml"), EXPERIMENT).unwrap();
    let said = says(folder, &["run", "mine.toml"]);
    assert!(said.contains("than that of qis;") && !said.contains("the best of the analytic ones"), "{said}");
    let run = folder.join("results/mine");
    for file in ["significance.csv", "significance.md", "periods.csv", "forest.svg", "equal_turnover.csv"] {
        assert!(run.join(file).exists(), "{file}");
    }
    let found = rows(&run, "significance.csv");
    let groups: std::collections::BTreeSet<&String> = found.iter().map(|row| &row["group"]).collect();
    assert_eq!(groups.len(), 4, "{groups:?}");
    for row in &found {
        assert_eq!((row["reference"].as_str(), row["reference_named"].as_str()), ("qis", "before the run"));
        let is_reference = row["portfolio"] == "qis";
        let [estimate, low, high] =
            ["difference", "low", "high"].map(|end| number(row, &format!("log_variance_{end}")));
        assert_eq!(estimate.is_nan(), is_reference);
        if !is_reference {
            assert!(low < estimate && estimate < high, "{row:?}");
            let p = number(row, "variance_p_bootstrap");
            assert_eq!(p <= 0.05, !(low <= 0.0 && high >= 0.0), "interval and p agree: {row:?}");
            assert!(number(row, "holding_log_variance_low").is_finite(), "{row:?}");
        }
        let copy = if row["portfolio"] == "nearly qis" { "qis" } else { "" };
        assert_eq!(row["copy_of"], copy, "{row:?}");
        assert!(number(row, "tracking_error") > 0.0 && number(row, "beta").is_finite());
        let excess = number(row, "sharpe") - number(row, "sharpe_excess");
        assert!(excess > 0.0, "the federal funds rate was above zero: {row:?}");
    }
    // A copy has the p-values of its original.
    let of =
        |name: &str| found.iter().find(|row| row["portfolio"] == name && row["group"] == "gmv, before costs").unwrap();
    for key in ["confidence_set_p_range", "confidence_set_p_max"] {
        assert_eq!(of("nearly qis")[key], of("qis")[key]);
    }

    let equal = rows(&run, "equal_turnover.csv");
    let metrics = rows(&run, "metrics.csv");
    for row in &equal {
        let same =
            |other: &&BTreeMap<String, String>| ["estimator", "allocator"].iter().all(|key| other[*key] == row[*key]);
        let own = metrics.iter().find(same).unwrap();
        let reference =
            |other: &&BTreeMap<String, String>| other["estimator"] == "qis" && other["allocator"] == row["allocator"];
        let limit = number(metrics.iter().find(reference).unwrap(), "turnover");
        assert!(number(row, "turnover") <= limit * (1.0 + 1e-9), "{row:?}");
        let (share, traded) = (number(row, "share"), number(own, "turnover"));
        if traded <= limit {
            assert_eq!((share, number(row, "volatility_annual")), (1.0, number(own, "volatility_annual")));
        } else {
            assert!(share < 1.0 && number(row, "turnover") > 0.99 * limit, "{row:?}");
        }
    }
    assert!(equal.iter().any(|row| number(row, "share") < 0.9), "something trades more than QIS: {equal:?}");
    let days = Table::read_dates(&run.join("equal_turnover.parquet"), "date").unwrap().len();
    assert_eq!(days % equal.len(), 0);

    // The tests are those of the stored files.
    let before = std::fs::read(run.join("significance.csv")).unwrap();
    says(folder, &["report", "mine"]);
    assert!(std::fs::read(run.join("significance.csv")).unwrap() == before);
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    for part in
        ["volatile than that of qis", "return of every month", "worst drawdowns", "at no more than the turnover of qis"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("was not named before the run"));
}

#[test]
fn what_the_tests_compare_with_can_be_named_again_but_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let unnamed = EXPERIMENT.split("[evidence]").next().unwrap();
    std::fs::write(folder.join("mine.toml"), unnamed).unwrap();
    let said = says(folder, &["run", "mine.toml", "--no-tests"]);
    assert!(!said.contains("volatile"), "{said}");
    let run = folder.join("results/mine");
    assert!(!run.join("significance.csv").exists() && !run.join("forest.svg").exists());
    says(folder, &["report", "mine"]);
    assert!(std::fs::read_to_string(run.join("report.html")).unwrap().contains("was not named before the run"));
    std::fs::write(folder.join("mine.toml"), EXPERIMENT.replace("\"qis\"\nbench", "\"sample\"\nbench")).unwrap();
    says(folder, &["report", "mine", "--experiment", "mine.toml"]);
    let found = rows(&run, "significance.csv");
    assert!(found.iter().all(|row| row["reference"] == "sample" && row["reference_named"] == "after the run"));
    assert!(std::fs::read_to_string(run.join("run.toml")).unwrap().contains("reference = \"sample\""));
    std::fs::write(folder.join("mine.toml"), EXPERIMENT.replace("size = 12", "size = 11")).unwrap();
    fails(folder, &["report", "mine", "--experiment", "mine.toml"], "it is not the experiment of mine");
    let stale = run.join("equal_turnover.csv");
    std::fs::write(&stale, "of an earlier run").unwrap();
    std::fs::write(folder.join("mine.toml"), unnamed).unwrap();
    says(folder, &["run", "mine.toml", "--no-tests"]);
    assert!(!stale.exists());
    std::fs::write(folder.join("mine.toml"), EXPERIMENT.replace("size = 12", "size = 11")).unwrap();
    // Tests of earlier results do not outlive them.
    says(folder, &["run", "mine.toml", "--no-tests"]);
    assert!(!run.join("significance.csv").exists() && !run.join("forest.svg").exists());
    std::fs::write(folder.join("mine.toml"), EXPERIMENT.replace("reference = \"qis\"", "reference = \"qos\"")).unwrap();
    fails(folder, &["run", "mine.toml"], "in evidence.reference 'qos'");
}

#[test]
fn every_run_of_a_sweep_is_tested() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sweep = EXPERIMENT.replace("[evidence]", "[sweep]\nsize = [8, 12]\n[evidence]");
    std::fs::write(folder.join("mine.toml"), sweep).unwrap();
    says(folder, &["run", "mine.toml"]);
    let run = folder.join("results/mine");
    let found = rows(&run, "significance.csv");
    let of_size = |size: &str| found.iter().filter(|row| row["group"].contains(size)).count();
    assert!(of_size("n = 8") == of_size("n = 12") && of_size("n = 8") > 6, "{}", found.len());
    assert!(run.join("forest.svg").exists() && run.join("n=8/returns.parquet").exists());
    let results = Results::open(&run).unwrap();
    assert_eq!(evidence(&results, 0).unwrap().groups.len(), 8);
}
