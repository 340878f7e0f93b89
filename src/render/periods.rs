//! Volatility in periods of calm and of stress, one row each.

use crate::calendar::Date;
use crate::metrics;
#[cfg(feature = "figures")]
use crate::render::canvas::Figure;
#[cfg(feature = "figures")]
use crate::render::rows::{Row, Rows, rows_figure};

/// A period of the run.
pub struct Period {
    /// Its name.
    pub name: &'static str,
    first: Date,
    last: Date,
}

const fn period(name: &'static str, first: (i16, i8), last: (i16, i8)) -> Period {
    let end = match last.1 {
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    Period { name, first: Date::constant(first.0, first.1, 1), last: Date::constant(last.0, last.1, end) }
}

/// The periods that results are split into: before and after 2012, and windows of stress. No last month may be a
/// February, whose length varies.
pub const PERIODS: [Period; 5] = [
    period("until 2011", (1900, 1), (2011, 12)),
    period("2012 and later", (2012, 1), (9998, 12)),
    period("2008-09 to 2009-03", (2008, 9), (2009, 3)),
    period("2020-02 to 2020-04", (2020, 2), (2020, 4)),
    period("2022", (2022, 1), (2022, 12)),
];

/// With fewer days than this no volatility is computed.
pub const LEAST_DAYS: usize = 40;

impl Period {
    /// Whether a day is in the period.
    pub fn contains(&self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }

    /// Annual volatility of the returns inside the period, without days that have none. `None` if there are too few
    /// days, or if the period covers all of them.
    pub fn volatility(&self, dates: &[Date], returns: &[f64], per_year: f64) -> Option<f64> {
        let lived = || dates.iter().zip(returns).filter(|(_, r)| !r.is_nan());
        let values: Vec<f64> = lived().filter(|(date, _)| self.contains(**date)).map(|(_, r)| *r).collect();
        (values.len() >= LEAST_DAYS && values.len() < lived().count())
            .then(|| metrics::volatility_annual(&values, per_year))
    }
}

/// Label of a portfolio, and its daily returns.
#[cfg(feature = "figures")]
pub type Labelled<'a> = (String, &'a [f64]);

/// One frame per allocator, with a row per period and a dot per portfolio; periods outside the run are left out.
#[cfg(feature = "figures")]
pub fn periods_figure(title: &str, dates: &[Date], groups: &[(String, Vec<Labelled<'_>>)], per_year: f64) -> Figure {
    let frame = |(allocator, portfolios): &(String, Vec<Labelled<'_>>)| {
        let mut rows = Vec::new();
        for period in &PERIODS {
            let values = portfolios.iter().map(|(_, returns)| period.volatility(dates, returns, per_year));
            let dots = values.enumerate().filter_map(|(k, v)| v.map(|v| (k, 100.0 * v))).collect::<Vec<_>>();
            if !dots.is_empty() {
                rows.push(Row::new(period.name.to_string(), dots));
            }
        }
        let lived = |returns: &[f64]| returns.iter().copied().filter(|r| !r.is_nan()).collect::<Vec<f64>>();
        let volatility = |returns: &[f64]| 100.0 * metrics::volatility_annual(&lived(returns), per_year);
        let all = portfolios.iter().enumerate().map(|(k, (_, r))| (k, volatility(r))).collect();
        rows.push(Row::new("all days".to_string(), all));
        Rows {
            title: format!("{allocator}: realised volatility, % a year (log scale)"),
            rows,
            series: portfolios.iter().map(|(label, _)| label.clone()).collect(),
            is_log: true,
            digits: None,
            around_zero: None,
        }
    };
    rows_figure(title, &groups.iter().map(frame).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_has_the_volatility_of_its_days_and_none_if_it_is_all_or_too_few() {
        let first = jiff::civil::date(2021, 1, 1);
        let dates: Vec<Date> = (0..800).map(|day| first.checked_add(jiff::Span::new().days(day)).unwrap()).collect();
        let size = |date: &Date| if date.year() == 2022 { 0.02 } else { 0.01 };
        let returns: Vec<f64> =
            dates.iter().enumerate().map(|(k, date)| if k % 2 == 0 { size(date) } else { -size(date) }).collect();
        let of = |name: &str| PERIODS.iter().find(|p| p.name == name).unwrap().volatility(&dates, &returns, 252.0);
        let expected = 0.02 * 252f64.sqrt();
        assert!((of("2022").unwrap() / expected - 1.0).abs() < 0.01, "{:?} against {expected}", of("2022"));
        assert_eq!(of("2012 and later"), None, "that is all of them");
        assert_eq!(of("until 2011"), None);
    }
}
