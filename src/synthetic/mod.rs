//! A synthetic market, free of any data licence, whose true conditional covariance is known on every day.
//!
//! ```text
//! r_it = p_i + β_it m_t + γ_it s_kt + e_it           asset i of sector k on day t, never below −0.95
//! m_t  = √(v_t) z,  s_kt = √(v_kt) z,  e_it = √(v_it) z     z Student-t, unit variance
//! v    = c_t h,     h' = ω + a (r²/c) + b h          GARCH(1,1), c_t ≥ 1 the variance factor of the regime
//! β' − β̄ = φ (β − β̄) + noise                         slow autoregressions, γ likewise
//! Σ_t  = v_t β_t β_t' + Σ_k v_kt γ_kt γ_kt' + diag(v_it)
//! ```
//! The premium p_i is in proportion to the mean loading of the asset. Two regimes alternate as a Markov chain. The
//! stressed regime multiplies the market variance more than the others and moves the loadings β half-way to one, so
//! correlations rise with volatility. Assets list and delist on random days, and a few returns are missing. GARCH
//! after Bollerslev (1986); the parameters are our choice, near those of large US stocks.

mod market;
mod truth;

use serde::{Deserialize, Serialize};

pub use truth::Truth;

use crate::calendar::{Date, toml_date};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::memory;
use crate::panel::Panel;

/// `[data.synthetic]` of an experiment, and the options of `minvar data synthesize`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SyntheticMarket {
    /// Number of assets over the whole history, whether listed or not.
    pub n_assets: usize,
    /// Number of trading days (weekdays).
    pub n_days: usize,
    /// Number of sectors, each with a factor of its own.
    pub n_sectors: usize,
    /// Share of the assets that are listed on the first day; the others are listed on random days.
    pub listed_at_start: f64,
    /// Probability that a listed asset delists within a year.
    pub delisting_rate_annual: f64,
    /// Probability that a return is missing.
    pub missing_rate: f64,
    /// Seed of every random stream.
    pub seed: u64,
    /// The first decision date of an experiment on this market if `[walk_forward]` gives none.
    #[serde(skip_serializing, with = "toml_date::optional")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<toml_date::Written>"))]
    pub decisions_from: Option<Date>,
    /// The last date of an experiment on this market if `[walk_forward]` gives none.
    #[serde(skip_serializing, with = "toml_date::optional")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<toml_date::Written>"))]
    pub decisions_to: Option<Date>,
}

impl Default for SyntheticMarket {
    fn default() -> Self {
        Self {
            n_assets: 1000,
            n_days: 2500,
            n_sectors: 10,
            listed_at_start: 0.8,
            delisting_rate_annual: 0.03,
            missing_rate: 0.0005,
            seed: 1,
            decisions_from: None,
            decisions_to: None,
        }
    }
}

impl SyntheticMarket {
    /// The first day of every synthetic panel.
    pub const FIRST_DATE: Date = jiff::civil::date(2000, 1, 3);

    /// A market in which every asset trades on every day.
    pub fn complete(n_assets: usize, n_days: usize) -> Self {
        Self {
            n_assets,
            n_days,
            listed_at_start: 1.0,
            delisting_rate_annual: 0.0,
            missing_rate: 0.0,
            ..Self::default()
        }
    }

    /// The daily returns (n_days × n_assets) of the market, NaN where missing. Fails like [`Self::simulate`].
    pub fn returns(&self) -> Result<Matrix> {
        let (panel, _) = self.simulate()?;
        Ok(panel.matrix(0..self.n_days))
    }

    /// Simulates the panel and its true covariances. Equal parameters give equal bytes on any number of threads.
    /// Fails for parameters out of range, or if the machine's memory is too small.
    pub fn simulate(&self) -> Result<(Panel, Truth)> {
        let check = |holds: bool, name: &'static str, range: &'static str, value: String| {
            if holds { Ok(()) } else { Err(Error::Parameter { name, range, value }) }
        };
        let share = |x: f64| (0.0..=1.0).contains(&x);
        check(self.n_assets > 0, "synthetic.n_assets", "at least 1", self.n_assets.to_string())?;
        check((1..=60_000).contains(&self.n_days), "synthetic.n_days", "in 1..=60000", self.n_days.to_string())?;
        check(self.n_sectors > 0, "synthetic.n_sectors", "at least 1", self.n_sectors.to_string())?;
        check(share(self.listed_at_start), "synthetic.listed_at_start", "in [0, 1]", self.listed_at_start.to_string())?;
        let rate = self.delisting_rate_annual;
        check((0.0..1.0).contains(&rate), "synthetic.delisting_rate_annual", "in [0, 1)", rate.to_string())?;
        // Returns, loadings, variances and six fields, first by asset and then combined; plus names and other small
        // data.
        let (assets, days, sectors) = (self.n_assets as f64, self.n_days as f64, self.n_sectors as f64);
        let what = format!("a market of {} assets, {} days and {} sectors", self.n_assets, self.n_days, self.n_sectors);
        memory::require(assets * (112.0 * days + 500.0) + 32.0 * sectors * days, &what)?;
        check(share(self.missing_rate), "synthetic.missing_rate", "in [0, 1]", self.missing_rate.to_string())?;
        market::simulate(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> SyntheticMarket {
        SyntheticMarket { n_assets: 40, n_days: 3000, n_sectors: 4, listed_at_start: 1.0, ..Default::default() }
    }

    #[test]
    fn equal_seeds_give_equal_panels_and_other_seeds_others() {
        let hash = |seed| {
            let (panel, _) = SyntheticMarket { seed, n_days: 50, ..small() }.simulate().unwrap();
            panel.content_hash().to_string()
        };
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn standardised_portfolio_returns_have_unit_variance_under_the_true_covariance() {
        let market = SyntheticMarket { delisting_rate_annual: 0.0, missing_rate: 0.0, ..small() };
        let (panel, truth) = market.simulate().unwrap();
        let members: Vec<usize> = (0..40).collect();
        for weights in [vec![1.0 / 40.0; 40], (0..40).map(|i| if i % 2 == 0 { 0.1 } else { -0.1 }).collect::<Vec<_>>()]
        {
            let squares = (0..panel.n_days()).map(|day| {
                let r: f64 = members.iter().map(|&a| weights[a] * panel.returns(a)[day]).sum();
                r * r / truth.covariance(day, &members).unwrap().variance_of(&weights)
            });
            let mean = squares.sum::<f64>() / panel.n_days() as f64;
            // 3,000 squared t-like values: the standard error of their mean is about 0.05.
            assert!((mean - 1.0).abs() < 0.2, "mean squared standardised return {mean}");
        }
    }

    #[test]
    fn volatilities_and_correlations_resemble_those_of_stocks() {
        let (panel, _) = small().simulate().unwrap();
        let volatility = |a: usize| {
            let present: Vec<f64> = panel.returns(a).iter().copied().filter(|r| !r.is_nan()).collect();
            (present.iter().map(|r| r * r).sum::<f64>() / present.len() as f64 * 252.0).sqrt()
        };
        let mean = (0..40).map(volatility).sum::<f64>() / 40.0;
        assert!((0.2..0.6).contains(&mean), "mean annual volatility {mean}");
    }
}
