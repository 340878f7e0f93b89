//! Runs an experiment from your own program: `cargo run --release --example walk_forward`.

use std::path::Path;

use minvar::experiment::{Experiment, Job, MarketData, run};
use minvar::prelude::*;

const EXPERIMENT: &str = r#"
about = "Two cleaners on a synthetic market"
data.synthetic = { n_assets = 120, n_days = 700, seed = 1 }
universe.size = 80
walk_forward = { lookback = 250, horizon = 5 }
compare = { estimators = ["sample", "qis", "oracle"], allocators = ["gmv", "gmv_long_only"] }
"#;

fn main() -> Result<()> {
    let experiment = Experiment::parse(EXPERIMENT, "walk_forward.toml")?;
    let market = MarketData::open(&experiment, Path::new("data"))?; // the folder of panels, for `panel = "NAME"`
    let folder = std::env::temp_dir().join("minvar_walk_forward");
    let finished = run(Job::new(&experiment, &market, &folder))?;
    for row in &finished.rows {
        println!("{:24} {:5.2} % a year", row.name.title(), 100.0 * row.volatility_annual);
    }
    println!("tables, figures and weights are in {}", folder.display());
    Ok(())
}
