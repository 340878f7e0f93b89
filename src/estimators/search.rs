//! Searches for a minimum: BFGS for a few coordinates with exact gradients, the Nelder–Mead simplex for two without
//! gradients.
//!
//! ```text
//! BFGS       x ← x − size · H g,  size = 1, ½, ¼ … until f falls by 10⁻⁴ of what the slope promises;  H ≈ the inverse Hessian
//! simplex    three vertices; the worst is reflected, expanded or contracted, else all shrink towards the best
//! ```
//! Nocedal, Wright (2006), "Numerical Optimization", chapters 3 and 6; Nelder, Mead (1965), "A simplex method for function
//! minimization".

const MOST_ITERATIONS: usize = 300;
/// A predicted gain below this ends the search.
const GAIN: f64 = 1e-9;
/// The longest step in a coordinate: for GARCH e² in ω, or half of the way from 0.88 to 0.98 in a logit.
const LONGEST_STEP: f64 = 2.0;
/// A squared gradient below this is zero up to rounding: the search is at a minimum.
const FLAT: f64 = 1e-6;

/// The inverse Hessian; `None` before it can be estimated, when the direction is that of steepest descent.
type Inverse<const N: usize> = Option<[[f64; N]; N]>;

/// The minimum value and its point for a function that also returns its gradient. Every coordinate stays between
/// −limit and limit. `None` if the search does not converge.
pub(super) fn bfgs<const N: usize>(
    f: impl Fn(&[f64; N]) -> (f64, [f64; N]),
    start: &[f64; N],
    limits: &[f64; N],
) -> Option<(f64, [f64; N])> {
    let mut at = *start;
    let (mut value, gradient) = f(&at);
    let mut gradient = inward(&at, gradient, limits);
    let mut inverse: Inverse<N> = None;
    for _ in 0..MOST_ITERATIONS {
        let direction = inverse.map_or(gradient, |inverse| times(&inverse, &gradient));
        let step: [f64; N] = std::array::from_fn(|k| {
            (-direction[k]).clamp(-LONGEST_STEP, LONGEST_STEP).clamp(-limits[k] - at[k], limits[k] - at[k])
        });
        let slope = dot(&step, &gradient);
        if -slope < GAIN && slope <= 0.0 {
            return Some((value, at));
        }
        match descent(&f, &at, value, &step, slope) {
            Some((next, next_value, next_gradient)) => {
                let next_gradient = inward(&next, next_gradient, limits);
                let moved = std::array::from_fn(|k| next[k] - at[k]);
                let turned = std::array::from_fn(|k| next_gradient[k] - gradient[k]);
                // Curvature learned while a coordinate was free is no longer valid once it rests at its limit.
                let rests = |at: &[f64; N], k: usize| at[k].abs() >= limits[k];
                let met_limit = (0..N).any(|k| rests(&next, k) && !rests(&at, k));
                inverse = if met_limit { None } else { updated(inverse, &moved, &turned) };
                (at, value, gradient) = (next, next_value, next_gradient);
            }
            // A bad inverse Hessian is dropped. If steepest descent fails too, it has met rounding or a bad model.
            None if inverse.is_some() => inverse = None,
            None => return (dot(&gradient, &gradient) < FLAT).then_some((value, at)),
        }
    }
    None
}

/// The gradient with zeros for the coordinates that descent would push beyond their limits.
fn inward<const N: usize>(at: &[f64; N], gradient: [f64; N], limits: &[f64; N]) -> [f64; N] {
    let pushes = |k: usize| at[k].abs() >= limits[k] && at[k] * gradient[k] < 0.0;
    std::array::from_fn(|k| if pushes(k) { 0.0 } else { gradient[k] })
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times<const N: usize>(matrix: &[[f64; N]; N], v: &[f64; N]) -> [f64; N] {
    std::array::from_fn(|k| dot(&matrix[k], v))
}

/// The first point that lowers the function by enough as the step is halved repeatedly, with value and gradient.
fn descent<const N: usize>(
    f: &impl Fn(&[f64; N]) -> (f64, [f64; N]),
    at: &[f64; N],
    value: f64,
    step: &[f64; N],
    slope: f64,
) -> Option<([f64; N], f64, [f64; N])> {
    if slope >= 0.0 {
        return None;
    }
    let halvings = std::iter::successors(Some(1.0), |size| Some(0.5 * size)).take(34);
    let point = |size: f64| {
        let next = std::array::from_fn(|k| at[k] + size * step[k]);
        let (next_value, next_gradient) = f(&next);
        let is_lower = next_value.is_finite() && next_value <= value + 1e-4 * size * slope;
        is_lower.then_some((next, next_value, next_gradient))
    };
    halvings.into_iter().find_map(point)
}

/// The BFGS update of the inverse Hessian; it is left unchanged if the slope does not rise along the step.
fn updated<const N: usize>(inverse: Inverse<N>, moved: &[f64; N], turned: &[f64; N]) -> Inverse<N> {
    let curvature = dot(moved, turned);
    if curvature <= 1e-12 {
        return inverse;
    }
    let scale = curvature / dot(turned, turned);
    let diagonal = || std::array::from_fn(|i| std::array::from_fn(|j| if i == j { scale } else { 0.0 }));
    let mut inverse = inverse.unwrap_or_else(diagonal);
    let image = times(&inverse, turned);
    let factor = (1.0 + dot(turned, &image) / curvature) / curvature;
    for i in 0..N {
        for j in 0..N {
            let cross = image[i] * moved[j] + moved[i] * image[j];
            inverse[i][j] += factor * moved[i] * moved[j] - cross / curvature;
        }
    }
    Some(inverse)
}

const MOST_STEPS: usize = 400;

/// The minimum of a function of two numbers, from three vertices.
pub(super) fn simplex(f: impl Fn(f64, f64) -> f64, vertices: [(f64, f64); 3]) -> (f64, f64) {
    let vertex = |(a, b): (f64, f64)| (f(a, b), a, b);
    let mut simplex = vertices.map(vertex);
    for _ in 0..MOST_STEPS {
        simplex.sort_by(|x, y| x.0.total_cmp(&y.0));
        let [low, middle, high] = simplex;
        let spread = (high.1 - low.1).abs().max((high.2 - low.2).abs()).max((middle.1 - low.1).abs());
        if high.0 - low.0 <= 1e-13 * low.0.abs() && spread < 1e-4 || spread < 1e-8 {
            break;
        }
        let centre = ((low.1 + middle.1) / 2.0, (low.2 + middle.2) / 2.0);
        let along = |size: f64| vertex((centre.0 + size * (centre.0 - high.1), centre.1 + size * (centre.1 - high.2)));
        let reflected = along(1.0);
        simplex[2] = if reflected.0 < low.0 {
            let expanded = along(2.0);
            if expanded.0 < reflected.0 { expanded } else { reflected }
        } else if reflected.0 < middle.0 {
            reflected
        } else {
            let contracted = if reflected.0 < high.0 { along(0.5) } else { along(-0.5) };
            if contracted.0 < high.0.min(reflected.0) {
                contracted
            } else {
                simplex[1] = vertex(((low.1 + middle.1) / 2.0, (low.2 + middle.2) / 2.0));
                vertex(((low.1 + high.1) / 2.0, (low.2 + high.2) / 2.0))
            }
        };
    }
    let (_, a, b) = simplex.into_iter().min_by(|x, y| x.0.total_cmp(&y.0)).expect("three vertices");
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley, with its gradient.
    fn valley(x: &[f64; 2]) -> (f64, [f64; 2]) {
        let (bend, rest) = (x[1] - x[0] * x[0], 1.0 - x[0]);
        (100.0 * bend * bend + rest * rest, [-400.0 * bend * x[0] - 2.0 * rest, 200.0 * bend])
    }

    #[test]
    fn both_find_the_end_of_a_bent_valley() {
        let (value, at) = bfgs(valley, &[-1.2, 1.0], &[25.0; 2]).unwrap();
        assert!(value < 1e-8 && (at[0] - 1.0).abs() < 1e-3, "{value} at {at:?}");
        let (a, b) = simplex(|a, b| valley(&[a, b]).0, [(-1.2, 1.0), (-1.0, 1.0), (-1.2, 1.3)]);
        assert!((a - 1.0).abs() < 1e-4 && (b - 1.0).abs() < 1e-4, "{a} {b}");
    }

    #[test]
    fn a_minimum_outside_the_limits_is_met_at_them() {
        let (_, at) = bfgs(valley, &[0.0, 0.0], &[0.5, 25.0]).unwrap();
        assert!((at[0] - 0.5).abs() < 1e-12 && (at[1] - 0.25).abs() < 1e-4, "{at:?}");
    }
}
