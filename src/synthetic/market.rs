//! Simulation of a [`SyntheticMarket`]: first the factors, then each asset from its own random stream.

use std::collections::BTreeMap;

use rand::rngs::Xoshiro256PlusPlus as Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal, StudentT};
use rayon::prelude::*;

use crate::calendar::Calendar;
use crate::error::Result;
use crate::linalg::Matrix;
use crate::panel::{Asset, Field, Panel};
use crate::synthetic::{SyntheticMarket, Truth};

/// Degrees of freedom of all shocks.
const DEGREES_OF_FREEDOM: f64 = 5.0;
/// The fields of a synthetic market, in the order in which the values of a day are stored.
const FIELDS: [Field; 6] =
    [Field::DollarVolume, Field::High, Field::Low, Field::Price, Field::MarketValue, Field::SharesOutstanding];
/// Long-run daily volatility of the market.
const MARKET_VOLATILITY: f64 = 0.010;
/// Long-run daily volatility of a sector.
const SECTOR_VOLATILITY: f64 = 0.006;
/// Mean daily return per unit of market loading.
const MARKET_PREMIUM: f64 = 0.0003;
/// Daily persistence of the loadings: a half-life of about a year and a half.
const LOADING_PERSISTENCE: f64 = 0.998;
/// Factors by which the stressed regime multiplies the variances of market, sectors and assets' own shocks.
const STRESS_MARKET: f64 = 5.0;
const STRESS_SECTOR: f64 = 2.0;
const STRESS_OWN: f64 = 1.5;
/// In the stressed regime market loadings move this share of the way to one, so low-beta assets offer less
/// protection.
const STRESS_CONVERGENCE: f64 = 0.5;
/// Daily probabilities of entering and leaving the stressed regime.
const ENTER_STRESS: f64 = 1.0 / 500.0;
const LEAVE_STRESS: f64 = 1.0 / 50.0;

/// GARCH(1,1) with unconditional variance 1.
struct Garch {
    variance: f64,
    reaction: f64,
    persistence: f64,
}

impl Garch {
    fn new(reaction: f64, persistence: f64) -> Self {
        Self { variance: 1.0, reaction, persistence }
    }

    /// Updates the variance after the standardised shock `z`.
    fn update(&mut self, z: f64) {
        let mean_reversion = 1.0 - self.reaction - self.persistence;
        self.variance *= self.reaction * z * z + self.persistence;
        self.variance += mean_reversion;
    }
}

/// A Student-t random number with unit variance.
fn shock(rng: &mut Rng, student: &StudentT<f64>) -> f64 {
    student.sample(rng) * ((DEGREES_OF_FREEDOM - 2.0) / DEGREES_OF_FREEDOM).sqrt()
}

fn normal(rng: &mut Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// The generator of a stream under a seed: stream 0 drives the factors, stream i + 1 drives asset i.
fn stream(seed: u64, number: u64) -> Rng {
    Rng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number))
}

/// Returns and variances of the market and the sectors.
struct Factors {
    stressed: Vec<bool>,
    market: Vec<f64>,
    market_variance: Vec<f64>,
    sectors: Matrix,
    sector_variance: Matrix,
}

fn factors(config: &SyntheticMarket, student: &StudentT<f64>) -> Factors {
    let rng = &mut stream(config.seed, 0);
    let mut stress = false;
    let stressed: Vec<bool> = (0..config.n_days)
        .map(|_| {
            stress = rng.random::<f64>() < if stress { 1.0 - LEAVE_STRESS } else { ENTER_STRESS };
            stress
        })
        .collect();
    let mut series = |volatility: f64, stress_factor: f64| -> (Vec<f64>, Vec<f64>) {
        let mut garch = Garch::new(0.08, 0.90);
        let days = stressed.iter().map(|&stress| {
            let variance = volatility.powi(2) * garch.variance * if stress { stress_factor } else { 1.0 };
            let z = shock(rng, student);
            garch.update(z);
            (variance.sqrt() * z, variance)
        });
        days.unzip()
    };
    let (market, market_variance) = series(MARKET_VOLATILITY, STRESS_MARKET);
    let (sectors, sector_variance): (Vec<_>, Vec<_>) =
        (0..config.n_sectors).map(|_| series(SECTOR_VOLATILITY, STRESS_SECTOR)).unzip();
    let matrix = |columns: Vec<Vec<f64>>| Matrix::from_column_major(config.n_days, config.n_sectors, columns.concat());
    Factors { stressed, market, market_variance, sectors: matrix(sectors), sector_variance: matrix(sector_variance) }
}

/// All series of one asset.
struct Simulated {
    asset: Asset,
    sector: usize,
    returns: Vec<f64>,
    market_loading: Vec<f64>,
    sector_loading: Vec<f64>,
    own_variance: Vec<f64>,
    fields: Vec<Vec<f32>>,
}

fn simulate_asset(config: &SyntheticMarket, factors: &Factors, student: &StudentT<f64>, number: usize) -> Simulated {
    let rng = &mut stream(config.seed, 1 + number as u64);
    let n_days = config.n_days;
    let sector = number % config.n_sectors;
    let mean_beta = (1.0 + 0.3 * normal(rng)).clamp(0.4, 2.2);
    let mean_gamma = (1.0 + 0.3 * normal(rng)).clamp(0.0, 2.5);
    let own_volatility = 0.015 * (0.35 * normal(rng)).exp() * (0.7 + 0.3 * mean_beta);
    let start = if rng.random::<f64>() < config.listed_at_start { 0 } else { rng.random_range(0..n_days) };
    let daily_hazard = 1.0 - (1.0 - config.delisting_rate_annual).powf(1.0 / 252.0);
    let life =
        if daily_hazard > 0.0 { (1.0 - rng.random::<f64>()).ln() / (1.0 - daily_hazard).ln() } else { f64::INFINITY };
    let end = if life < (n_days - start) as f64 { start + life as usize + 1 } else { n_days };
    let failure = end < n_days && rng.random::<f64>() < 0.4;
    let mut price = 40.0 * (0.6 * normal(rng)).exp();
    let shares = (17.0 + 1.2 * normal(rng)).exp();
    let daily_turnover = 0.006 * (0.5 * normal(rng)).exp();

    let noise = (1.0 - LOADING_PERSISTENCE.powi(2)).sqrt();
    let (mut beta, mut gamma) = (mean_beta, mean_gamma);
    let mut garch = Garch::new(0.05, 0.93);
    let mut simulated = Simulated {
        asset: Asset {
            symbol: format!("S{number:04}"),
            name: format!("Synthetic company {number}"),
            sector: format!("Sector {}", sector + 1),
            issuer: String::new(),
            delisting_return: (end < n_days).then_some(if failure { -0.3 } else { 0.0 }),
            venue: None,
            left: None,
        },
        sector,
        returns: Vec::with_capacity(n_days),
        market_loading: Vec::with_capacity(n_days),
        sector_loading: Vec::with_capacity(n_days),
        own_variance: Vec::with_capacity(n_days),
        fields: vec![Vec::with_capacity(n_days); FIELDS.len()],
    };
    for day in 0..n_days {
        beta = mean_beta + LOADING_PERSISTENCE * (beta - mean_beta) + 0.2 * noise * normal(rng);
        gamma = mean_gamma + LOADING_PERSISTENCE * (gamma - mean_gamma) + 0.25 * noise * normal(rng);
        let (stress, convergence) = if factors.stressed[day] { (STRESS_OWN, STRESS_CONVERGENCE) } else { (1.0, 0.0) };
        let market_loading = beta + convergence * (1.0 - beta);
        let variance = own_volatility.powi(2) * garch.variance * stress;
        let z = shock(rng, student);
        garch.update(z);
        let r = MARKET_PREMIUM * mean_beta
            + market_loading * factors.market[day]
            + gamma * factors.sectors[(day, sector)]
            + variance.sqrt() * z;
        let r = r.max(-0.95);
        let [up, down, volume] = [normal(rng).abs(), normal(rng).abs(), normal(rng)];
        let missing = rng.random::<f64>() < config.missing_rate;

        simulated.market_loading.push(market_loading);
        simulated.sector_loading.push(gamma);
        simulated.own_variance.push(variance);
        let listed = (start..end).contains(&day);
        if listed {
            price *= 1.0 + r;
        }
        let shown = listed && !missing;
        simulated.returns.push(if shown { r } else { f64::NAN });
        let spread = 0.5 * variance.sqrt();
        let dollar_volume = price * shares * daily_turnover * (0.4 * volume + 0.2 * z.abs()).exp();
        let values = [dollar_volume, spread * up, -(spread * down).min(0.9), price, price * shares, shares];
        for (series, value) in simulated.fields.iter_mut().zip(values) {
            series.push(if shown { value as f32 } else { f32::NAN });
        }
    }
    simulated
}

pub(super) fn simulate(config: &SyntheticMarket) -> Result<(Panel, Truth)> {
    let student = StudentT::new(DEGREES_OF_FREEDOM).expect("degrees of freedom are positive");
    let factors = factors(config, &student);
    let assets: Vec<Simulated> =
        (0..config.n_assets).into_par_iter().map(|i| simulate_asset(config, &factors, &student, i)).collect();
    let matrix = |series: fn(&Simulated) -> &Vec<f64>| {
        let entries = assets.iter().flat_map(|a| series(a).iter().copied()).collect();
        Matrix::from_column_major(config.n_days, config.n_assets, entries)
    };
    let truth = Truth {
        sectors: assets.iter().map(|a| a.sector).collect(),
        market_variance: factors.market_variance,
        sector_variance: factors.sector_variance,
        market_loading: matrix(|a| &a.market_loading),
        sector_loading: matrix(|a| &a.sector_loading),
        own_variance: matrix(|a| &a.own_variance),
    };
    let fields: BTreeMap<Field, Vec<f32>> = FIELDS
        .into_iter()
        .enumerate()
        .map(|(k, field)| (field, assets.iter().flat_map(|a| a.fields[k].iter().copied()).collect()))
        .collect();
    let calendar = Calendar::weekdays(SyntheticMarket::FIRST_DATE, config.n_days);
    let returns = matrix(|a| &a.returns);
    let panel = Panel::new(calendar, assets.into_iter().map(|a| a.asset).collect(), returns, fields)?;
    Ok((panel, truth))
}
