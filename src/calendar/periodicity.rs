//! The periodicity of a calendar, found from its dates, and the dates that do not fit it.
//!
//! ```text
//! daily     at most 4 calendar days to the next day                         252 a year, 365 if all seven weekdays are used
//! weekly    5 to 9 calendar days                                            52
//! monthly   26 to 35 calendar days                                          12
//! ```
//! A calendar has a period if at least nine tenths of its steps have it; a daily one also needs steps of a single day
//! in at least half of them. Otherwise it is irregular, and its days in a year are counted. A weekday belongs to the
//! week of a daily calendar if it occurs at least half as often as in a seven-day week, so that five-day weeks from
//! Sunday to Thursday are as regular as any. Our choice.

use super::{Calendar, Date};

/// Trading days in a year of a stock market.
pub const TRADING_DAYS: f64 = 252.0;
/// The share of steps that makes a calendar regular.
const REGULAR_SHARE: f64 = 0.9;
/// Fewest dates from which a period is found.
const FEWEST_DATES: usize = 5;
/// Mean number of days in a year.
const DAYS_OF_A_YEAR: f64 = 365.25;

/// The time from one day of a calendar to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// Trading days of a five- or six-day week.
    Weekdays,
    /// All seven days of the week.
    EveryDay,
    /// Weeks.
    Weekly,
    /// Months.
    Monthly,
    /// None of these.
    Irregular,
}

/// The periodicity of a calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Periodicity {
    /// The period of nearly all steps.
    pub period: Period,
    /// Number of the calendar's days in a year.
    pub per_year: f64,
    /// Number of days on a Saturday or Sunday that does not belong to the week of a daily calendar.
    pub stray_weekend_days: usize,
    /// Number of steps by their length: daily, weekly, monthly, other.
    pub steps: [usize; 4],
}

const STEPS: [&str; 4] = ["of up to four days", "weekly", "monthly", "other"];

impl Calendar {
    /// The periodicity; that of a stock market if there are too few dates.
    pub fn periodicity(&self) -> Periodicity {
        let dates = self.dates();
        let mut steps = [0; 4];
        dates.windows(2).for_each(|pair| steps[step((pair[1] - pair[0]).get_days())] += 1);
        let mut found = Periodicity { period: Period::Weekdays, per_year: TRADING_DAYS, stray_weekend_days: 0, steps };
        let one_kind = steps.iter().filter(|n| **n > 0).count() == 1 && steps[0] == 0 && steps[3] == 0;
        if dates.len() < FEWEST_DATES && !(dates.len() > 2 && one_kind) {
            return found;
        }
        let n_steps = (dates.len() - 1) as f64;
        let n_single = dates.windows(2).filter(|pair| (pair[1] - pair[0]).get_days() == 1).count();
        let regular = steps.iter().position(|&n| n as f64 >= REGULAR_SHARE * n_steps);
        (found.period, found.per_year) = match regular {
            Some(0) if 2 * n_single >= dates.len() - 1 => {
                let week = week(dates);
                found.stray_weekend_days =
                    dates.iter().filter(|date| is_weekend(**date) && !week[weekday(**date)]).count();
                if week.iter().all(|&used| used) { (Period::EveryDay, 365.0) } else { (Period::Weekdays, TRADING_DAYS) }
            }
            Some(1) => (Period::Weekly, 52.0),
            Some(2) => (Period::Monthly, 12.0),
            _ => {
                let years = f64::from((dates[dates.len() - 1] - dates[0]).get_days()) / DAYS_OF_A_YEAR;
                (Period::Irregular, (n_steps / years).round().max(1.0))
            }
        };
        found
    }
}

impl Periodicity {
    /// The periodicity in one line, for messages.
    pub fn sentence(&self) -> String {
        let per_year = self.per_year;
        let what = match self.period {
            Period::Weekdays => "trading days",
            Period::EveryDay => "all seven days of the week",
            Period::Weekly => "weeks",
            Period::Monthly => "months",
            Period::Irregular => "irregular",
        };
        let others = self.steps.iter().zip(STEPS).filter(|(n, _)| **n > 0);
        let counted: Vec<String> = others.map(|(n, name)| format!("{n} {name}")).collect();
        let note = match self.period {
            Period::Irregular => {
                format!("; steps: {}; periods_per_year in [data] sets another number", counted.join(", "))
            }
            _ if self.stray_weekend_days > 0 => {
                let n = self.stray_weekend_days;
                format!("; {n} {} on a weekend", if n == 1 { "day falls" } else { "days fall" })
            }
            _ => String::new(),
        };
        format!("{what}, {per_year} a year{note}")
    }
}

/// Whether a date is a Saturday or a Sunday.
pub fn is_weekend(date: Date) -> bool {
    weekday(date) >= 5
}

/// The number of a date's weekday; Monday is 0.
fn weekday(date: Date) -> usize {
    usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0)
}

/// The kind of a step of some calendar days, as an index of [`STEPS`].
fn step(days: i32) -> usize {
    match days {
        ..=4 => 0,
        5..=9 => 1,
        26..=35 => 2,
        _ => 3,
    }
}

/// The weekdays that a daily calendar uses regularly.
fn week(dates: &[Date]) -> [bool; 7] {
    let mut counts = [0usize; 7];
    dates.iter().for_each(|&date| counts[weekday(date)] += 1);
    // The limit is half a seventh of all days: half the share of a weekday in a week of seven days, 5/14 of that in
    // one of five.
    counts.map(|count| 14 * count >= dates.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use jiff::civil::date;

    #[track_caller]
    fn check(dates: Vec<Date>, period: Period, per_year: f64) -> Periodicity {
        let found = Calendar::new(dates).unwrap().periodicity();
        assert_eq!((found.period, found.per_year), (period, per_year), "{}", found.sentence());
        found
    }

    fn every(n: usize, span: jiff::Span, keep: impl Fn(&Date) -> bool) -> Vec<Date> {
        date(2020, 1, 1).series(span).filter(keep).take(n).collect()
    }

    #[test]
    fn the_usual_calendars_are_recognised() {
        check(Calendar::weekdays(date(2020, 1, 1), 70).dates().to_vec(), Period::Weekdays, 252.0);
        check(every(70, 1.day(), |_| true), Period::EveryDay, 365.0);
        check(every(60, 1.week(), |_| true), Period::Weekly, 52.0);
        check(every(40, 1.month(), |_| true), Period::Monthly, 12.0);
        check(every(20, 3.months(), |_| true), Period::Irregular, 4.0);
        check(every(3, 1.month(), |_| true), Period::Monthly, 12.0);
        check(every(2, 1.month(), |_| true), Period::Weekdays, 252.0);
        check(every(90, 3.days(), |_| true), Period::Irregular, 122.0);
        check(every(90, 1.day(), |d| [0, 2, 4].contains(&weekday(*d))), Period::Irregular, 156.0);
    }

    #[test]
    fn a_week_from_sunday_to_thursday_is_regular_and_a_stray_saturday_is_not() {
        let working = |date: &Date| ![4, 5].contains(&weekday(*date));
        assert_eq!(check(every(70, 1.day(), working), Period::Weekdays, 252.0).stray_weekend_days, 0);
        let stray = date(2020, 1, 25);
        let found = check(every(70, 1.day(), |d| !is_weekend(*d) || *d == stray), Period::Weekdays, 252.0);
        assert_eq!(found.stray_weekend_days, 1);
        assert!(found.sentence().ends_with("; 1 day falls on a weekend"), "{}", found.sentence());
    }

    #[test]
    fn years_of_months_before_years_of_days_are_irregular() {
        let mut dates = every(48, 1.month(), |_| true);
        dates.extend(Calendar::weekdays(date(2024, 1, 1), 100).dates());
        let found = Calendar::new(dates).unwrap().periodicity();
        assert_eq!(found.period, Period::Irregular);
        assert!(found.sentence().contains("99 of up to four days"), "{}", found.sentence());
    }
}
