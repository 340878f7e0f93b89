//! Compares a cleaner of your own with the registered ones on later days: `cargo run --release --example own_cleaner`.

use minvar::estimators::{Qis, build};
use minvar::prelude::*;

/// The mean of the eigenvalues that `qis` gives and those of the sample.
struct HalfQis;

impl EigenvalueCleaner for HalfQis {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        let qis = Qis.clean(eigenvalues, n_observations)?;
        Ok(eigenvalues.iter().zip(qis).map(|(sample, cleaned)| (sample + cleaned) / 2.0).collect())
    }
}

fn main() -> Result<()> {
    let (panel, _) = SyntheticMarket::complete(100, 500).simulate()?;
    let (window, after) = (Window::new(panel.matrix(0..250))?, panel.matrix(250..500));
    let own: Box<dyn CovarianceEstimator> = Box::new(RotationInvariant::on_covariance(HalfQis, Centring::Mean));
    let others = ["sample", "lw_identity", "qis", "clip"].map(|name| (name, build(name)));
    for (name, estimator) in others.into_iter().chain([("half_qis", Ok(own))]) {
        let sigma = estimator?.estimate(&window)?;
        let weights = minvar::allocators::build("gmv")?.allocate(&sigma, &Situation::default())?;
        let variance = after.times(weights.as_slice()).iter().map(|r| r * r).sum::<f64>() / after.nrows() as f64;
        println!("{name:12} {:5.2} % a year", 100.0 * (252.0 * variance).sqrt());
    }
    Ok(())
}
