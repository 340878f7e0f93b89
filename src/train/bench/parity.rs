//! Compares the network on a device with the network on the processor, at equal parameters and windows: every stage
//! and gradient.

use candle_core::Tensor;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use serde::Serialize;

use crate::cuda::{DeviceNetwork, Windows};
use crate::error::Result;
use crate::nn::ElementType;
use crate::nn::{Architecture, Cell, Direction, Feature, Float, Lag, Network, realised_variance};
use crate::train::{Opener, numbers, values};

/// The largest deviation of a device in one case, relative to the largest entry. For a gradient the divisor is at
/// least a thousandth of the loss, because some gradients vanish.
#[derive(Clone, Debug, Serialize)]
pub struct Parity {
    /// Architecture and sizes of the case.
    pub case: &'static str,
    /// The quantity: λ, s, μ, d, w, loss, covariance, or the name of a parameter for its gradient.
    pub what: String,
    /// The relative deviation.
    pub deviation: f64,
    /// The largest deviation that is allowed.
    pub allowed: f64,
}

impl Parity {
    /// The deviation as a share of what is allowed: zero where there is none, also where none is allowed; infinite where it
    /// is not a number.
    pub fn share(&self) -> f64 {
        match self.deviation {
            0.0 => 0.0,
            deviation if deviation.is_nan() => f64::INFINITY,
            deviation => deviation / self.allowed,
        }
    }

    /// Whether the deviation is within its limit; false if it is NaN.
    pub fn holds(&self) -> bool {
        self.deviation <= self.allowed
    }
}

/// One case: a network, and windows of a small random market.
struct Case {
    name: &'static str,
    network: Architecture,
    n_assets: usize,
    n_days: usize,
    market: Scenario,
}

#[derive(Clone, Copy, PartialEq)]
enum Scenario {
    Plain,
    /// One return in ten is missing and becomes the mean of the others.
    Holes,
    /// One asset appears twice, one never moves, and one has a volatility below the floor.
    Degenerate,
}

const ASSETS: usize = 60;
const DAYS: usize = 150;
const BATCH: usize = 3;
const HORIZON: usize = 5;

fn cases() -> Vec<Case> {
    let compact = Architecture::compact;
    let case = |name, network, n_assets, n_days| Case { name, network, n_assets, n_days, market: Scenario::Plain };
    let lstm = || Architecture { cell: Cell::Lstm, hidden: vec![12], volatility: vec![6, 5, 3], ..compact() };
    let per_lag = |lag, network| Architecture { lag, n_days: Some(60), ..network };
    vec![
        case("gru 20 x 60", compact(), 20, 60),
        case("lstm 20 x 60", lstm(), 20, 60),
        case(
            "per-lag lstm 20 x 60",
            Architecture { features: vec![Feature::Q], ..per_lag(Lag::PerLag, lstm()) },
            20,
            60,
        ),
        case("positive per-lag gru 33 x 60", per_lag(Lag::PerLagPositive, compact()), 33, 60),
        case("two layers 9 x 40", Architecture { hidden: vec![7, 5], ..compact() }, 9, 40),
        case("forward only 9 x 40", Architecture { direction: Direction::Forward, ..compact() }, 9, 40),
        case("backward only 9 x 40", Architecture { direction: Direction::Backward, ..lstm() }, 9, 40),
        case(
            "nothing normalised 12 x 50",
            Architecture { normalise_volatility: false, unit_diagonal: false, volatility: vec![], ..compact() },
            12,
            50,
        ),
        case("null space 40 x 25", compact(), 40, 25),
        case("null space, diagonal as cleaned 30 x 30", Architecture { unit_diagonal: false, ..lstm() }, 30, 30),
        case("one asset", compact(), 1, 30),
        Case { market: Scenario::Holes, ..case("missing returns 20 x 60", compact(), 20, 60) },
        Case { market: Scenario::Degenerate, ..case("equal and constant assets 8 x 40", compact(), 8, 40) },
    ]
}

/// Compares a device with the processor in every case. Fails if the device cannot be used, but not if it deviates.
pub fn parity(open: Opener<'_>, precision: ElementType) -> Result<Vec<Parity>> {
    let mut all = Vec::new();
    for case in cases() {
        all.extend(match precision {
            ElementType::F32 => compare::<f32>(&case, open, precision)?,
            ElementType::F64 => compare::<f64>(&case, open, precision)?,
        });
    }
    Ok(all)
}

fn market(kind: Scenario) -> Vec<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let factor: Vec<f64> = (0..DAYS).map(|_| 0.01 * random.sample::<f64, _>(StandardNormal)).collect();
    let mut panel: Vec<f64> = Vec::with_capacity(ASSETS * DAYS);
    for asset in 0..ASSETS {
        let size = 0.01 + 0.02 * asset as f64 / ASSETS as f64;
        panel.extend(factor.iter().map(|f| f + size * random.sample::<f64, _>(StandardNormal)));
    }
    match kind {
        Scenario::Plain => {}
        Scenario::Holes => panel.iter_mut().filter(|_| random.random_range(0..10) == 0).for_each(|r| *r = f64::NAN),
        Scenario::Degenerate => {
            panel.copy_within(0..DAYS, DAYS);
            panel[2 * DAYS..3 * DAYS].fill(0.0);
            panel[3 * DAYS..4 * DAYS].iter_mut().for_each(|r| *r *= 1e-5);
        }
    }
    panel
}

fn compare<F: Float>(case: &Case, open: Opener<'_>, precision: ElementType) -> Result<Vec<Parity>> {
    let (n, t) = (case.n_assets, case.n_days);
    let start = Network::<F>::new(case.network.clone(), 5)?;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut parameters = numbers::<F>(start.parameters())?;
    parameters.values_mut().flatten().for_each(|x| *x += random.random_range(-0.2..0.2)); // so that no bias is zero
    let tensors = parameters.iter().map(|(name, values)| {
        let shape = start.parameters()[name].shape();
        let values: Vec<F> = values.iter().map(|x| F::of(*x)).collect();
        Ok((name.clone(), Tensor::from_vec(values, shape, &candle_core::Device::Cpu)?))
    });
    let network = Network::<F>::with_parameters(case.network.clone(), tensors.collect::<Result<_>>()?)?;

    let panel = market(case.market);
    let days: Vec<usize> = (0..BATCH).map(|_| random.random_range(t..DAYS - HORIZON - 1)).collect();
    let ordered = case.market == Scenario::Degenerate;
    let draw = |b: usize| move |i: usize| if ordered { i } else { (b * 17 + i * 7) % ASSETS };
    let assets: Vec<usize> = (0..BATCH).flat_map(|b| (0..n).map(draw(b))).collect();
    let windows = Windows { days: &days, assets: &assets, n_days: t, market: case.market == Scenario::Holes };

    // On the processor.
    let (returns, future) = gathered::<F>(&panel, &windows)?;
    let stages = network.stages(&returns)?;
    let weights = network.weights_of(&stages)?;
    let loss = realised_variance(&weights, &future).and_then(|losses| losses.mean_all())?;
    let store = loss.backward()?;

    // On the device.
    let mut program = DeviceNetwork::new(open(&case.network, precision)?, &case.network, &parameters)?;
    program.set_panel(&panel, DAYS)?;
    let found = program.stages(&windows)?;
    program.add_gradients(&windows, HORIZON, 0, 1.0)?;
    let (_, losses) = program.outcome(1)?;
    let gradients = program.gradients()?;

    // Allowances for unavoidable rounding errors: the spectrum amplifies those of C, and gradients amplify those of
    // the spectrum.
    let (of_values, of_gradients) = if precision == ElementType::F32 { (2e-4, 5e-3) } else { (1e-9, 1e-7) };
    let mut all = Vec::new();
    let mut push = |what: String, ours: &[f64], theirs: &[f64], allowed: f64, least: f64| {
        all.push(Parity { case: case.name, what, deviation: deviation(ours, theirs, least), allowed });
    };
    let names = ["λ", "s", "μ", "d", "w"];
    let tensors = [
        &stages.eigenvalues,
        &stages.volatilities,
        &stages.inverse_eigenvalues,
        &stages.inverse_volatilities,
        &weights,
    ];
    for ((name, ours), theirs) in names.into_iter().zip(&found).zip(tensors) {
        push(name.to_string(), ours, &values::<F>(theirs)?, of_values, 0.0);
    }
    let loss = values::<F>(&loss)?;
    push("loss".to_string(), &losses, &loss, of_values, 0.0);
    for (name, var) in network.parameters() {
        let theirs = match store.get(var) {
            Some(gradient) => values::<F>(gradient)?,
            None => vec![0.0; var.elem_count()],
        };
        push(name.clone(), &gradients[name], &theirs, of_gradients, 1e-3 * loss[0]);
    }
    let covariances: Vec<f64> =
        network.reconstructions(&stages)?.iter().flat_map(|sample| sample.covariance.entries().to_vec()).collect();
    let again = program.decomposed_again()? as f64;
    push("decompositions that failed their check".to_string(), &[again], &[0.0], 0.0, 1.0);
    push("covariance".to_string(), &program.covariances(&windows)?, &covariances, of_values, 0.0);
    Ok(all)
}

/// The windows as tensors: X, and the returns after the decision days.
fn gathered<F: Float>(panel: &[f64], windows: &Windows<'_>) -> candle_core::Result<(Tensor, Tensor)> {
    let (n, t) = (windows.sizes().n_assets, windows.n_days);
    let (mut returns, mut future) = (Vec::new(), Vec::new());
    for (&day, assets) in windows.days.iter().zip(windows.assets.chunks(n)) {
        let fill = |k: usize| -> f64 {
            let present: Vec<f64> = assets.iter().map(|a| panel[a * DAYS + k]).filter(|r| !r.is_nan()).collect();
            if windows.market { present.iter().sum::<f64>() / present.len().max(1) as f64 } else { 0.0 }
        };
        for asset in assets {
            let at = |k: usize| panel[asset * DAYS + k];
            returns.extend((day - t..day).map(|k| F::of(if at(k).is_nan() { fill(k) } else { at(k) })));
            let after = day + 1..day + 1 + HORIZON;
            future.extend(after.map(|k| F::of(if at(k).is_nan() { 0.0 } else { at(k) })));
        }
    }
    let cpu = candle_core::Device::Cpu;
    Ok((Tensor::from_vec(returns, (BATCH, n, t), &cpu)?, Tensor::from_vec(future, (BATCH, n, HORIZON), &cpu)?))
}

/// Largest difference over the largest absolute entry, the latter at least `least`; NaN if any entry is NaN.
fn deviation(ours: &[f64], theirs: &[f64], least: f64) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "both sides have the same shape");
    let largest = theirs.iter().fold(least.max(f64::MIN_POSITIVE), |most, x| most.max(x.abs()));
    let worst = |most: f64, (x, y): (&f64, &f64)| if (x - y).is_nan() { f64::NAN } else { most.max((x - y).abs()) };
    ours.iter().zip(theirs).fold(0.0_f64, |most, pair| if most.is_nan() { most } else { worst(most, pair) }) / largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_is_a_share_of_its_limit() {
        let of = |deviation, allowed| {
            let parity = Parity { case: "a network", what: "μ".to_string(), deviation, allowed };
            (parity.share(), parity.holds())
        };
        assert_eq!(of(0.0, 0.0), (0.0, true));
        assert_eq!(of(1e-4, 2e-4), (0.5, true));
        assert_eq!(of(3.0, 0.0), (f64::INFINITY, false));
        assert_eq!(of(f64::NAN, 1.0), (f64::INFINITY, false));
    }
}
