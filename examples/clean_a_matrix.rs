//! Cleans a matrix of returns with every registered estimator: `cargo run --release --example clean_a_matrix`.

use minvar::estimators;
use minvar::prelude::*;

fn main() -> Result<()> {
    // For your own returns: Matrix::from_rows(&rows), one row per day, oldest first, one column per asset.
    let returns = SyntheticMarket::complete(100, 250).returns()?;
    let window = Window::new(returns)?;
    let gmv = minvar::allocators::build("gmv")?;
    for entry in estimators::ALL {
        let estimated = estimators::build(entry.name).and_then(|estimator| estimator.estimate(&window));
        let weighed = estimated.and_then(|sigma| {
            let weights = gmv.allocate(&sigma, &Situation::default())?;
            Ok(100.0 * (252.0 * sigma.variance_of(weights.as_slice())).sqrt())
        });
        match weighed {
            Ok(predicted) => println!("{:16} predicts a volatility of {predicted:5.2} % a year", entry.name),
            Err(why) => println!("{:16} {why}", entry.name),
        }
    }
    Ok(())
}
