//! The committed results of `quick`, computed again; they pin `COMPUTATION`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use minvar::experiment::{self, Experiment, Inputs, Job, MarketData};

/// The cells of a line; quotes keep the commas between them.
fn cells(line: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let ends_cell = |c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    };
    line.split(ends_cell).collect()
}

/// The cells of a CSV file by the name of their column.
fn columns(path: &Path) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(cells).collect();
    let column = |k: usize| rows[1..].iter().map(|row| row[k].to_string()).collect();
    rows[0].iter().enumerate().map(|(k, name)| (name.to_string(), column(k))).collect()
}

/// If a committed result differs from one computed now, the number in `src/program.rs` must be raised and the result
/// committed again. Vector units of other processors may round the last digits differently, so a difference below 1e-7
/// passes.
#[test]
fn quick_gives_the_committed_numbers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let experiment = Experiment::read(&root.join("experiments/quick.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let market = MarketData::open(&experiment, folder).unwrap();
    let stop = AtomicBool::new(false);
    experiment::run(Job::new(&experiment, &market, folder).stopped_by(&stop)).unwrap();
    let inputs = Inputs { weights: folder.join("weights.parquet"), data: folder.to_path_buf(), foreign: None };
    experiment::simulate(Job::new(&experiment, &market, &folder.join("simulation")).stopped_by(&stop), &inputs)
        .unwrap();
    for file in ["metrics.csv", "universe.csv", "simulation/accounts.csv"] {
        let (committed, now) = (columns(&root.join("results/quick").join(file)), columns(&folder.join(file)));
        // A further column, of a new cost, changes no result.
        let pairs = committed.iter().flat_map(|(name, cells)| {
            assert_eq!(cells.len(), now[name].len(), "{file}");
            cells.iter().zip(&now[name])
        });
        for (then, now) in pairs.filter(|(then, now)| then != now) {
            let numbers = then.parse::<f64>().ok().zip(now.parse::<f64>().ok());
            let (a, b) = numbers.unwrap_or_else(|| panic!("{file}: '{then}' is now '{now}'"));
            assert!(
                (a - b).abs() <= 1e-7 * a.abs().max(1e-6),
                "{file}: {a} is now {b}: see COMPUTATION in src/program.rs"
            );
        }
    }
}
