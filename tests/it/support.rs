//! Helpers that several test files use.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use minvar::estimators::{self, Calibration, CovarianceEstimator, History, Window};
use minvar::linalg::Matrix;
use minvar::panel::{Field, Panel};
use minvar::synthetic::SyntheticMarket;

/// Reports that a test has no input. It writes directly to the terminal, because the test runner would capture it.
pub fn say_skipped(what: &str, folder: &std::path::Path) {
    let _ = writeln!(std::io::stderr(), "skipped: no {what} in {}", folder.display());
}

/// A folder of reference numbers, which is not part of the repository. Without it the tests print one note and pass.
pub fn reference_folder(name: &'static str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("MINVAR_CONFORMANCE").map(PathBuf::from).unwrap_or_else(beside).join(name);
    if folder.exists() {
        return Some(folder);
    }
    static SAID: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap();
    if !said.contains(&name) {
        said.push(name);
        say_skipped("reference numbers", &folder);
    }
    None
}

/// A synthetic market in which every asset trades on every day.
pub fn complete_market(n_assets: usize, n_days: usize) -> SyntheticMarket {
    SyntheticMarket { n_sectors: 3, seed: 11, ..SyntheticMarket::complete(n_assets, n_days) }
}

/// Returns of all assets over all days of a complete market.
pub fn returns(n_assets: usize, n_days: usize) -> Matrix {
    complete_market(n_assets, n_days).returns().unwrap()
}

pub fn window(returns: Matrix) -> Window {
    Window::new(returns).unwrap()
}

/// Calls `use_it` with a calibration on a complete market of 60 assets.
pub fn with_calibration<R>(use_it: impl FnOnce(&Calibration<'_>) -> R) -> R {
    let (panel, _) = complete_market(60, 300).simulate().unwrap();
    let history = History::of_all_assets(panel.past(300), 100);
    use_it(&Calibration { history: Some(history), horizon: 5, seed: 1, networks: None })
}

/// An estimator from its words on a command line.
pub fn estimator(words: &str) -> minvar::error::Result<Box<dyn CovarianceEstimator>> {
    with_calibration(|calibration| estimators::fit(words, calibration))
}

/// A registered estimator with default parameters, but fewer repetitions where the default is slow.
pub fn quick_words(name: &str) -> String {
    match name {
        "nercome" => "nercome,permutations=4".to_string(),
        "bahc" | "k_bahc" => format!("{name},bootstraps=8"),
        "average_oracle" => "average_oracle,draws=20".to_string(),
        _ => name.to_string(),
    }
}

/// Every registered estimator, as [`quick_words`] writes it.
pub fn all_estimators() -> Vec<(&'static estimators::RegisteredEstimator, Box<dyn CovarianceEstimator>)> {
    estimators::ALL.iter().map(|entry| (entry, estimator(&quick_words(entry.name)).unwrap())).collect()
}

/// A panel with other returns and dollar volumes.
pub fn altered(
    panel: &Panel,
    alter_return: impl Fn(usize, usize, f64) -> f64,
    alter_field: impl Fn(usize, usize, f32) -> f32,
) -> Panel {
    let returns = Matrix::from_fn(panel.n_days(), panel.n_assets(), |d, a| alter_return(d, a, panel.returns(a)[d]));
    let mut fields = BTreeMap::new();
    for field in panel.fields().collect::<Vec<Field>>() {
        let series = (0..panel.n_assets()).flat_map(|a| {
            let series = panel.field(field, a).unwrap();
            series.iter().enumerate().map(|(d, x)| alter_field(d, a, *x)).collect::<Vec<f32>>()
        });
        fields.insert(field, series.collect());
    }
    Panel::new(panel.calendar().clone(), panel.assets().to_vec(), returns, fields).unwrap()
}

/// A folder for small files.
pub struct Folder(pub tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// Prices that start at a level and have these returns, to four decimal places.
pub fn prices(start: f64, returns: impl Iterator<Item = f64>) -> Vec<f64> {
    let levels = returns.scan(start, |level, r| {
        *level *= 1.0 + r;
        Some((*level * 1e4).round() / 1e4)
    });
    levels.collect()
}

/// Rows of a table of separated values, by their header; cells may be quoted.
pub fn rows(folder: &std::path::Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let cells = |line: &str| {
        let mut quoted = false;
        let split: Vec<&str> = line
            .split(|c: char| {
                quoted ^= c == '"';
                c == ',' && !quoted
            })
            .collect();
        split.into_iter().map(|cell| cell.trim_matches('"').to_string()).collect::<Vec<String>>()
    };
    let mut lines = text.lines();
    let header = cells(lines.next().unwrap());
    lines.map(|line| header.iter().cloned().zip(cells(line)).collect()).collect()
}
