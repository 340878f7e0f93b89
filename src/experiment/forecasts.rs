//! How good forecasts were: the tables of scores of a run.

use crate::data::Table;
use crate::experiment::plan::Plan;
use crate::experiment::scores::OfCovariance;
use crate::experiment::windows::Decision;
use crate::metrics::{ForecastScore, mean, standard_deviation};
use crate::significance::loss_difference;

/// The forecasts of an estimator in one direction.
struct Series {
    estimator: String,
    direction: String,
    /// By decision; `None` where there is no score.
    scores: Vec<Option<ForecastScore>>,
}

/// Directions that are the same for all estimators.
const TOGETHER: &str = "all assets together";
const ALONE: &str = "each asset alone";
const EQUAL: &str = "equal weights";

/// Takes the score in one direction.
type Direction = fn(&OfCovariance) -> Option<ForecastScore>;

fn series(plan: &Plan<'_>, decisions: &[Decision]) -> Vec<Series> {
    let mut all = Vec::new();
    let of_covariance = |estimator: usize, of: Direction| {
        let score = |decision: &Decision| of(decision.scores.estimators.get(estimator)?.as_ref()?);
        decisions.iter().map(score).collect::<Vec<_>>()
    };
    let directions: [(&str, Direction); 3] =
        [(TOGETHER, |s| s.together), (ALONE, |s| Some(s.alone)), (EQUAL, |s| Some(s.equal))];
    for (direction, of) in directions {
        for (number, choice) in plan.experiment.compare.estimators.iter().enumerate() {
            let (estimator, direction) = (choice.label.clone(), direction.to_string());
            all.push(Series { estimator, direction, scores: of_covariance(number, of) });
        }
    }
    for (number, pair) in plan.pairs.iter().enumerate() {
        let Some(estimator) = pair.name.estimator.clone() else { continue };
        let score = |decision: &Decision| decision.scores.portfolios.get(number).copied().flatten();
        let scores = decisions.iter().map(score).collect();
        all.push(Series { estimator, direction: format!("{} portfolio", pair.name.allocator), scores });
    }
    all.retain(|series| series.scores.iter().any(Option::is_some));
    all
}

/// A row of `forecasts.csv`.
struct Row {
    estimator: String,
    direction: String,
    n_dates: usize,
    ratio: f64,
    bias: f64,
    exceeds: [f64; 2],
    qlike: f64,
    /// QLIKE less the reference's, t and p of Diebold and Mariano.
    against: [f64; 3],
}

impl Row {
    fn new(series: &Series, reference: Option<&Series>) -> Self {
        let scores: Vec<ForecastScore> = series.scores.iter().flatten().copied().collect();
        let average = |of: &dyn Fn(&ForecastScore) -> f64| mean(&scores.iter().map(of).collect::<Vec<_>>());
        let standardised: Vec<f64> = scores.iter().filter_map(|score| score.standardised).collect();
        Self {
            estimator: series.estimator.clone(),
            direction: series.direction.clone(),
            n_dates: scores.len(),
            ratio: average(&|score| score.ratio),
            bias: standard_deviation(&standardised),
            exceeds: [average(&|score| score.exceeds[0]), average(&|score| score.exceeds[1])],
            qlike: average(&|score| score.qlike),
            against: reference.filter(|other| other.estimator != series.estimator).map_or([f64::NAN; 3], |other| {
                let both =
                    series.scores.iter().zip(&other.scores).filter_map(|(a, b)| Some(((*a)?.qlike, (*b)?.qlike)));
                let (first, second): (Vec<f64>, Vec<f64>) = both.unzip();
                loss_difference(&first, &second).map_or([f64::NAN; 3], |d| [d.estimate, d.statistic, d.p_value])
            }),
        }
    }
}

/// The content of `forecasts.csv`: for every estimator and direction the mean scores, and the test of its QLIKE against that of the
/// reference, if the experiment names one.
pub(super) fn summary(plan: &Plan<'_>, decisions: &[Decision]) -> Table {
    let all = series(plan, decisions);
    let reference = |series: &Series| {
        let label = plan.experiment.evidence.reference.as_ref()?;
        all.iter().find(|other| other.direction == series.direction && other.estimator == *label)
    };
    let rows: Vec<Row> = all.iter().map(|series| Row::new(series, reference(series))).collect();
    let rows = || rows.iter();
    Table::default()
        .with_texts("estimator", rows().map(|row| &row.estimator))
        .with_texts("direction", rows().map(|row| &row.direction))
        .with_counts("n_dates", rows().map(|row| row.n_dates))
        .with_numbers("ratio", rows().map(|row| row.ratio))
        .with_numbers("bias", rows().map(|row| row.bias))
        .with_numbers("above_95", rows().map(|row| row.exceeds[0]))
        .with_numbers("above_99", rows().map(|row| row.exceeds[1]))
        .with_numbers("qlike", rows().map(|row| row.qlike))
        .with_numbers("qlike_against_reference", rows().map(|row| row.against[0]))
        .with_numbers("diebold_mariano_t", rows().map(|row| row.against[1]))
        .with_numbers("diebold_mariano_p", rows().map(|row| row.against[2]))
}

/// The content of `forecasts.parquet`: every score; null where there is none.
pub(super) fn every_score(plan: &Plan<'_>, decisions: &[Decision]) -> Table {
    let all = series(plan, decisions);
    let calendar = plan.market.panel.calendar();
    let each = || all.iter().flat_map(|series| series.scores.iter().map(move |score| (series, score)));
    let number = |of: fn(&ForecastScore) -> f64| each().map(move |(_, score)| score.as_ref().map_or(f64::NAN, of));
    Table::default()
        .with_dates("date", all.iter().flat_map(|_| decisions.iter().map(|decision| calendar.date(decision.day))))
        .with_texts("estimator", each().map(|(series, _)| &series.estimator))
        .with_texts("direction", each().map(|(series, _)| &series.direction))
        .with_singles("ratio", number(|score| score.ratio))
        .with_singles("standardised", number(|score| score.standardised.unwrap_or(f64::NAN)))
        .with_singles("qlike", number(|score| score.qlike))
        .with_singles("above_95", number(|score| score.exceeds[0]))
        .with_singles("above_99", number(|score| score.exceeds[1]))
}
