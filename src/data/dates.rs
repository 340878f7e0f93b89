//! Dates as people write them: a column must use one spelling throughout, and a column that can be read in two ways
//! is refused.
//!
//! ```text
//! 2019-05-01  2019/05/01  2019.05.01  20190501      year, month, day
//! 01.05.2019  1-May-2019  01MAY2019  May 1, 2019    recognised by their dots or words
//! 01/05/2019  05-01-2019                            day or month first: whichever fits every row, refused if both do
//! 2019-05  201905                                   a month: its last day
//! 2019-05-01T00:00:00+09:00                         a time stamp: its date as written, which is the local one
//! ```

use jiff::civil::DateTime;

use crate::calendar::{Date, date_from_epoch};
use crate::data::clocks::{Clock, minutes, minutes_of, split_clock};
use crate::data::numbers::MissingCodes;
use crate::data::words::plain;

/// The years that a user's file may contain.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2100;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Usual names of a date column, the least ambiguous first.
pub(super) const DATE_NAMES: [&str; 14] = [
    "date",
    "datetime",
    "timestamp",
    "caldt",
    "dlycaldt",
    "tradedate",
    "tradingdate",
    "observationdate",
    "asof",
    "day",
    "time",
    "month",
    "period",
    "dt",
];
/// The first this many of [`DATE_NAMES`] name nothing else; DAY and TIME are tickers, too.
const SURE: usize = 9;

/// Whether a column's name is one of the usual names of a date column.
pub(super) fn is_date_name(name: &str) -> bool {
    DATE_NAMES.contains(&plain(name).as_str())
}

/// Whether a column's name can only be that of a date column.
pub(super) fn is_sure_date_name(name: &str) -> bool {
    DATE_NAMES[..SURE].contains(&plain(name).as_str())
}

/// Whether a text is a date on its own, without the rest of its column.
pub(super) fn is_date(text: &str) -> bool {
    !text.trim().is_empty()
        && !matches!(read([text].into_iter(), None), Err(Problem::NoDates { .. } | Problem::Unreadable { .. }))
}

/// How a column spells its dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    YearFirst,
    Compact,
    Month,
    DayFirst,
    MonthFirst,
    DayMonthWord,
    MonthWordFirst,
    /// Seconds, milliseconds, … since 1970.
    Counted,
    /// The strptime format of `--date-format`.
    Given(String),
}

impl Spelling {
    /// The description shown to the user.
    pub fn name(&self) -> &str {
        match self {
            Spelling::YearFirst => "year-month-day",
            Spelling::Compact => "YYYYMMDD",
            Spelling::Month => "months, taken at their last day",
            Spelling::DayFirst => "day first",
            Spelling::MonthFirst => "month first",
            Spelling::DayMonthWord => "day and month by name",
            Spelling::MonthWordFirst => "month by name and day",
            Spelling::Counted => "counted since 1970, in UTC",
            Spelling::Given(format) => format,
        }
    }
}

/// A column of dates.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dates {
    pub dates: Vec<Date>,
    pub spelling: Spelling,
    /// The times of day written with the dates.
    pub clock: Clock,
}

/// Why a column cannot be read as dates.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    /// The first cell is not a date in any spelling.
    NoDates { text: String },
    /// A later cell breaks the spelling of those before it.
    Unreadable { row: usize, text: String },
    /// Every cell can be read in two ways.
    Ambiguous { row: usize, text: String, readings: [Date; 2] },
    /// A day outside 1900-2100.
    OutOfRange { row: usize, text: String },
}

impl Problem {
    /// The row that shows the problem, from 0.
    pub fn row(&self) -> usize {
        match self {
            Problem::NoDates { .. } => 0,
            Problem::Unreadable { row, .. } | Problem::Ambiguous { row, .. } | Problem::OutOfRange { row, .. } => *row,
        }
    }

    /// The message for the user, for a column of that name.
    pub fn rule(&self, column: &str, codes: &MissingCodes) -> String {
        let (format, other) = (codes.option("date-format", "%d.%m.%y"), codes.option("date-column", "NAME"));
        match self {
            Problem::NoDates { text } if text.trim().parse::<f64>().is_ok() => format!(
                "'{text}' in column {column} is not a date; if it counts days, as Excel writes 43586 for 2019-05-01, \
                 write dates instead; {other} names another column of dates"
            ),
            Problem::NoDates { text } => format!(
                "'{text}' in column {column} is not a date; {format} gives the form of the dates, {other} names \
                 another column of dates"
            ),
            Problem::Unreadable { text, .. } if text.is_empty() => format!("the date in column {column} is missing"),
            Problem::Unreadable { text, .. } => {
                format!(
                    "'{text}' in column {column} is not a date like those above it; {format} gives the form of the \
                     dates"
                )
            }
            Problem::Ambiguous { text, readings: [a, b], .. } => format!(
                "'{text}' in column {column} may be {a} or {b}, and so may every other date; say which with {} or {}",
                codes.option("date-format", "%d/%m/%Y"),
                codes.option("date-format", "%m/%d/%Y")
            ),
            Problem::OutOfRange { text, .. } => {
                format!("'{text}' in column {column} is outside the years 1900 to 2100")
            }
        }
    }
}

/// Reads a column in the spelling that fits all of it, or in a given strptime format.
pub(super) fn read<'a>(
    cells: impl Iterator<Item = &'a str> + Clone,
    format: Option<&str>,
) -> std::result::Result<Dates, Problem> {
    // Every spelling that fits the rows so far, with the dates it gives.
    let mut alive: Vec<(Spelling, Vec<Date>)> = Vec::new();
    let mut clock = Clock::default();
    let mut last: Option<(&str, Vec<(Spelling, Date)>)> = None;
    for (row, cell) in cells.clone().enumerate() {
        let cell = cell.trim();
        if last.as_ref().is_none_or(|(known, _)| *known != cell) {
            let (day, time) = if format.is_some() { (cell, "") } else { split_clock(cell) };
            if let Some(minutes) = minutes(time) {
                clock.note(minutes);
            }
            let given = |format: &str| given(cell, format).map(|date| (Spelling::Given(format.to_string()), date));
            last = Some((cell, format.map_or_else(|| readings(day), |format| given(format).into_iter().collect())));
        }
        let readings = last.as_ref().map_or(&[][..], |(_, readings)| readings);
        if row == 0 {
            alive = readings.iter().map(|(spelling, _)| (spelling.clone(), Vec::new())).collect();
        }
        alive.retain_mut(|(spelling, dates)| {
            let reading = readings.iter().find(|(known, _)| known == spelling);
            dates.extend(reading.map(|(_, date)| *date));
            reading.is_some()
        });
        let text = || cell.to_string();
        if alive.is_empty() {
            return Err(match row {
                0 => Problem::NoDates { text: text() },
                _ => Problem::Unreadable { row, text: text() },
            });
        }
        if alive.iter().all(|(_, dates)| !YEARS.contains(&dates[row].year())) {
            return Err(Problem::OutOfRange { row, text: text() });
        }
    }
    if let [(_, first), (_, second), ..] = &alive[..] {
        let row = first.iter().zip(second).position(|(a, b)| a != b).unwrap_or(0);
        let text = cells.clone().nth(row).unwrap_or("").trim().to_string();
        return Err(Problem::Ambiguous { row, text, readings: [first[row], second[row]] });
    }
    let (spelling, dates) = alive.pop().unwrap_or((Spelling::YearFirst, Vec::new()));
    Ok(Dates { dates, spelling, clock })
}

/// Dates counted as seconds, milliseconds, microseconds or nanoseconds since 1970, in UTC; `None` unless every cell
/// is such a count.
pub(super) fn counted<'a>(cells: impl Iterator<Item = &'a str>) -> Option<Dates> {
    let mut dates = Vec::new();
    let mut clock = Clock::default();
    let mut length = None;
    for cell in cells {
        let cell = cell.trim();
        let cell = cell.strip_suffix(".0").unwrap_or(cell);
        let count: i64 = cell.parse().ok()?;
        if *length.get_or_insert(cell.len()) != cell.len() {
            return None;
        }
        let seconds = match length? {
            10 => count,
            13 => count.div_euclid(1_000),
            16 => count.div_euclid(1_000_000),
            19 => count.div_euclid(1_000_000_000),
            _ => return None,
        };
        clock.note(minutes_of(seconds));
        let date = date_from_epoch(i32::try_from(seconds.div_euclid(86_400)).ok()?)?;
        if !YEARS.contains(&date.year()) {
            return None;
        }
        dates.push(date);
    }
    (!dates.is_empty()).then_some(Dates { dates, spelling: Spelling::Counted, clock })
}

fn given(cell: &str, format: &str) -> Option<Date> {
    // Python and others also accept %z for +09:00; jiff needs %:z.
    let colon = || jiff::fmt::strtime::parse(format.replace("%z", "%:z"), cell);
    let whole = jiff::fmt::strtime::parse(format, cell).or_else(|_| colon()).ok()?;
    whole.to_date().or_else(|_| whole.to_datetime().map(DateTime::date)).ok()
}

/// Every reading of a cell without its time of day, at most one per spelling.
fn readings(cell: &str) -> Vec<(Spelling, Date)> {
    let date = |year: &str, month: &str, day: &str| -> Option<Date> {
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    };
    let month_end = |year: &str, month: &str| date(year, month, "1").map(|first| first.last_of_month());
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut found = Vec::new();
    let mut add = |spelling: Spelling, date: Option<Date>| found.extend(date.map(|date| (spelling, date)));
    if is_digits(cell) {
        match cell.len() {
            8 => add(Spelling::Compact, date(&cell[..4], &cell[4..6], &cell[6..])),
            6 => add(Spelling::Month, month_end(&cell[..4], &cell[4..])),
            _ => {}
        }
        return found;
    }
    let Some(separator) = cell.chars().find(|c| "-/.".contains(*c)) else {
        return words(cell);
    };
    let parts: Vec<&str> = cell.split(separator).collect();
    if !parts.iter().all(|part| is_digits(part)) {
        return words(cell);
    }
    match parts[..] {
        [year, month, day] if year.len() == 4 => add(Spelling::YearFirst, date(year, month, day)),
        [a, b, year] if year.len() == 4 && a.len() <= 2 && b.len() <= 2 => {
            add(Spelling::DayFirst, date(year, b, a));
            if separator != '.' {
                add(Spelling::MonthFirst, date(year, a, b));
            }
        }
        [year, month] if year.len() == 4 && month.len() <= 2 => add(Spelling::Month, month_end(year, month)),
        _ => {}
    }
    found
}

/// Dates whose month is a word: 1 May 2019, 01-May-2019, 01MAY2019, May 1, 2019.
fn words(cell: &str) -> Vec<(Spelling, Date)> {
    let mut parts: Vec<String> = Vec::new();
    let kind = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
    for c in cell.chars() {
        match parts.last_mut() {
            Some(part) if part.chars().next_back().is_some_and(|last| kind(last) == kind(c)) => part.push(c),
            _ => parts.push(c.to_string()),
        }
    }
    parts.retain(|part| part.chars().any(char::is_alphanumeric));
    let month = |word: &str| {
        let word = word.to_lowercase();
        let number = MONTHS.iter().position(|month| word.starts_with(month))?;
        let full = [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ][number];
        (word.len() == 3 || word == full || word == "sept").then_some(number as i8 + 1)
    };
    let [a, b, year] = &parts[..] else { return Vec::new() };
    let date = |day: &str, word: &str| Date::new(year.parse().ok()?, month(word)?, day.parse().ok()?).ok();
    if year.len() != 4 {
        return Vec::new();
    }
    let day_first = date(a, b).map(|date| (Spelling::DayMonthWord, date));
    day_first.or_else(|| date(b, a).map(|date| (Spelling::MonthWordFirst, date))).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[track_caller]
    fn spelt(cells: &[&str], expected: &[Date]) {
        assert_eq!(read(cells.iter().copied(), None).unwrap().dates, expected, "{cells:?}");
    }

    #[test]
    fn every_spelling_gives_its_day() {
        let day = date(2019, 5, 31);
        for text in [
            "2019-05-31",
            "2019/05/31",
            "2019.5.31",
            "20190531",
            "31.05.2019",
            "31/5/2019",
            "05/31/2019",
            "31-05-2019",
            "31-May-2019",
            "31MAY2019",
            "May 31, 2019",
            "31 May 2019",
            "2019-05",
            "201905",
            "2019-05-31T16:00:00Z",
            "2019-05-31 00:00:00+09:00",
            "5/31/2019 16:00",
            "2019-05-31 00:00:00 America/New_York",
        ] {
            spelt(&[text], &[day]);
        }
        for text in ["2019-13-01", "x", "", "12", "31.05.19", "43586", "2019", "0.0043"] {
            assert!(matches!(read([text].into_iter(), None), Err(Problem::NoDates { .. })), "{text}");
        }
    }

    #[test]
    fn day_and_month_are_told_apart_by_the_whole_column_or_refused() {
        spelt(&["01/02/2019", "13/02/2019"], &[date(2019, 2, 1), date(2019, 2, 13)]);
        spelt(&["01/02/2019", "01/13/2019"], &[date(2019, 1, 2), date(2019, 1, 13)]);
        let problem = read(["01/01/2019", "02/01/2019"].into_iter(), None).unwrap_err();
        assert!(
            problem.rule("Date", &MissingCodes::standard()).contains("may be 2019-01-02 or 2019-02-01"),
            "{}",
            problem.rule("Date", &MissingCodes::standard())
        );
        assert_eq!(read(["01/02/2019"].into_iter(), Some("%m/%d/%Y")).unwrap().dates, [date(2019, 1, 2)]);
        assert_eq!(read(["1.2.19"].into_iter(), Some("%d.%m.%y")).unwrap().dates, [date(2019, 2, 1)]);
    }

    #[test]
    fn a_cell_that_breaks_the_column_is_found() {
        let problem = |cells: &[&str]| read(cells.iter().copied(), None).unwrap_err();
        assert_eq!(problem(&["2019-01-01", "02.01.2019"]).row(), 1);
        assert!(matches!(problem(&["2019-01-01", "9999-12-31"]), Problem::OutOfRange { row: 1, .. }));
        assert!(matches!(problem(&["0019-01-01"]), Problem::OutOfRange { row: 0, .. }));
        assert!(problem(&["2019-01-01", ""]).rule("d", &MissingCodes::standard()).contains("is missing"));
    }
}
