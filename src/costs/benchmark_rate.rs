//! The benchmark rate from which interest is computed: the effective federal funds rate.

use crate::calendar::Date;
use crate::costs::Schedules;
use crate::error::{Error, Result};

/// Greatest age of a rate, days: a daily series has gaps of holidays, not of weeks.
const STALE_DAYS: i32 = 14;

/// A series of rates in percent a year.
#[derive(Clone, Debug)]
pub struct BenchmarkRate {
    dates: Vec<Date>,
    percent: Vec<f64>,
    /// Whether the first rate also applies to earlier dates and the last one to all later dates, as in every dated
    /// list of the schedules.
    yearly: bool,
}

impl BenchmarkRate {
    /// Yearly means from the schedules.
    pub fn yearly(schedules: &Schedules) -> Self {
        let rates = &schedules.financing.benchmark.yearly_percent;
        Self {
            dates: rates.iter().map(|rate| rate.from).collect(),
            percent: rates.iter().map(|rate| rate.percent).collect(),
            yearly: true,
        }
    }

    /// A daily series with ascending dates, in percent a year; `place` names it in messages. Refuses dates out of
    /// order and rates outside [-5, 100].
    pub fn daily(dates: Vec<Date>, percent: Vec<f64>, place: &str) -> Result<Self> {
        assert_eq!(dates.len(), percent.len(), "one rate a date");
        if let Some(pair) = dates.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Error::data(place, format!("dates must increase, but {} follows {}", pair[1], pair[0])));
        }
        if let Some(k) = percent.iter().position(|rate| !(-5.0..=100.0).contains(rate)) {
            let rule = format!("a rate must be in percent a year, in [-5, 100], but is {} on {}", percent[k], dates[k]);
            return Err(Error::data(place, rule));
        }
        Ok(Self { dates, percent, yearly: false })
    }

    /// The newest rate on or before a date, percent a year, at least 0; `None` if a daily series has no rate recent
    /// enough.
    pub fn at(&self, date: Date) -> Option<f64> {
        let known = self.dates.partition_point(|known| *known <= date);
        let place = if self.yearly { known.saturating_sub(1) } else { known.checked_sub(1)? };
        let is_fresh = self.yearly || (date - self.dates[place]).get_days() <= STALE_DAYS;
        is_fresh.then_some(self.percent[place].max(0.0))
    }

    /// The first date of the yearly means if `date` is before it, so that the first mean stands in for the true one.
    pub fn stands_in(&self, date: Date) -> Option<Date> {
        self.dates.first().copied().filter(|first| self.yearly && date < *first)
    }

    /// Refuses a period that the series does not cover.
    pub fn check(&self, first: Date, last: Date) -> Result<()> {
        let missing = [first, last].into_iter().find(|date| self.at(*date).is_none());
        match missing {
            None => Ok(()),
            Some(date) => {
                let range = |dates: &[Date]| Some((*dates.first()?, *dates.last()?));
                let covered = range(&self.dates).map_or("is empty".to_string(), |(a, b)| format!("covers {a} to {b}"));
                let rule = format!(
                    "no rate is known for {date}; the series {covered}; leave rates out of [simulation] for yearly \
                     means, or give a series that covers the whole period"
                );
                Err(Error::data("benchmark rates", rule))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_newest_rate_holds_for_two_weeks_and_is_never_negative() {
        let dates = vec![date(2020, 1, 3), date(2020, 1, 6)];
        let series = BenchmarkRate::daily(dates, vec![1.5, -0.2], "rates.csv").unwrap();
        assert_eq!(series.at(date(2020, 1, 2)), None);
        assert_eq!((series.at(date(2020, 1, 5)), series.at(date(2020, 1, 20))), (Some(1.5), Some(0.0)));
        let message = series.check(date(2020, 1, 3), date(2020, 2, 1)).unwrap_err().to_string();
        assert!(
            message.contains("no rate is known for 2020-02-01; the series covers 2020-01-03 to 2020-01-06"),
            "{message}"
        );
        assert!(BenchmarkRate::daily(vec![date(2020, 1, 3); 2], vec![1.0; 2], "x").is_err());
        assert!(BenchmarkRate::daily(vec![date(2020, 1, 3)], vec![f64::NAN], "x").is_err());
    }

    #[test]
    fn yearly_means_hold_for_their_year() {
        let yearly = BenchmarkRate::yearly(&Schedules::default());
        assert_eq!((yearly.at(date(2000, 1, 1)), yearly.at(date(2000, 12, 31))), (Some(6.24), Some(6.24)));
        assert_eq!(yearly.at(date(2040, 1, 1)), Some(4.21));
        assert_eq!((yearly.at(date(1981, 5, 1)), yearly.at(date(1926, 7, 1))), (Some(16.39), Some(5.05)));
        assert_eq!(yearly.stands_in(date(1926, 7, 1)), Some(date(1976, 1, 1)));
        assert_eq!(yearly.stands_in(date(1976, 7, 1)), None);
    }
}
