//! Trains a small network and cleans a window with it: `cargo run --release --example train_a_network`.

use minvar::nn::Architecture;
use minvar::prelude::*;
use minvar::train::{Compute, Eligible, Neural, Recipe, Schedule, Task, train};
use minvar::universe::Rules;

fn main() -> Result<()> {
    let (panel, _) = SyntheticMarket::complete(60, 900).simulate()?;
    let rules = Rules { size: 60, ..Rules::default() };
    let eligible = Eligible::new(rules.over(200)?, rules.missing);
    let schedule = Schedule { steps: 100, n_assets: [20, 40], n_days: [100, 200], ..Schedule::cpu() };
    let recipe = Recipe { network: Architecture::compact(), schedule };
    let file = std::env::temp_dir().join("minvar_network/2000.safetensors");
    #[rustfmt::skip]
    let task = Task {
        recipe: &recipe, seed: 1, past: panel.past(650), eligible: &eligible, lookback: 200, horizon: 5,
        data_hash: panel.content_hash(), rules: "example", warm: None, file, compute: Compute::Processor,
    };
    let model = train(&task, &|| false, &mut |at| eprint!("\rstep {} of {}", at.step, at.steps))?;
    let window = Window::new(panel.matrix(700..900))?; // days that the training did not see
    let sigma = Neural(model.network::<f64>()?).estimate(&window)?;
    println!("\nvolatility of the first asset: {:.4}; the model: {}", sigma.volatilities()[0], task.file.display());
    Ok(())
}
