//! Scores of forecasts: compared with skfolio's, and of whole runs.

use minvar::experiment::{self, Experiment, Job, MarketData};
use minvar::linalg::{Covariance, Matrix};
use minvar::metrics::{mean, score_assets_together, score_each_asset, score_portfolio, standard_deviation};
use serde::Deserialize;

use crate::support::rows;

/// The content of the file that `tests/reference/forecasts.py` wrote.
#[derive(Deserialize)]
struct Reference {
    train: usize,
    horizon: usize,
    returns: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
    mahalanobis_ratio: Vec<f64>,
    diagonal_ratio: Vec<f64>,
    standardised: Vec<Vec<f64>>,
    qlike: Vec<Vec<f64>>,
    bias: Vec<f64>,
    exceedance: [f64; 2],
}

/// The covariance of some days with the divisor T − 1.
fn empirical(returns: &[Vec<f64>]) -> Covariance {
    let n = returns[0].len();
    let means: Vec<f64> = (0..n).map(|i| mean(&returns.iter().map(|day| day[i]).collect::<Vec<_>>())).collect();
    let entry = |i: usize, j: usize| {
        let products = returns.iter().map(|day| (day[i] - means[i]) * (day[j] - means[j]));
        products.sum::<f64>() / (returns.len() - 1) as f64
    };
    Covariance::new(Matrix::from_fn(n, n, entry)).unwrap()
}

#[test]
fn scores_are_those_of_skfolio() {
    let reference: Reference = serde_json::from_str(include_str!("../reference/forecasts.json")).unwrap();
    let near = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-10, "{ours} against {theirs}");
    let Reference { train, horizon, ref returns, .. } = reference;
    let n_dates = reference.mahalanobis_ratio.len();
    assert_eq!(n_dates, 20);
    let (mut exceeded, mut standardised) = ([0.0; 2], vec![Vec::new(); reference.weights.len()]);
    for k in 0..n_dates {
        let day = train + k * horizon;
        let covariance = empirical(&returns[day - train..day]);
        let realised = Matrix::from_rows(&returns[day..day + horizon]).unwrap();
        let together = score_assets_together(&covariance, &realised).unwrap();
        near(together.ratio, reference.mahalanobis_ratio[k]);
        near(score_each_asset(&covariance, &realised).ratio, reference.diagonal_ratio[k]);
        exceeded.iter_mut().zip(together.exceeds).for_each(|(sum, exceeds)| *sum += exceeds / n_dates as f64);
        for (p, weights) in reference.weights.iter().enumerate() {
            let score = score_portfolio(covariance.variance_of(weights), &realised.times(weights));
            near(score.standardised.unwrap(), reference.standardised[p][k]);
            near(score.qlike, reference.qlike[p][k]);
            standardised[p].push(score.standardised.unwrap());
        }
    }
    exceeded.iter().zip(reference.exceedance).for_each(|(ours, theirs)| near(*ours, theirs));
    standardised.iter().zip(reference.bias).for_each(|(ours, theirs)| near(standard_deviation(ours), theirs));
}

fn experiment(extra: &str) -> Experiment {
    let text = format!(
        "about = 'forecasts'\n[data.synthetic]\nn_assets = 12\nn_days = 640\n[universe]\nrules = 'none'\nsize = 8\n\
         rank_by = 'panel_order'\n[walk_forward]\nlookback = 60\nhorizon = 5\n[compare]\n\
         estimators = ['sample', 'lw_identity', 'oracle', {{ combine = ['qis', 'lw_identity'], of = 'weights', label = 'mean' }}]\n\
         allocators = ['gmv', 'equal']\n{extra}"
    );
    Experiment::parse(&text, "forecasts.toml").unwrap()
}

fn run(extra: &str, folder: &std::path::Path) -> MarketData {
    let experiment = experiment(extra);
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    let market = MarketData { panel, truth: Some(truth) };
    experiment::run(Job::new(&experiment, &market, folder)).unwrap();
    market
}

#[test]
fn a_run_scores_its_forecasts_and_the_truth_is_the_best() {
    let folder = tempfile::tempdir().unwrap();
    run("[evidence]\nreference = 'lw_identity'\n", folder.path());
    let all = rows(folder.path(), "forecasts.csv");
    let number = |row: &std::collections::BTreeMap<String, String>, name: &str| row[name].parse::<f64>().unwrap();
    let find = |estimator: &str, direction: &str| {
        let is_it = |row: &&std::collections::BTreeMap<String, String>| {
            row["estimator"] == estimator && row["direction"] == direction
        };
        all.iter().find(is_it)
    };
    for direction in ["all assets together", "each asset alone", "equal weights", "gmv portfolio"] {
        let truth = find("oracle", direction).unwrap();
        for estimator in ["sample", "lw_identity"] {
            let row = find(estimator, direction).unwrap();
            if direction != "gmv portfolio" {
                // In its own direction each forecasts another portfolio.
                assert!(number(truth, "qlike") < number(row, "qlike"), "{direction}, {estimator}");
            }
            assert!(number(row, "n_dates") > 100.0);
        }
        assert!((number(truth, "ratio") - 1.0).abs() < 0.3, "{direction}");
        assert!(find("lw_identity", direction).unwrap()["diebold_mariano_p"].is_empty(), "the reference itself");
        assert!(number(truth, "diebold_mariano_t") < 0.0 || direction == "gmv portfolio");
    }
    // The portfolio that the sample covariance likes best is the one whose risk it understates most.
    assert!(number(find("sample", "gmv portfolio").unwrap(), "bias") > 1.0);
    // A mean of portfolios has no covariance, but a portfolio.
    assert!(find("mean", "all assets together").is_none() && find("mean", "gmv portfolio").is_some());
    // Equal weights forecast nothing.
    assert!(all.iter().all(|row| row["direction"] != "equal portfolio"));
    let page = std::fs::read_to_string(folder.path().join("forecasts.md")).unwrap();
    assert!(page.contains("all assets together, reference lw_identity") && page.contains("| oracle "), "{page}");
}

#[test]
fn only_whole_holding_periods_are_scored() {
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let market = run("", whole.path());
    let n_dates = |folder: &std::path::Path| rows(folder, "forecasts.csv")[0]["n_dates"].parse::<usize>().unwrap();
    // This run ends four days into a holding period.
    let last = market.panel.calendar().date(market.panel.n_days() - 6);
    let mut experiment = experiment("");
    experiment.walk_forward.last = Some(last);
    experiment::run(Job::new(&experiment, &market, cut.path())).unwrap();
    let decisions = |folder: &std::path::Path| rows(folder, "universe.csv").len();
    assert_eq!(n_dates(whole.path()) - n_dates(cut.path()), 1);
    assert!(n_dates(cut.path()) < decisions(cut.path()));
}
