//! Laws of the network: its gradients are correct, and irrelevant changes of the input do not matter.

use candle_core::{DType, Device, Tensor, Var};
use minvar::nn::{Architecture, Cell, Direction, Feature, Lag, Network, realised_variance};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

/// Daily returns `[batch, n, T]` of a one-factor market.
fn market(seed: u64, batch: usize, n: usize, t: usize) -> Tensor {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut all = Vec::new();
    for _ in 0..batch {
        let factor: Vec<f64> = (0..t).map(|_| random.sample(StandardNormal)).collect();
        for _ in 0..n {
            let (beta, size): (f64, f64) = (random.random_range(0.3..1.2), random.random_range(0.005..0.03));
            all.extend(factor.iter().map(|f| {
                let own: f64 = random.sample(StandardNormal);
                size * (beta * f + own) * 0.1
            }));
        }
    }
    Tensor::from_vec(all, (batch, n, t), &Device::Cpu).unwrap()
}

/// A small network all of whose parameters differ from their initial values.
fn network(architecture: Architecture) -> Network<f64> {
    let start = Network::<f64>::new(architecture.clone(), 3).unwrap();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
    let moved = |var: &Var| {
        let noise: Vec<f64> = (0..var.elem_count()).map(|_| random.random_range(-0.2..0.2)).collect();
        (var.as_tensor() + Tensor::from_vec(noise, var.shape(), &Device::Cpu).unwrap()).unwrap()
    };
    let names = start.parameters().keys().cloned();
    let values = names.zip(start.parameters().values().map(moved)).collect();
    Network::with_parameters(architecture, values).unwrap()
}

fn loss(network: &Network<f64>, returns: &Tensor, future: &Tensor) -> Tensor {
    realised_variance(&network.weights(returns).unwrap(), future).unwrap().mean_all().unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Checks every parameter, and a sample of the inputs, against central differences.
#[track_caller]
fn check_gradient(architecture: Architecture, returns: &Tensor) {
    let network = network(architecture);
    let (batch, n, _) = returns.dims3().unwrap();
    let future = (market(77, batch, n, 5) * 3.0).unwrap();
    let inputs = Var::from_tensor(returns).unwrap();
    let gradients = loss(&network, &inputs, &future).backward().unwrap();
    let mut all: Vec<(&str, &Var, f64)> = vec![("returns", &inputs, 1e-6)];
    all.extend(network.parameters().iter().map(|(name, var)| (name.as_str(), var, 1e-4)));
    for (name, var, step) in all {
        let analytic = numbers(gradients.get(var).unwrap_or_else(|| panic!("{name} has no gradient")));
        let start = var.as_tensor().copy().unwrap();
        let largest = analytic.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
        let stride = (analytic.len() / 40).max(1);
        for k in (0..analytic.len()).step_by(stride) {
            let at = |offset: f64| {
                let mut moved = numbers(&start);
                moved[k] += offset;
                var.set(&Tensor::from_vec(moved, start.shape(), &Device::Cpu).unwrap()).unwrap();
                loss(&network, &inputs, &future).to_scalar::<f64>().unwrap()
            };
            // A difference of fourth order: the error of the quotient is dominated by rounding.
            let difference = (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step);
            let error = (difference - analytic[k]).abs();
            assert!(
                error <= 1e-5 * largest.max(1e-9),
                "{name}[{k}]: {} by hand, {difference} by differences, largest {largest}",
                analytic[k]
            );
        }
        var.set(&start).unwrap();
    }
}

fn small() -> Architecture {
    Architecture { hidden: vec![4], volatility: vec![3], ..Architecture::compact() }
}

#[test]
fn gradients_are_right_for_a_simple_spectrum() {
    check_gradient(small(), &market(1, 2, 7, 30));
}

#[test]
fn gradients_are_right_for_every_kind_of_layer() {
    let lstm = Architecture { cell: Cell::Lstm, hidden: vec![3, 2], features: vec![], ..small() };
    check_gradient(lstm, &market(2, 2, 6, 25));
    let per_lag = Architecture { lag: Lag::PerLag, n_days: Some(20), direction: Direction::Forward, ..small() };
    check_gradient(per_lag, &market(3, 1, 6, 20));
    let plain = Architecture {
        direction: Direction::Backward,
        unit_diagonal: false,
        normalise_volatility: false,
        features: vec![Feature::Q, Feature::InverseSqrtT],
        volatility: vec![],
        ..small()
    };
    check_gradient(plain, &market(4, 2, 6, 25));
}

#[test]
fn gradients_are_right_with_more_assets_than_days() {
    check_gradient(small(), &market(5, 2, 14, 10)); // by the matrix of assets
    check_gradient(small(), &market(6, 2, 25, 10)); // by the matrix of days
    let plain = Architecture { unit_diagonal: false, ..small() };
    check_gradient(plain, &market(7, 1, 14, 10));
}

/// Assets 2 and 3 repeat assets 0 and 1: two eigenvalues of zero.
fn with_duplicates(returns: &Tensor) -> Tensor {
    let pair = returns.narrow(1, 0, 2).unwrap();
    Tensor::cat(&[&pair, &pair, &returns.narrow(1, 2, returns.dim(1).unwrap() - 2).unwrap()], 1).unwrap()
}

#[test]
fn gradients_of_parameters_are_right_with_duplicated_assets() {
    // Changes of parameters keep the copies equal, so the ties remain along every difference.
    let returns = with_duplicates(&market(8, 2, 6, 40));
    let network = network(small());
    let stages = network.stages(&returns).unwrap();
    let values = stages.eigenvalues.to_vec2::<f64>().unwrap();
    assert!(values.iter().all(|v| v[0] == v[1] && v[1] < 1e-12 && v[2] > 1e-3), "{values:?}");
    let u = stages.raw_inverse_eigenvalues.to_vec2::<f64>().unwrap();
    assert!(u.iter().all(|u| u[0] == u[1]));
    let future = market(79, 2, 8, 5);
    let gradients = loss(&network, &returns, &future).backward().unwrap();
    for (name, var) in network.parameters() {
        let analytic = numbers(gradients.get(var).unwrap());
        let start = var.as_tensor().copy().unwrap();
        let largest = analytic.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
        for k in (0..analytic.len()).step_by((analytic.len() / 10).max(1)) {
            let at = |offset: f64| {
                let mut moved = numbers(&start);
                moved[k] += offset;
                var.set(&Tensor::from_vec(moved, start.shape(), &Device::Cpu).unwrap()).unwrap();
                loss(&network, &returns, &future).to_scalar::<f64>().unwrap()
            };
            let difference = (at(1e-4) - at(-1e-4)) / 2e-4;
            assert!(
                (difference - analytic[k]).abs() <= 1e-5 * largest.max(1e-9),
                "{name}[{k}]: {difference} {}",
                analytic[k]
            );
        }
        var.set(&start).unwrap();
    }
}

/// The rows of `[batch, n, …]` in another order.
fn permuted(tensor: &Tensor, order: &[u32]) -> Tensor {
    tensor.index_select(&Tensor::new(order, &Device::Cpu).unwrap(), 1).unwrap()
}

#[track_caller]
fn assert_close(a: &Tensor, b: &Tensor, tolerance: f64) {
    let (a, b) = (numbers(a), numbers(b));
    let largest = b.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let error = a.iter().zip(&b).fold(0.0, |max: f64, (x, y)| max.max((x - y).abs())) / largest;
    assert!(error <= tolerance, "{error:.2e}");
}

#[test]
fn the_order_of_assets_does_not_matter_at_ties_either() {
    let order: Vec<u32> = vec![5, 0, 3, 7, 1, 6, 2, 4];
    let network = network(small());
    for returns in [market(10, 2, 8, 30), with_duplicates(&market(11, 2, 6, 30)), market(12, 2, 8, 6)] {
        let weights = network.weights(&returns).unwrap();
        let other = network.weights(&permuted(&returns, &order)).unwrap();
        assert_close(&other, &permuted(&weights, &order), 1e-11);
    }
}

#[test]
fn fewer_days_than_assets_leave_an_exact_null_space_and_true_eigenvectors() {
    // 25 assets with 12 days are solved by the matrix of days: 11 eigenvectors and 14 zeros.
    let returns = market(13, 2, 25, 12);
    let architecture = Architecture { features: vec![], ..small() };
    let network = network(Architecture { lag: Lag::PerLag, n_days: Some(12), ..architecture });
    let stages = network.stages(&returns).unwrap();
    let values = stages.eigenvalues.to_vec2::<f64>().unwrap();
    assert!(values.iter().all(|v| v[..14].iter().all(|x| *x == 0.0) && v[14] > 1e-4));
    for (b, vectors) in stages.eigenvectors().iter().enumerate() {
        let c = stages.correlation().unwrap().get(b).unwrap().to_vec2::<f64>().unwrap();
        for k in 0..vectors.ncols() {
            for (i, row) in c.iter().enumerate() {
                let product: f64 = row.iter().zip(vectors.column(k)).map(|(c, v)| c * v).sum();
                assert!((product - values[b][14 + k] * vectors[(i, k)]).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn the_correlation_ignores_the_level_of_alpha_and_weights_ignore_other_samples() {
    let returns = market(14, 3, 8, 30);
    let architecture = Architecture { lag: Lag::PerLag, n_days: Some(30), ..small() };
    let network = network(architecture);
    let stages = network.stages(&returns).unwrap();
    let raw = &network.parameters()["lag.raw"];
    let scaled = Tensor::stack(&[(raw.get(0).unwrap() * 7.0).unwrap(), raw.get(1).unwrap()], 0).unwrap();
    let weights = network.weights(&returns).unwrap();
    let one = network.weights(&returns.narrow(0, 1, 1).unwrap()).unwrap();
    assert_close(&one, &weights.narrow(0, 1, 1).unwrap(), 1e-13);
    raw.set(&scaled).unwrap();
    assert_close(&network.stages(&returns).unwrap().correlation().unwrap(), &stages.correlation().unwrap(), 1e-13);
    let sums = weights.sum(1).unwrap().to_vec1::<f64>().unwrap();
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12));
}

#[test]
fn weights_are_those_of_the_reconstructed_matrix() {
    let returns = market(15, 1, 9, 40);
    for unit_diagonal in [true, false] {
        let network = network(Architecture { unit_diagonal, ..small() });
        let stages = network.stages(&returns).unwrap();
        let weights = numbers(&network.weights_of(&stages).unwrap());
        let matrices = &network.reconstructions(&stages).unwrap()[0];
        let sums: Vec<f64> = matrices.precision.columns().map(|c| c.iter().sum()).collect();
        let total: f64 = sums.iter().sum();
        for (w, sum) in weights.iter().zip(&sums) {
            assert!((w - sum / total).abs() < 1e-12);
        }
        // Σ Σ⁻¹ = 1
        for j in 0..9 {
            let column = matrices.covariance.times(matrices.precision.column(j));
            assert!(column.iter().enumerate().all(|(i, x)| (x - f64::from(i == j)).abs() < 1e-11));
        }
        let trace = matrices.covariance.trace();
        assert!(!unit_diagonal || (trace - 9.0).abs() < 1e-11, "{trace}");
    }
}

#[test]
fn single_and_double_precision_agree() {
    let returns = market(16, 2, 60, 200);
    let double = network(Architecture::compact());
    let to_single = |var: &Var| var.to_dtype(DType::F32).unwrap();
    let values = double.parameters().iter().map(|(name, var)| (name.clone(), to_single(var))).collect();
    let single = Network::<f32>::with_parameters(Architecture::compact(), values).unwrap();
    let weights = single.weights(&returns.to_dtype(DType::F32).unwrap()).unwrap();
    assert_close(&weights.to_dtype(DType::F64).unwrap(), &double.weights(&returns).unwrap(), 2e-4);
}

#[test]
fn parameter_counts_are_those_of_the_papers() {
    let count = |architecture| Network::<f32>::new(architecture, 0).unwrap().n_parameters();
    assert_eq!(count(Architecture::original()), 39_586);
    assert_eq!(count(Architecture::compact()), 2_175);
    assert_eq!(count(Architecture { cell: Cell::Lstm, ..Architecture::compact() }), 2_751);
}

#[test]
fn an_architecture_that_cannot_be_is_refused() {
    let refused = |architecture: Architecture| Network::<f32>::new(architecture, 0).err().unwrap().to_string();
    let none = refused(Architecture { hidden: vec![], ..Architecture::compact() });
    assert!(none.starts_with("network.hidden"), "{none}");
    let days = refused(Architecture { n_days: Some(5), ..Architecture::compact() });
    assert!(days.starts_with("network.n_days"), "{days}");
    let wrong = Network::<f64>::new(Architecture { n_days: Some(9), ..Architecture::original() }, 0).unwrap();
    let message = wrong.weights(&market(1, 1, 3, 10)).unwrap_err().to_string();
    assert!(message.contains("takes windows of 9 days, not 10"), "{message}");
}
