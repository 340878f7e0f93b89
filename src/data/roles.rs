//! The roles of a table's columns: date, row numbers, values, words. The cells decide; a column's name only confirms.
//!
//! ```text
//! date      a column in which every cell is a date; of several, the one with a usual name, else --date-column
//! counter   whole numbers that count the rows or repeat the date: 0, 1, 2, …; 20190501; 2019; 43586
//! values    numbers and codes for missing ones            empty   codes only
//! words     no number at all                              mixed   both: one of them is a mistake
//! ```

use crate::calendar::{Date, days_since_epoch};
use crate::data::dates::{self, DATE_NAMES, Dates, Problem, Spelling, is_date_name, is_sure_date_name};
use crate::data::frame::{Columns, Content};
use crate::data::numbers::is_numeric;
use crate::data::options::Options;
use crate::data::units::ValueKind;
use crate::data::words::plain;
use crate::error::{Error, Result};

/// Usual names of an index without meaning.
const INDEX_NAMES: [&str; 6] = ["", "index", "indexlevel0", "unnamed0", "rownumber", "rowid"];
/// Usual names of a number that repeats a part of the date.
const CALENDAR_NAMES: [&str; 13] = [
    "yy",
    "weekofmonth",
    "wom",
    "year",
    "month",
    "day",
    "weekday",
    "dayofweek",
    "dow",
    "week",
    "quarter",
    "yearmonth",
    "dayofyear",
];
/// Numbers that follow from a date: its year, month, day, weekday, week and combinations of them.
const CALENDAR_NUMBERS: [fn(Date) -> f64; 16] = [
    |d| f64::from(d.year()),
    |d| f64::from(d.month()),
    |d| f64::from(d.day()),
    |d| f64::from(d.weekday().to_monday_zero_offset()),
    |d| f64::from(d.weekday().to_monday_one_offset()),
    |d| f64::from(d.weekday().to_sunday_one_offset()),
    |d| f64::from(d.day_of_year()),
    |d| f64::from(d.year() % 100),
    |d| f64::from((d.day() - 1) / 7 + 1),
    |d| f64::from(d.year()) * 1000.0 + f64::from(d.day_of_year()),
    |d| f64::from((d.month() + 2) / 3),
    |d| f64::from(d.iso_week_date().week()),
    |d| f64::from(d.iso_week_date().year()) * 100.0 + f64::from(d.iso_week_date().week()),
    |d| f64::from(d.year()) * 10.0 + f64::from((d.month() + 2) / 3),
    |d| f64::from(d.year()) * 100.0 + f64::from(d.month()),
    |d| f64::from(d.year()) * 1e4 + f64::from(d.month()) * 100.0 + f64::from(d.day()),
];
/// Fewest rows in which whole numbers in steps of one are a counter, whatever their column is called.
const COUNTED_ROWS: usize = 10;

/// The kind of a column that is not the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Values,
    Empty,
    Words,
    /// Both numbers and words: a cell is wrong.
    Mixed,
    Counter,
    /// Dates other than those of the rows.
    OtherDate,
}

/// The columns of a table and their roles, which are found on demand.
pub(super) struct Roles<'a> {
    columns: &'a Columns,
    options: &'a Options,
    /// The date column and its dates.
    pub date: Option<(usize, Dates)>,
    /// Whether only the name decides if a column of whole numbers is a counter.
    by_name: bool,
}

impl<'a> Roles<'a> {
    /// Finds the dates of a table, if it has any. Refuses a column that looks like dates but cannot be read.
    pub fn find(columns: &'a Columns, options: &'a Options) -> Result<Self> {
        if columns.levels().is_none() {
            columns.check_names()?;
        }
        check_header(columns)?;
        if columns.n_rows() == 0 {
            let rule = "no observations: there is no row below the header";
            return Err(Error::data(columns.path().display().to_string(), rule));
        }
        if options.values == ValueKind::Percent && columns.has_percent_signs() {
            let rule = "cells have a percent sign and are read as percentages, which --values percent would divide by \
                        100 again: leave it out";
            return Err(Error::data(columns.path().display().to_string(), rule));
        }
        Ok(Self { columns, options, date: date_column(columns, options)?, by_name: false })
    }

    /// [`Self::find`] for weights and rates, which may agree with the calendar by chance: a weight of 1 on Mondays.
    pub fn of_small_numbers(columns: &'a Columns, options: &'a Options) -> Result<Self> {
        Ok(Self { by_name: true, ..Self::find(columns, options)? })
    }

    fn is_counter(&self, column: usize) -> Result<bool> {
        match self.by_name {
            true => Ok(is_index_name(&plain(&self.columns.names()[column]))),
            false => is_counter(self.columns, column, self.date.as_ref(), self.options),
        }
    }

    /// The dates of a table; an error if it has none.
    pub fn dates(&self) -> Result<&[Date]> {
        let dates = self.date.as_ref().map(|(_, dates)| dates.dates.as_slice());
        dates.ok_or_else(|| {
            let names = self.columns.names();
            let shown = names.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
            let codes = &self.options.missing;
            let rule = format!(
                "no column holds dates; say which with {}, and their form with {}; columns are {shown}",
                codes.option("date-column", "NAME"),
                codes.option("date-format", "FORM")
            );
            Error::data(self.columns.path().display().to_string(), rule)
        })
    }

    /// The role of a column that is not the date.
    pub fn role(&self, column: usize) -> Result<Role> {
        let (columns, options) = (self.columns, self.options);
        Ok(match columns.content(column, &options.missing)? {
            Content { n_numbers: 0, n_texts: 0, .. } => Role::Empty,
            Content { n_numbers: 0, .. } if is_date(columns, column, options)? => Role::OtherDate,
            Content { n_numbers: 0, .. } => Role::Words,
            Content { n_texts: 0, .. } if self.is_counter(column)? => Role::Counter,
            Content { n_texts: 0, .. } => Role::Values,
            _ => Role::Mixed,
        })
    }

    /// The role of every column; `None` for the date column.
    pub fn all(&self) -> Result<Vec<Option<Role>>> {
        let chosen = self.date.as_ref().map(|(column, _)| *column);
        let role = |column: usize| if chosen == Some(column) { Ok(None) } else { self.role(column).map(Some) };
        (0..self.columns.names().len()).map(role).collect()
    }

    /// The columns that hold assets in a wide table, which are all that hold values, and a line for the user on the
    /// others. Refuses cells that cannot be read.
    pub fn assets(&self) -> Result<(Vec<usize>, Option<String>)> {
        let roles = self.all()?;
        let of = |role: Role| (0..roles.len()).filter(|column| roles[*column] == Some(role)).collect::<Vec<usize>>();
        if let Some(&mixed) = of(Role::Mixed).first() {
            self.columns.values_at(mixed, &self.options.missing)?;
        }
        let names = self.columns.names();
        let refuse = |rule: String| Err(Error::data(self.columns.path().display().to_string(), rule));
        let assets = of(Role::Values);
        if let Some(column) = assets.iter().find(|column| names[**column].is_empty()) {
            return refuse(format!("column {} holds values, but has no name", column + 1));
        }
        if assets.is_empty() {
            return refuse(format!("no column holds numbers; columns are {}", names.join(", ")));
        }
        let listed = |role: Role, what: &str| {
            let of_role = of(role);
            let name = |column: &usize| match names[*column].as_str() {
                "" => format!("number {}", column + 1),
                name => name.to_string(),
            };
            let shown: Vec<String> = of_role.iter().take(5).map(name).collect();
            let more = if of_role.len() > 5 { ", …" } else { "" };
            (!of_role.is_empty()).then(|| format!("{}{more} ({what})", shown.join(", ")))
        };
        let parts: Vec<String> = [
            listed(Role::Counter, "row or calendar numbers"),
            listed(Role::OtherDate, "other dates"),
            listed(Role::Words, "words"),
            listed(Role::Empty, "no values"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let left_out = (!parts.is_empty()).then(|| format!("columns left out: {}", parts.join("; ")));
        Ok((assets, left_out))
    }

    /// A line for the user on where the dates come from.
    pub fn told(&self) -> String {
        match &self.date {
            None => "no date column: rows are taken in the order of the file, oldest first".to_string(),
            Some((column, dates)) => {
                let names = self.columns.names();
                let name = if names[*column].is_empty() { "without a name" } else { &names[*column] };
                let stamped = if dates.clock.is_stamped() { ", local day of time stamps" } else { "" };
                let doubt = dates.clock.doubt(&dates.dates).map(|doubt| format!("; {doubt}")).unwrap_or_default();
                format!("dates from column {name} ({}{stamped}){doubt}", dates.spelling.name())
            }
        }
    }
}

/// Refuses a first line that holds values instead of names.
fn check_header(columns: &Columns) -> Result<()> {
    let names = columns.names();
    let refuse = |rule: &str| Err(Error::data(columns.path().display().to_string(), rule));
    if names.is_empty() {
        return refuse("the file has no columns");
    }
    // Whole numbers may be names: data frame columns, permanent numbers of stocks. 100.4, $5 and 0.5 % are not.
    let is_whole = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let is_value = |name: &String| is_numeric(name) && !is_whole(name) && !dates::is_date(name);
    let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    let are_names = numbers.as_ref().is_some_and(|numbers| {
        let counts = |from: f64| numbers.iter().enumerate().all(|(k, x)| *x == k as f64 + from);
        counts(0.0) || counts(1.0) || numbers.iter().all(|x| *x >= 10_000.0 && x.fract() == 0.0)
    });
    let (first, rest) = (&names[0], &names[1..]);
    let is_dated = |name: &String| dates::is_date(name) && !is_whole(name);
    let are_dates =
        rest.len() > 1 && rest.iter().all(|name| dates::is_date(name)) && !rest.iter().all(|name| is_whole(name));
    if are_dates && !is_dated(first) {
        return refuse("the dates are in the header line, but a table must have one row per day: transpose it");
    }
    let starts_with_date = dates::is_date(first) && !rest.is_empty() && rest.iter().all(|name| is_numeric(name));
    // Whole numbers of the same size as those below them are values, too.
    let is_like_below = |(column, name): (usize, &String)| {
        let below = columns.first_text(column).ok().and_then(|text| text.trim().parse::<f64>().ok());
        below.zip(name.parse::<f64>().ok()).is_some_and(|(below, above)| (below / above - 1.0).abs() < 0.5)
    };
    let are_names = are_names
        && !(names[0].parse::<f64>().is_ok_and(|x| x >= 10_000.0) && names.iter().enumerate().all(is_like_below));
    if names.iter().any(is_value) || is_dated(first) || starts_with_date || (numbers.is_some() && !are_names) {
        return refuse("the first line holds values; it must hold the names of the columns (a .npy file needs none)");
    }
    Ok(())
}

/// The dates of a column if its cells are dates, else the problem.
fn try_dates(columns: &Columns, column: usize, format: Option<&str>) -> Result<std::result::Result<Dates, Problem>> {
    let named = is_date_name(&columns.names()[column]);
    let found = columns.dates_at(column, format, named)?;
    // Six digits may be prices; as months they are accepted only if they are in order.
    Ok(found.and_then(|dates| match dates.spelling {
        Spelling::Month if !named && !is_ordered(&dates.dates) => Err(Problem::NoDates { text: String::new() }),
        _ => Ok(dates),
    }))
}

fn is_ordered(dates: &[Date]) -> bool {
    dates.len() > 1
        && (dates.windows(2).all(|pair| pair[0] < pair[1]) || dates.windows(2).all(|pair| pair[0] > pair[1]))
}

fn is_date(columns: &Columns, column: usize, options: &Options) -> Result<bool> {
    Ok(try_dates(columns, column, options.date_format.as_deref())?.is_ok())
}

fn date_column(columns: &Columns, options: &Options) -> Result<Option<(usize, Dates)>> {
    let names = columns.names();
    let format = options.date_format.as_deref();
    let refuse = |column: usize, problem: &Problem| {
        let name = if names[column].is_empty() { "without a name" } else { &names[column] };
        Err(Error::data(
            columns.place(problem.row().min(columns.n_rows().saturating_sub(1))),
            problem.rule(name, &options.missing),
        ))
    };
    if let Some(wanted) = &options.date_column {
        let Some(column) = names.iter().position(|name| name == wanted).or_else(|| columns.position(&[wanted])) else {
            let error = Error::unknown("column", wanted, names.iter().map(String::as_str));
            return Err(Error::data(columns.path().display().to_string(), error.to_string()));
        };
        return match columns.dates_at(column, format, true)? {
            Ok(dates) => shifted(columns, options, dates, column),
            Err(problem) => refuse(column, &problem),
        };
    }
    let mut found: Vec<(usize, Dates)> = Vec::new();
    let mut broken: Option<(usize, Problem)> = None;
    for (column, name) in names.iter().enumerate() {
        match try_dates(columns, column, format)? {
            Ok(dates) if !dates.dates.is_empty() => found.push((column, dates)),
            Ok(_) => {}
            Err(problem) => {
                let named = is_date_name(name);
                let looks = match &problem {
                    Problem::NoDates { text } => looks_like_a_date(text),
                    _ => true,
                };
                let at_an_edge = column == 0 || INDEX_NAMES.contains(&plain(name).as_str());
                // DAY and TIME may be tickers: such a column is not broken if it begins with a number that is not a
                // date.
                let is_number = matches!(&problem, Problem::NoDates { text } if text.parse::<f64>().is_ok());
                let is_broken = (named && !is_number) || is_sure_date_name(name) || (looks && at_an_edge);
                if broken.is_none() && is_broken {
                    broken = Some((column, problem));
                }
            }
        }
    }
    if found.len() > 1 {
        let named = |name: &&str| found.iter().position(|(column, _)| plain(&names[*column]) == **name);
        let index = found.iter().position(|(column, _)| INDEX_NAMES.contains(&plain(&names[*column]).as_str()));
        match DATE_NAMES.iter().find_map(named).or(index) {
            Some(place) => found = vec![found.swap_remove(place)],
            None => {
                let both: Vec<&str> = found.iter().map(|(column, _)| names[*column].as_str()).collect();
                let rule = format!(
                    "columns {} all hold dates; say which with {}",
                    both.join(", "),
                    options.missing.option("date-column", "NAME")
                );
                return Err(Error::data(columns.path().display().to_string(), rule));
            }
        }
    }
    match (found.pop(), broken) {
        (Some((column, dates)), _) => shifted(columns, options, dates, column),
        (None, Some((column, problem))) => refuse(column, &problem),
        (None, None) => Ok(None),
    }
}

/// Refuses dates whose time stamps look like midnights of another time zone.
fn shifted(columns: &Columns, options: &Options, dates: Dates, column: usize) -> Result<Option<(usize, Dates)>> {
    match dates.clock.zone(&dates.dates).filter(|_| options.date_format.is_none()) {
        None => Ok(Some((column, dates))),
        Some(zone) => {
            let rule = other_zone(&columns.names()[column], zone, options);
            Err(Error::data(columns.path().display().to_string(), rule))
        }
    }
}

/// The message on time stamps that look like midnights of another time zone.
pub(super) fn other_zone(column: &str, zone: &str, options: &Options) -> String {
    let days = if zone == "further east" { "on Sundays instead of Fridays" } else { "on Saturdays instead of Mondays" };
    format!(
        "time stamps in column {column} fall {days}, like midnights of a time zone {zone} than the one they are \
         written in; write them in local time; if the market does trade on these days, give their form with {}, such \
         as %Y-%m-%d %H:%M:%S%:z",
        options.missing.option("date-format", "FORM")
    )
}

/// Whether a text is three groups of digits with the same separator, such as 5/1/19.
fn looks_like_a_date(text: &str) -> bool {
    let part = text.split([' ', 'T']).next().unwrap_or("");
    "-/.".chars().any(|separator| {
        let parts: Vec<&str> = part.split(separator).collect();
        let is_part = |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        parts.len() == 3 && parts.iter().all(is_part)
    })
}

/// Whether a name, as [`plain`] writes it, is a usual name of an index.
fn is_index_name(name: &str) -> bool {
    INDEX_NAMES.contains(&name) || name.starts_with("indexlevel") || name.starts_with("unnamed")
}

/// Whether the numbers of a column only count the rows or only repeat the date.
fn is_counter(columns: &Columns, column: usize, date: Option<&(usize, Dates)>, options: &Options) -> Result<bool> {
    let values = columns.values_at(column, &options.missing)?;
    if values.len() < 2 || values.iter().any(|x| x.is_nan()) {
        return Ok(false);
    }
    if values.iter().any(|x| x.fract() != 0.0) {
        // Decimal years such as 2019.33.
        let year = |d: &Date| f64::from(d.year()) + f64::from(d.day_of_year() - 1) / 365.25;
        return Ok(date.is_some_and(|(_, Dates { dates, .. })| {
            values.len() >= COUNTED_ROWS && values.iter().zip(dates).all(|(x, date)| (x - year(date)).abs() < 0.01)
        }));
    }
    let name = plain(&columns.names()[column]);
    let named = is_index_name(&name);
    let steps = |by: f64| values.windows(2).all(|pair| pair[1] - pair[0] == by);
    let counts = steps(1.0) || steps(-1.0);
    // An index stays one when tables are joined or shuffled.
    if (named && values.iter().all(|x| *x >= 0.0)) || (counts && values.len() >= COUNTED_ROWS) {
        return Ok(true);
    }
    let Some((_, Dates { dates, .. })) = date else { return Ok(false) };
    // Small constant numbers, or a few small numbers, may agree with the date by chance unless the name confirms it.
    let is_constant = values.windows(2).all(|pair| pair[0] == pair[1]);
    let is_small = values.iter().all(|x| *x < 1_000.0);
    if is_small && (is_constant || values.len() < COUNTED_ROWS) && !CALENDAR_NAMES.contains(&name.as_str()) {
        return Ok(false);
    }
    let says = |of: fn(Date) -> f64| values.iter().zip(dates).all(|(x, date)| *x == of(*date));
    let same_distance = |a_day: f64| {
        let distance = |(x, date): (&f64, &Date)| x / a_day - f64::from(days_since_epoch(*date));
        let mut distances = values.iter().zip(dates).map(distance);
        let first = distances.next().unwrap_or(0.0);
        distances.all(|distance| (distance - first).abs() < 1.0) && dates.first() != dates.last()
    };
    Ok(CALENDAR_NUMBERS.into_iter().any(says)
        || [1.0, 86_400.0, 86_400e3, 86_400e6, 86_400e9].into_iter().any(same_distance))
}
