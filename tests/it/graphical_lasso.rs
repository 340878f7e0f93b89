//! Laws of the graphical lasso: what its estimate must satisfy to be the minimum it is defined by.

use minvar::linalg::{Cholesky, Matrix};

use crate::support::{estimator, returns, window};

/// Ξ of the graphical lasso, and the sample correlation E.
fn graphical_lasso(penalty: f64, returns: Matrix) -> (Matrix, Matrix) {
    let window = window(returns);
    let estimator = estimator(&format!("glasso,penalty={penalty},tolerance=1e-8")).unwrap();
    let (sigma, volatilities) = (estimator.estimate(&window).unwrap(), window.volatilities());
    let xi = sigma.matrix().clone().map(|i, j, x| x / (volatilities[i] * volatilities[j]));
    (xi, window.correlation().clone())
}

/// Which Ξ is the minimum can be seen from Ξ and Θ = Ξ⁻¹ alone: ξ_ij − e_ij = ρ sign θ_ij where θ_ij ≠ 0, and
/// |ξ_ij − e_ij| ≤ ρ elsewhere.
#[test]
fn the_graphical_lasso_meets_the_conditions_of_its_minimum() {
    for (n_assets, n_days, penalty) in [(60, 300, 0.1), (60, 50, 0.1), (40, 200, 0.02), (200, 1000, 0.1)] {
        let (xi, e) = graphical_lasso(penalty, returns(n_assets, n_days));
        let theta = Cholesky::new(&xi).unwrap().inverse();
        let (mut n_links, mut n_zeros) = (0, 0);
        for i in 0..n_assets {
            assert!((xi[(i, i)] - 1.0).abs() < 1e-12);
            for j in 0..i {
                let place = format!("({i}, {j}) of {n_assets} x {n_days}, penalty {penalty}");
                let (gap, link) = (xi[(i, j)] - e[(i, j)], theta[(i, j)]);
                assert!(gap.abs() <= penalty + 1e-8, "{place}: {gap}");
                // θ is known to the precision of Ξ times its condition.
                if link.abs() > 1e-4 {
                    assert!((gap - penalty * link.signum()).abs() <= 1e-8, "{place}: {gap} at θ = {link}");
                    n_links += 1;
                }
                n_zeros += usize::from(link.abs() < 1e-6);
            }
        }
        assert!(n_links > n_assets && n_zeros > n_assets, "{n_links} links and {n_zeros} zeros");
    }
}

/// If no correlation between two groups exceeds the penalty, each has the estimate that it has alone (Witten, Friedman,
/// Simon 2011; Mazumder, Hastie 2012).
#[test]
fn the_graphical_lasso_takes_apart_groups_without_strong_correlations() {
    let (one, other) = (returns(20, 300), returns(23, 300));
    let both = Matrix::from_fn(300, 43, |t, i| if i < 20 { one[(t, i)] } else { other[((t * 7 + 150) % 300, i - 20)] });
    let penalty = 0.3;
    let (xi, e) = graphical_lasso(penalty, both.clone());
    let between = || (0..20).flat_map(|i| (20..43).map(move |j| (i, j)));
    assert!(between().all(|place| e[place].abs() < penalty), "the groups are nearly independent");
    assert!(between().all(|place| xi[place].abs() < 1e-8));
    for group in [0..20, 20..43] {
        let alone = Matrix::from_fn(300, group.len(), |t, i| both[(t, group.start + i)]);
        let (alone, _) = graphical_lasso(penalty, alone);
        let inside = Matrix::from_fn(group.len(), group.len(), |i, j| xi[(group.start + i, group.start + j)]);
        assert!(inside.entries().iter().filter(|x| **x != 0.0).count() > group.len(), "some are correlated");
        let difference = inside.map(|i, j, x| x - alone[(i, j)]).max_abs();
        assert!(difference < 1e-6, "{difference}");
    }
}
