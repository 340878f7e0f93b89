//! Tables of how good the forecasts of a run were, from `forecasts.csv`.

use crate::data::NotANumber;
use crate::error::Result;
use crate::grouping::grouped;
use crate::metrics::EXCEEDED;
use crate::render::Sheet;
use crate::results::Results;
use crate::results::evidence::{p_value, stars};

/// What the columns of the tables of forecasts mean.
pub const FORECASTS_EXPLAINED: &str = "Each covariance is scored by the returns of the holding period that it was for. Ratio: squared \
    return over forecast variance, 1 if risk came as forecast and above 1 if it was underestimated. Bias: standard deviation of returns \
    over forecast volatility, 1 is right. Above: how often the squared distance exceeds what normal returns exceed on 5 % and 1 % of the \
    dates; fat tails do so with the right covariance, too. QLIKE: lower is better; its difference from the reference is tested by \
    Diebold and Mariano.";

impl Results {
    /// One table per direction, the lowest QLIKE first; none for a run of a program that did not score forecasts.
    pub fn forecast_sheets(&self) -> Result<Vec<Sheet>> {
        if !self.has("forecasts.csv") {
            return Ok(Vec::new());
        }
        let columns = self.columns("forecasts.csv")?;
        let texts = |name: &str| columns.texts(&columns.require(&[name])?);
        let numbers = |name: &str| columns.numbers(&columns.require(&[name])?, NotANumber::Missing);
        let (estimators, directions) = (texts("estimator")?, texts("direction")?);
        let (ratio, bias, qlike) = (numbers("ratio")?, numbers("bias")?, numbers("qlike")?);
        let above = [numbers("above_95")?, numbers("above_99")?];
        let (against, p) = (numbers("qlike_against_reference")?, numbers("diebold_mariano_p")?);
        let reference = self.run.experiment.evidence.reference.as_deref();
        let sheet = |(direction, mut rows): (String, Vec<usize>)| {
            rows.sort_by(|a, b| qlike[*a].total_cmp(&qlike[*b]));
            let [most, all] = EXCEEDED.map(|p| format!("above {:.0} %", 100.0 * p));
            let header = ["estimator", "ratio", "bias", &most, &all, "QLIKE", "against the reference", "p"];
            let caption = match reference {
                Some(reference) => format!("{direction}, reference {reference}"),
                None => direction,
            };
            let mut sheet = Sheet::new(caption, &header, 1);
            for row in rows {
                let written = |x: f64, digits: usize| if x.is_nan() { String::new() } else { format!("{x:.digits$}") };
                let percent = |x: f64| format!("{:.1} %", 100.0 * x);
                let difference = match against[row] {
                    _ if reference == Some(estimators[row].as_str()) => "reference".to_string(),
                    d if d.is_nan() => String::new(),
                    d => format!("{d:+.4}{}", stars(p[row])),
                };
                sheet.rows.push(vec![
                    estimators[row].clone(),
                    written(ratio[row], 2),
                    written(bias[row], 2),
                    percent(above[0][row]),
                    percent(above[1][row]),
                    written(qlike[row], 4),
                    difference,
                    p_value(p[row]),
                ]);
            }
            sheet
        };
        Ok(grouped(directions.iter().cloned().zip(0..)).into_iter().map(sheet).collect())
    }
}
