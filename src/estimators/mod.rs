//! From a window of returns to a covariance. Each family of estimators has a folder, each estimator a file and a line
//! in [`ALL`].
//!
//! # What an estimator sees
//!
//! An estimator sees a `Window`: returns, and moments and decompositions that are computed once and shared by all
//! estimators. Three kinds need nothing else: maps of eigenvalues (`EigenvalueCleaner`, which `rotation_invariant.rs`
//! applies to the covariance or the correlation), linear shrinkage (`linear/mod.rs`: one pass over the data for any
//! target), and filters of the correlation (`rescaled`). Other estimators learn from earlier data in `Calibration`: a
//! `Past` that ends before the calendar year in which they are used, and the members that the universe rules chose on
//! its days. `Definite` says for which shapes the result can be inverted, so that an experiment that cannot work is
//! refused before it starts.
//!
//! A [`composition`] gives an estimator a memory (weights of the days, which the window carries), devolatilised returns, and
//! volatilities of another model; [`modules`] are those of trained networks. A
//! [`combination`] is a mean of several.
//!
//! Random draws (`bahc`, `nercome`, `average_oracle`) are functions of the seed and the number of the draw. They are
//! computed a few at a time and added up in order, so that the number of threads changes no byte of the result.

pub mod combination;
pub mod composition;
pub mod dynamic;
pub mod empirical;
pub mod factor;
pub mod hierarchical;
mod isotonic;
pub mod linear;
pub mod memory;
pub mod modules;
pub mod moments;
pub mod nonlinear;
pub mod random_matrix;
mod repair;
mod rotation_invariant;
mod search;
pub mod sparse;
pub mod volatility;
mod window;

pub use dynamic::cm_iewma::CmIewma;
pub use dynamic::composite_likelihood::CompositeLikelihood;
pub use dynamic::dcc_qis::DccQis;
pub use dynamic::garch::Garch;
pub use empirical::average_oracle::AverageOracle;
pub use empirical::cv_oracle::{CvOracle, Share};
pub use empirical::nercome::{Nercome, Split};
pub use factor::efm::OneFactor;
pub use factor::factors::{FactorRule, n_factors};
pub use factor::pca_k::PrincipalComponents;
pub use factor::poet::{Poet, Threshold, ThresholdRule};
pub use hierarchical::hierarchy::{Hierarchy, Resampling};
pub use linear::lw_const_corr::LedoitWolfConstantCorrelation;
pub use linear::lw_diagonal::LedoitWolfDiagonal;
pub use linear::lw_identity::LedoitWolfIdentity;
pub use linear::lw_market::LedoitWolfMarket;
pub use linear::lw_two_param::LedoitWolfTwoParameters;
pub use linear::oas::GaussianShrinkage;
pub use moments::ewma::{Ewma, Start};
pub use moments::regime_ewma::{CorrelationHalfLife, RegimeEwma};
pub use moments::rm2006::RiskMetrics2006;
pub use moments::sample::Sample;
pub use nonlinear::gis::Gis;
pub use nonlinear::lis::Lis;
pub use nonlinear::nls_analytical::AnalyticalShrinkage;
pub use nonlinear::qis::Qis;
pub use nonlinear::stein_haff::SteinHaff;
pub use random_matrix::clip::{Clip, Keep};
pub use random_matrix::hard_threshold::HardThreshold;
pub use random_matrix::mp_denoise::{Detone, Edge, MpDenoise, TargetShrink};
pub use random_matrix::power_map::PowerMap;
pub use random_matrix::rie::Rie;
pub use random_matrix::spiked::{Spiked, SpikedLoss};
pub use rotation_invariant::{Diagonal, RotationInvariant, Space};
pub use sparse::gerber::{Gerber, Statistic};
pub use sparse::glasso::GraphicalLasso;
pub use window::{Centring, Count, Window, eigenvalue_map};

use linear::Centred;

use crate::error::{Error, Result};
use crate::linalg::{Covariance, Matrix};
use crate::panel::{AssetId, Past};
use crate::registry::{self, Choice, defaults, none};
use crate::universe::Missing;

/// A covariance estimator.
///
/// ```
/// use minvar::prelude::*;
///
/// /// The sample covariance without its correlations.
/// struct Variances;
///
/// impl CovarianceEstimator for Variances {
///     fn estimate(&self, window: &Window) -> Result<Covariance> {
///         let sample = window.covariance(Centring::Mean);
///         Covariance::new(sample.map(|i, j, s| if i == j { s } else { 0.0 }))
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let window = Window::new(SyntheticMarket::complete(30, 20).returns()?)?; // more assets than days
/// assert_eq!(Variances.estimate(&window)?.matrix()[(0, 1)], 0.0);
/// # Ok(())
/// # }
/// ```
pub trait CovarianceEstimator: Send + Sync {
    /// Estimates Σ (N × N, of daily returns) from a complete window of daily returns (T × N, oldest first). Fails if
    /// the estimate is undefined for the window.
    fn estimate(&self, window: &Window) -> Result<Covariance>;
}

/// A map of eigenvalues; [`RotationInvariant`] turns it into an estimator.
///
/// ```
/// use minvar::prelude::*;
///
/// /// Every eigenvalue half-way to their mean.
/// struct HalfWay;
///
/// impl EigenvalueCleaner for HalfWay {
///     fn clean(&self, eigenvalues: &[f64], _: f64) -> Result<Vec<f64>> {
///         let mean = eigenvalues.iter().sum::<f64>() / eigenvalues.len() as f64;
///         Ok(eigenvalues.iter().map(|lambda| (lambda + mean) / 2.0).collect())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
/// let sigma = RotationInvariant::on_covariance(HalfWay, Centring::Mean).estimate(&window)?;
/// assert!((sigma.matrix().trace() / window.covariance(Centring::Mean).trace() - 1.0).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
pub trait EigenvalueCleaner: Send + Sync {
    /// Maps eigenvalues λ (N, ascending, not negative) of a matrix estimated from `n_observations` to ξ (N), in the
    /// same order.
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>>;
}

/// Information from which an estimator may be built, besides its parameters.
#[derive(Clone, Copy)]
pub struct Calibration<'a> {
    /// Data from before its windows; `None` if there is only a matrix of returns.
    pub history: Option<History<'a>>,
    /// Number of days for which a portfolio is held.
    pub horizon: usize,
    /// Seed of the estimator's random streams.
    pub seed: u64,
    /// The trained networks whose modules are parts of the estimator; `None` if there are none.
    pub networks: Option<&'a modules::Networks>,
}

impl Default for Calibration<'_> {
    /// No history, portfolios held for five days, seed 0.
    fn default() -> Self {
        Self { history: None, horizon: 5, seed: 0, networks: None }
    }
}

impl<'a> Calibration<'a> {
    /// The history; an error for an estimator that needs one if there is none.
    fn history(&self, estimator: &'static str) -> Result<&History<'a>> {
        self.history.as_ref().ok_or_else(|| Error::Undefined {
            what: estimator,
            why: "it learns from the days before its windows, but none are given: fit it to a history".to_string(),
        })
    }
}

/// What was known before the first window of an estimator. `past` gives no access to later days.
#[derive(Clone, Copy)]
pub struct History<'a> {
    /// Everything known before the calendar year in which the estimator is used.
    pub past: Past<'a>,
    /// Returns the members that the universe rules choose at the end of an earlier past.
    pub members: &'a (dyn Fn(Past<'_>) -> Result<Vec<AssetId>> + Sync),
    /// How a missing return of a member is filled.
    pub missing: Missing,
    /// Number of days in a window.
    pub lookback: usize,
    /// How the estimator sees the returns (T × N) of a window, with a memory or devolatilised; as they are if `None`.
    pub seen: Option<&'a (dyn Fn(Matrix) -> Result<Window> + Sync)>,
}

impl<'a> History<'a> {
    /// A history in which every asset is a member on every day.
    pub fn of_all_assets(past: Past<'a>, lookback: usize) -> Self {
        fn all(past: Past<'_>) -> Result<Vec<AssetId>> {
            Ok((0..past.n_assets()).collect())
        }
        Self { past, members: &all, missing: Missing::Zero, lookback, seen: None }
    }

    /// The window of these returns, as the estimator sees it.
    fn window(&self, returns: Matrix) -> Result<Window> {
        match self.seen {
            Some(see) => see(returns),
            None => Window::new(returns),
        }
    }
}

/// Shapes for which an estimate exists and is positive definite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definite {
    /// Positive definite for any number of assets and days.
    Always,
    /// Positive definite with fewer assets than days, singular otherwise.
    BelowT,
    /// Positive definite with fewer assets than days, an error otherwise.
    OnlyBelowT,
    /// Never positive definite: singular by construction.
    Never,
}

/// An estimator as experiments name it.
pub struct RegisteredEstimator {
    /// The name in experiment files, tables and tests.
    pub name: &'static str,
    /// Authors and year.
    pub reference: &'static str,
    /// Shapes for which the estimate is positive definite.
    pub definite: Definite,
    /// The parameters with their defaults.
    pub parameters: fn() -> toml::Table,
    /// Builds the estimator from its parameters and a calibration.
    pub fit: Fit,
}

/// The constructor of a [`RegisteredEstimator`].
pub type Fit = fn(&Choice, &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>>;

use Definite::{Always, BelowT, Never, OnlyBelowT};
use rotation_invariant::{OnCorrelation, OnCovariance};

/// Every estimator. To add one: write its file and its `mod` line in the folder of its family, and add its line here.
#[rustfmt::skip]
pub const ALL: &[RegisteredEstimator] = &[
    RegisteredEstimator { name: "sample", reference: "unbiased sample covariance", definite: BelowT, parameters: defaults::<Centred>, fit: moments::sample::fit },
    RegisteredEstimator { name: "ewma", reference: "RiskMetrics 1994", definite: BelowT, parameters: defaults::<moments::ewma::Parameters>, fit: moments::ewma::fit },
    RegisteredEstimator { name: "rm2006", reference: "Zumbach 2007", definite: BelowT, parameters: none, fit: moments::rm2006::fit },
    RegisteredEstimator { name: "regime_ewma", reference: "Paleologo 2025, as in skfolio", definite: BelowT, parameters: defaults::<moments::regime_ewma::Parameters>, fit: moments::regime_ewma::fit },
    RegisteredEstimator { name: "cm_iewma", reference: "Johansson, Ogut, Pelger, Schmelzer, Boyd 2023", definite: OnlyBelowT, parameters: defaults::<dynamic::cm_iewma::Parameters>, fit: dynamic::cm_iewma::fit },
    RegisteredEstimator { name: "lw_identity", reference: "Ledoit and Wolf 2004", definite: Always, parameters: defaults::<linear::lw_identity::Parameters>, fit: linear::lw_identity::fit },
    RegisteredEstimator { name: "lw_two_param", reference: "Ledoit and Wolf 2004", definite: Always, parameters: defaults::<Centred>, fit: linear::lw_two_param::fit },
    RegisteredEstimator { name: "lw_const_corr", reference: "Ledoit and Wolf 2004", definite: Always, parameters: defaults::<Centred>, fit: linear::lw_const_corr::fit },
    RegisteredEstimator { name: "lw_diagonal", reference: "Ledoit and Wolf 2004", definite: Always, parameters: defaults::<Centred>, fit: linear::lw_diagonal::fit },
    RegisteredEstimator { name: "lw_market", reference: "Ledoit and Wolf 2003", definite: Always, parameters: defaults::<Centred>, fit: linear::lw_market::fit },
    RegisteredEstimator { name: "oas", reference: "Chen, Wiesel, Eldar, Hero 2010, as in scikit-learn", definite: Always, parameters: none, fit: linear::oas::fit },
    RegisteredEstimator { name: "oas_paper", reference: "Chen, Wiesel, Eldar, Hero 2010", definite: Always, parameters: none, fit: linear::oas::fit_paper },
    RegisteredEstimator { name: "rblw", reference: "Chen, Wiesel, Eldar, Hero 2010", definite: Always, parameters: none, fit: linear::oas::fit_rao_blackwell },
    RegisteredEstimator { name: "nls_analytical", reference: "Ledoit and Wolf 2020", definite: Always, parameters: defaults::<OnCovariance>, fit: nonlinear::nls_analytical::fit },
    RegisteredEstimator { name: "qis", reference: "Ledoit and Wolf 2022", definite: Always, parameters: defaults::<nonlinear::qis::Parameters>, fit: nonlinear::qis::fit },
    RegisteredEstimator { name: "lis", reference: "Ledoit and Wolf 2022", definite: OnlyBelowT, parameters: defaults::<OnCovariance>, fit: nonlinear::lis::fit },
    RegisteredEstimator { name: "gis", reference: "Ledoit and Wolf 2022", definite: OnlyBelowT, parameters: defaults::<OnCovariance>, fit: nonlinear::gis::fit },
    RegisteredEstimator { name: "stein_haff", reference: "Stein 1975; Haff 1991", definite: OnlyBelowT, parameters: none, fit: nonlinear::stein_haff::fit },
    RegisteredEstimator { name: "rie", reference: "Bun, Bouchaud, Potters 2016", definite: OnlyBelowT, parameters: defaults::<OnCorrelation>, fit: random_matrix::rie::fit },
    RegisteredEstimator { name: "rie_iw", reference: "Bun, Bouchaud, Potters 2017", definite: OnlyBelowT, parameters: defaults::<OnCorrelation>, fit: random_matrix::rie::fit_inverse_wishart },
    RegisteredEstimator { name: "clip", reference: "Laloux, Cizeau, Bouchaud, Potters 1999", definite: Always, parameters: defaults::<random_matrix::clip::Parameters>, fit: random_matrix::clip::fit },
    RegisteredEstimator { name: "clip_market", reference: "Laloux, Cizeau, Bouchaud, Potters 1999", definite: Always, parameters: defaults::<OnCorrelation>, fit: random_matrix::clip::fit_market },
    RegisteredEstimator { name: "mp_denoise", reference: "López de Prado 2020", definite: OnlyBelowT, parameters: defaults::<random_matrix::mp_denoise::DenoiseParameters>, fit: random_matrix::mp_denoise::fit },
    RegisteredEstimator { name: "target_shrink", reference: "López de Prado 2020", definite: OnlyBelowT, parameters: defaults::<random_matrix::mp_denoise::ShrinkParameters>, fit: random_matrix::mp_denoise::fit_target_shrink },
    RegisteredEstimator { name: "detone", reference: "López de Prado 2020", definite: Never, parameters: none, fit: random_matrix::mp_denoise::fit_detone },
    RegisteredEstimator { name: "spiked", reference: "Donoho, Gavish, Johnstone 2018", definite: OnlyBelowT, parameters: defaults::<random_matrix::spiked::Parameters>, fit: random_matrix::spiked::fit },
    RegisteredEstimator { name: "hard_threshold", reference: "Gavish and Donoho 2014", definite: OnlyBelowT, parameters: defaults::<OnCorrelation>, fit: random_matrix::hard_threshold::fit },
    RegisteredEstimator { name: "power_map", reference: "Guhr and Kälber 2003", definite: Always, parameters: defaults::<random_matrix::power_map::Parameters>, fit: random_matrix::power_map::fit },
    RegisteredEstimator { name: "average_oracle", reference: "Bongiorno, Challet, Loeper 2023", definite: Always, parameters: defaults::<empirical::average_oracle::Parameters>, fit: empirical::average_oracle::fit },
    RegisteredEstimator { name: "cv_oracle", reference: "Bartz 2016", definite: Always, parameters: defaults::<empirical::cv_oracle::Parameters>, fit: empirical::cv_oracle::fit },
    RegisteredEstimator { name: "nercome", reference: "Lam 2016", definite: Always, parameters: defaults::<empirical::nercome::Parameters>, fit: empirical::nercome::fit },
    RegisteredEstimator { name: "hc_single", reference: "Tumminello, Lillo, Mantegna 2007", definite: Always, parameters: none, fit: hierarchical::hierarchy::fit_single },
    RegisteredEstimator { name: "hc_average", reference: "Tumminello, Lillo, Mantegna 2007", definite: Always, parameters: none, fit: hierarchical::hierarchy::fit_average },
    RegisteredEstimator { name: "hc_complete", reference: "Tumminello, Lillo, Mantegna 2007", definite: Always, parameters: none, fit: hierarchical::hierarchy::fit_complete },
    RegisteredEstimator { name: "bahc", reference: "Bongiorno and Challet 2021", definite: Always, parameters: defaults::<hierarchical::hierarchy::Bootstraps>, fit: hierarchical::hierarchy::fit_bahc },
    RegisteredEstimator { name: "k_bahc", reference: "Bongiorno and Challet 2022", definite: Always, parameters: defaults::<hierarchical::hierarchy::Recursions>, fit: hierarchical::hierarchy::fit_k_bahc },
    RegisteredEstimator { name: "pca_k", reference: "Connor and Korajczyk 1986", definite: Always, parameters: defaults::<factor::pca_k::Parameters>, fit: factor::pca_k::fit },
    RegisteredEstimator { name: "efm", reference: "Sharpe 1963", definite: Always, parameters: none, fit: factor::efm::fit },
    RegisteredEstimator { name: "poet", reference: "Fan, Liao, Mincheva 2013", definite: Always, parameters: defaults::<factor::poet::Parameters>, fit: factor::poet::fit },
    RegisteredEstimator { name: "gerber", reference: "Gerber, Markowitz et al. 2022", definite: Always, parameters: defaults::<sparse::gerber::Parameters>, fit: sparse::gerber::fit },
    RegisteredEstimator { name: "glasso", reference: "Friedman, Hastie, Tibshirani 2008", definite: Always, parameters: defaults::<sparse::glasso::Parameters>, fit: sparse::glasso::fit },
    RegisteredEstimator { name: "dcc_qis", reference: "Engle, Ledoit, Wolf 2019; Ledoit and Wolf 2022", definite: Always, parameters: defaults::<dynamic::dcc_qis::Parameters>, fit: dynamic::dcc_qis::fit },
];

/// The registered estimator of that name; an unknown name is an error that suggests a similar one.
pub fn named(name: &str) -> Result<&'static RegisteredEstimator> {
    registry::find("estimator", ALL, |entry| entry.name, name)
}

/// Builds an estimator from its name and parameters, as written for `--estimator`. Refuses estimators that learn from
/// a history, unknown names and parameters, and values out of range.
///
/// ```
/// use minvar::prelude::*;
/// # fn main() -> Result<()> {
/// let returns = SyntheticMarket::complete(20, 60).returns()?; // 60 days of 20 assets
/// let poet = minvar::estimators::build("poet,factors=3")?;
/// assert_eq!(poet.estimate(&Window::new(returns)?)?.n_assets(), 20);
/// # Ok(())
/// # }
/// ```
pub fn build(words: &str) -> Result<Box<dyn CovarianceEstimator>> {
    fit(words, &Calibration::default())
}

/// [`build`] with a calibration, so that estimators that learn from a history can be built, too.
pub fn fit(words: &str, calibration: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let choice = Choice::from_words(words)?;
    composition::build(&choice, calibration)
}
