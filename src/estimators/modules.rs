//! The modules of a trained network as parts of a composition.
//!
//! ```text
//! memory       y_t = α_t R tanhc(β_t R), R in annual units: the lag transform, clipping included; flat from there on
//! recurrent    ξ_k = 1/μ_k of the eigenvalues λ_k of whatever correlation it is given: recurrence and head
//! volatility   1/d_i² of the volatilities s_i of y, scaled to the trace of the sample covariance
//! ```
//! Together the three of one network give its covariance, if its cleaned correlation has a unit diagonal; two of three, with an analytic
//! part in place of the third, are its ablations. Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.
//!
//! This room knows no network: whoever can read or train one passes its modules in a `Calibration`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::estimators::combination::Combination;
use crate::estimators::volatility::Volatility;
use crate::estimators::{CovarianceEstimator, Diagonal, EigenvalueCleaner, RotationInvariant, Window};
use crate::linalg::{Matrix, Repair};
use crate::registry::{Choice, NAMING_KEYS, Part};

/// The cleaner of a trained network as an estimator: `{ name = "recurrent", model = "FILE" }`.
pub const RECURRENT: &str = "recurrent";

/// A trained network, module by module.
///
/// ```
/// use std::sync::Arc;
///
/// use minvar::estimators::modules::{Modules, Networks, key_of, networks_of};
/// use minvar::estimators::{Calibration, composition};
/// use minvar::prelude::*;
/// use minvar::registry::Choice;
///
/// /// Clips returns at five percent and changes nothing else.
/// struct Clipping;
///
/// impl Modules for Clipping {
///     fn transformed(&self, returns: &Matrix) -> Result<Matrix> {
///         Ok(returns.clone().map(|_, _, x| x.clamp(-0.05, 0.05)))
///     }
///
///     fn cleaned(&self, eigenvalues: &[f64], _: f64) -> Result<Vec<f64>> {
///         Ok(eigenvalues.to_vec())
///     }
///
///     fn variances(&self, returns: &Matrix) -> Result<Vec<f64>> {
///         Ok(returns.columns().map(|x| x.iter().map(|x| x * x).sum()).collect())
///     }
///
///     fn diagonal(&self) -> Diagonal {
///         Diagonal::Reset
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let choice = Choice::from_words("qis,memory=model(clipping)")?;
/// let clipping: Arc<dyn Modules> = Arc::new(Clipping);
/// let networks: Networks = networks_of(&choice)?.iter().map(|part| (key_of(part), clipping.clone())).collect();
/// let estimator = composition::build(&choice, &Calibration { networks: Some(&networks), ..Calibration::default() })?;
/// let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
/// assert_eq!(estimator.estimate(&window)?.n_assets(), 20);
/// # Ok(())
/// # }
/// ```
pub trait Modules: Send + Sync {
    /// Returns (T × N) after the lag transform.
    fn transformed(&self, returns: &Matrix) -> Result<Matrix>;

    /// Cleaned eigenvalues (N, with sum N) from those of a correlation (N, ascending) that was estimated from so many days.
    fn cleaned(&self, eigenvalues: &[f64], n_days: f64) -> Result<Vec<f64>>;

    /// Variances (N) from returns (T × N), up to a factor.
    fn variances(&self, returns: &Matrix) -> Result<Vec<f64>>;

    /// What happens to the diagonal of its cleaned correlation.
    fn diagonal(&self) -> Diagonal;
}

/// The modules of networks, by [`key_of`] the parts that name them.
pub type Networks = BTreeMap<String, Arc<dyn Modules>>;

/// The key of a part in [`Networks`].
pub fn key_of(part: &Part) -> String {
    toml::Value::from(part.clone()).to_string()
}

/// The trained networks that a choice uses, whole or in part, in the order memory, cleaner, volatility; of a combination, those of
/// its members.
pub fn networks_of(choice: &Choice) -> Result<Vec<Part>> {
    if let Some(combination) = Combination::of(choice)? {
        let each = combination.members.iter().map(networks_of).collect::<Result<Vec<_>>>()?;
        return Ok(each.into_iter().flatten().collect());
    }
    let named = |key: &str| -> Result<Option<Part>> {
        let part: Option<Part> = choice.parameter(key)?;
        Ok(part.filter(is_network))
    };
    let whole = NAMING_KEYS.contains(&choice.name.as_str());
    if let Some(part) = PARTS.iter().find(|key| whole && choice.has(key)) {
        let message = format!(
            "a whole network has a memory and a volatility of its own and takes no '{part}'; its cleaner alone is {{ name = \"recurrent\", … }}"
        );
        return Err(Error::Config { file: format!("'{}'", choice.label), message });
    }
    let cleaner = match (whole, choice.name == RECURRENT) {
        (true, _) => Some(Part::of_network(choice)?),
        (_, true) => Some(network_of(choice)?),
        _ => None,
    };
    Ok([named("memory")?, cleaner, named("volatility")?].into_iter().flatten().collect())
}

/// Whether a part is a module of a trained network.
pub(super) fn is_network(part: &Part) -> bool {
    NAMING_KEYS.contains(&part.name.as_str())
}

/// The keys of an estimator that name its parts.
pub const PARTS: [&str; 4] = ["memory", "count", "devolatilised", "volatility"];

/// The keys of a choice that name a network.
const KEYS: [&str; 4] = ["model", "train", "seed", "dtype"];

/// The network of the estimator `recurrent`, which has no other keys but those of its parts.
fn network_of(choice: &Choice) -> Result<Part> {
    let (rest, network) = choice.split(&PARTS).0.split(&KEYS);
    rest.without_parameters()?;
    Part::of_network(&network)
}

/// The modules of a part that names a network.
pub(super) fn find<'a>(networks: Option<&'a Networks>, part: &Part) -> Result<&'a Arc<dyn Modules>> {
    networks.and_then(|networks| networks.get(&key_of(part))).ok_or_else(|| Error::Undefined {
        what: "a module of a trained network",
        why: format!("the network of {} was not read", key_of(part)),
    })
}

/// The estimator `recurrent`.
pub(super) fn recurrent(choice: &Choice, networks: Option<&Networks>) -> Result<Box<dyn CovarianceEstimator>> {
    let modules = find(networks, &network_of(choice)?)?.clone();
    let diagonal = modules.diagonal();
    Ok(Box::new(RotationInvariant::on_correlation(Recurrent(modules), diagonal)))
}

struct Recurrent(Arc<dyn Modules>);

impl EigenvalueCleaner for Recurrent {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        self.0.cleaned(eigenvalues, n_observations)
    }
}

/// The marginal volatility of a network, at the level of the sample.
pub(super) struct MarginalVolatility(pub Arc<dyn Modules>);

impl Volatility for MarginalVolatility {
    fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)> {
        let mut variances = self.0.variances(window.returns())?;
        let sample: f64 = window.volatilities().iter().map(|sd| sd * sd).sum();
        let level = sample / variances.iter().sum::<f64>();
        variances.iter_mut().for_each(|variance| *variance *= level);
        Ok((variances, None))
    }
}
