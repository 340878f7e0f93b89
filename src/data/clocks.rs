//! Times of day written with dates, and the time zones they reveal: a midnight written in another zone falls on the
//! day before.

use jiff::civil::Weekday;

use crate::calendar::{Calendar, Date, Period};

/// Midnight fourteen hours east of UTC, the easternmost zone, in minutes of a UTC day.
const FIRST_EASTERN_MIDNIGHT: u32 = 10 * 60;

/// The earliest and the latest time of day in a column of dates, in minutes; `None` if the dates have no times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock(Option<(u32, u32)>);

impl Clock {
    /// Records a time of day.
    pub fn note(&mut self, minutes: u32) {
        let (earliest, latest) = self.0.unwrap_or((minutes, minutes));
        self.0 = Some((earliest.min(minutes), latest.max(minutes)));
    }

    /// Whether there are times other than midnight.
    pub fn is_stamped(&self) -> bool {
        self.0.is_some_and(|(_, latest)| latest > 0)
    }

    /// The direction of the time zone in which these stamps are midnights, if they look like midnights of another
    /// zone. If a Monday-to-Friday week has lost Fridays to Sundays, the stamps are written in a zone west of the
    /// market's, so the market is further east. If it has lost Mondays to Saturdays, the market is further west. The
    /// thresholds allow for a zone with summer time, which moves only half of the year, and for an occasional session
    /// on a Saturday.
    pub fn zone(&self, dates: &[Date]) -> Option<&'static str> {
        if !self.is_stamped() {
            return None;
        }
        let on = |day: Weekday| dates.iter().filter(|date| date.weekday() == day).count();
        let midweek = on(Weekday::Tuesday).max(on(Weekday::Wednesday)).max(on(Weekday::Thursday));
        let moved = |lost: Weekday, gained: Weekday| {
            let (lost, gained) = (on(lost), on(gained));
            gained >= 2 && 10 * lost < 9 * midweek && 10 * (lost + gained) < 12 * midweek && 4 * gained > midweek - lost
        };
        if moved(Weekday::Friday, Weekday::Sunday) {
            Some("further east")
        } else if moved(Weekday::Monday, Weekday::Saturday) {
            Some("further west")
        } else {
            None
        }
    }

    /// A warning if the times may be midnights of a zone further east but the days of the week cannot decide it. This
    /// is so if all times are the same (up to the hour of summer time) and late in the day, and the dates are not
    /// those of a trading week.
    pub fn doubt(&self, dates: &[Date]) -> Option<String> {
        let (earliest, latest) = self.0?;
        let mut dates = dates.to_vec();
        dates.sort_unstable();
        dates.dedup();
        let period = Calendar::new(dates).ok()?.periodicity().period;
        if earliest < FIRST_EASTERN_MIDNIGHT || latest > earliest + 60 || period == Period::Weekdays {
            return None;
        }
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let times =
            if earliest == latest { clock(earliest) } else { format!("{} or {}", clock(earliest), clock(latest)) };
        Some(format!(
            "every date carries the time {times} and is taken as written; if these are midnights of a time zone \
             further east, each of them belongs to the day after: write them in local time"
        ))
    }
}

/// Minutes since midnight of a time of day such as 16:00:05Z. Seconds round up to the next minute, so that 00:00:05
/// does not count as midnight.
pub(super) fn minutes(time: &str) -> Option<u32> {
    let digits = time.split(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).next()?;
    let mut parts = digits.split(':');
    let (hours, minutes): (u8, u8) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let seconds = parts.next().is_some_and(|seconds| seconds.bytes().any(|byte| (b'1'..=b'9').contains(&byte)));
    Some(60 * u32::from(hours) + u32::from(minutes) + u32::from(seconds))
}

/// Minutes since midnight of seconds since 1970, rounded up.
pub(super) fn minutes_of(seconds: i64) -> u32 {
    (seconds.rem_euclid(86_400) as u32).div_ceil(60)
}

/// Splits a cell into its date and the time of day after it, with or without a zone. Dates with blanks, such as 1 May
/// 2019, stay whole.
pub(super) fn split_clock(cell: &str) -> (&str, &str) {
    let is_clock = |rest: &str| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (1..=2).contains(&digits) && rest.as_bytes().get(digits) == Some(&b':')
    };
    match cell.char_indices().find(|(place, c)| (*c == 'T' || *c == ' ') && is_clock(&cell[place + 1..])) {
        Some((place, _)) => (&cell[..place], &cell[place + 1..]),
        None => (cell, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dates::read;
    use jiff::civil::date;

    #[test]
    fn midnights_of_an_eastern_zone_in_utc_are_noticed() {
        // 2019-05-05 is a Sunday. These are trading days of Tokyo, written nine hours early.
        let days = (5..25).map(|day| date(2019, 5, day)).filter(|day| day.weekday().to_sunday_zero_offset() < 5);
        let cells: Vec<String> = days.map(|day| format!("{day} 15:00:00+00:00")).collect();
        let zone = |cells: &[&str]| {
            let dates = read(cells.iter().copied(), None).unwrap();
            dates.clock.zone(&dates.dates)
        };
        assert_eq!(zone(&cells.iter().map(String::as_str).collect::<Vec<_>>()), Some("further east"));
        assert_eq!(zone(&["2019-05-03 16:00", "2019-05-05 16:00"]), None);
        // Three years of local weekdays and one Saturday in each zone, written in UTC.
        let lived: Vec<Date> = date(2018, 1, 1)
            .series(jiff::Span::new().days(1))
            .take(1096)
            .filter(|day| day.weekday().to_monday_zero_offset() < 5 || *day == date(2019, 2, 2))
            .collect();
        let utc = |name: &str, hour: i8| -> Vec<String> {
            let stamp = |day: &Date| day.at(hour, 0, 0, 0).in_tz(name).unwrap().timestamp().to_string();
            lived.iter().map(stamp).collect()
        };
        for (name, hour, expected) in [
            ("Asia/Tokyo", 0, Some("further east")),
            ("Asia/Kolkata", 0, Some("further east")),
            ("Europe/London", 0, Some("further east")),
            ("Europe/Paris", 0, Some("further east")),
            ("America/New_York", 20, Some("further west")),
            ("America/New_York", 0, None),
            ("America/New_York", 16, None),
            ("Europe/London", 16, None),
        ] {
            let cells = utc(name, hour);
            assert_eq!(zone(&cells.iter().map(String::as_str).collect::<Vec<_>>()), expected, "{name} {hour}");
        }
        let every_day: Vec<String> = date(2018, 1, 1)
            .series(jiff::Span::new().days(1))
            .take(400)
            .map(|day| format!("{day}T16:00:00Z"))
            .collect();
        assert_eq!(zone(&every_day.iter().map(String::as_str).collect::<Vec<_>>()), None);
    }

    #[test]
    fn one_time_of_day_in_dates_that_are_not_daily_is_told() {
        let doubt = |step: i64, times: [&str; 2]| {
            let dates = date(2019, 5, 2).series(jiff::Span::new().days(step)).take(20).enumerate();
            let cells: Vec<String> = dates.map(|(k, day)| format!("{day}T{}Z", times[k % 2])).collect();
            let dates = read(cells.iter().map(String::as_str), None).unwrap();
            dates.clock.doubt(&dates.dates)
        };
        let tokyo = doubt(7, ["15:00:00", "15:00:00"]).unwrap();
        assert!(tokyo.contains("the time 15:00") && tokyo.contains("the day after"), "{tokyo}");
        assert!(doubt(1, ["22:00:00", "23:00:00"]).unwrap().contains("22:00 or 23:00"));
        assert!(doubt(30, ["15:00", "15:00"]).is_some());
        for times in [["00:00:00"; 2], ["09:30:00"; 2], ["15:00:00", "17:30:00"]] {
            assert_eq!(doubt(7, times), None, "{times:?}");
        }
        assert_eq!(minutes("00:00:05"), Some(1));
    }
}
