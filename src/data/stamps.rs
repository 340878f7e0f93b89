//! Dates of a column of any type: text, days, time stamps with or without a zone, counts since 1970.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use polars::prelude::{DataType, TimeUnit};

use crate::calendar::{Date, date_from_epoch, parse_date};
use crate::data::clocks::{Clock, minutes_of};
use crate::data::dates::{self, Dates, Problem, Spelling};
use crate::data::frame::{Cells, Columns};
use crate::data::guard::guarded;
use crate::data::table::{texts, unusable};
use crate::error::{Error, Result};

/// Days since 1970 of a typed column, `None` where missing, and their times of day.
type Days = (Vec<Option<i64>>, Clock);

impl Columns {
    /// A column of dates that minvar itself has written. Refuses missing and unreadable dates.
    pub fn dates(&self, name: &str) -> Result<Vec<Date>> {
        let column = self.column(name)?;
        let bad =
            |row: usize, text: &str| Error::data(self.place(row), format!("'{text}' in column {name} is not a date"));
        if let Some(days) = self.typed_days(column)? {
            let date = |(row, day): (usize, Option<i64>)| day.and_then(date_of).ok_or_else(|| bad(row, "null"));
            return days.0.into_iter().enumerate().map(date).collect();
        }
        let texts = self.texts_at(column)?;
        texts.iter().enumerate().map(|(row, text)| parse_date(text).ok_or_else(|| bad(row, text))).collect()
    }

    /// A column of a user's dates, or the reason why it is not one.
    ///
    /// With `may_count`, seconds, milliseconds, … since 1970 are also accepted.
    pub(super) fn dates_at(
        &self,
        column: usize,
        format: Option<&str>,
        may_count: bool,
    ) -> Result<std::result::Result<Dates, Problem>> {
        if self.is_nested(column) {
            return Ok(Err(Problem::NoDates { text: String::new() }));
        }
        if let Some((days, clock)) = self.typed_days(column)? {
            let mut dates = Vec::with_capacity(days.len());
            for (row, day) in days.into_iter().enumerate() {
                let Some(date) = day.and_then(date_of) else {
                    return Ok(Err(Problem::Unreadable { row, text: String::new() }));
                };
                if !(1900..=2100).contains(&date.year()) {
                    return Ok(Err(Problem::OutOfRange { row, text: date.to_string() }));
                }
                dates.push(date);
            }
            return Ok(Ok(Dates { dates, spelling: Spelling::YearFirst, clock }));
        }
        let Cells::Text { table, .. } = &self.cells else {
            // Most columns do not hold dates, which their first value shows.
            let first = self.first_text(column)?;
            let first = first.strip_suffix(".0").unwrap_or(&first);
            if let Err(problem) = spelt(std::iter::once(first), format, may_count)
                && !matches!(problem, Problem::Ambiguous { .. })
            {
                return Ok(Err(problem));
            }
            let texts = self.texts_at(column)?;
            return Ok(spelt(texts.iter().map(|text| text.strip_suffix(".0").unwrap_or(text)), format, may_count));
        };
        Ok(spelt(table.column(column), format, may_count))
    }

    /// The first cell of a column as text; empty if there is none.
    pub(super) fn first_text(&self, column: usize) -> Result<String> {
        let frame = match &self.cells {
            Cells::Text { table, .. } => return Ok(table.column(column).next().unwrap_or("").to_string()),
            Cells::Typed(frame) => frame,
        };
        guarded(&self.path, || {
            let first = frame.head(Some(1));
            Ok(texts(&first, frame.columns()[column].name()).map_err(unusable(&self.path))?.pop().unwrap_or_default())
        })
    }

    /// Days since 1970 in the column's own zone, with its times of day, if it is typed as dates or times.
    fn typed_days(&self, column: usize) -> Result<Option<Days>> {
        let Some(values) = self.typed_column(column) else { return Ok(None) };
        let physical = || -> Result<Vec<Option<i64>>> {
            guarded(&self.path, || {
                let physical = values.to_physical_repr().cast(&DataType::Int64).map_err(unusable(&self.path))?;
                Ok(physical.i64().map_err(unusable(&self.path))?.iter().collect())
            })
        };
        let (unit, zone) = match values.dtype() {
            DataType::Date => return Ok(Some((physical()?, Clock::default()))),
            DataType::Datetime(unit, zone) => (*unit, zone.as_ref().map(|zone| zone.to_string())),
            _ => return Ok(None),
        };
        let a_second = match unit {
            TimeUnit::Nanoseconds => 1_000_000_000,
            TimeUnit::Microseconds => 1_000_000,
            TimeUnit::Milliseconds => 1_000,
        };
        let zone = match zone {
            None => None,
            Some(name) => Some(named_zone(&name).ok_or_else(|| {
                let rule = format!("the time zone '{name}' of column {} is unknown", self.names[column]);
                Error::data(self.path.display().to_string(), rule)
            })?),
        };
        let mut clock = Clock::default();
        let mut day = |count: i64| -> Option<i64> {
            let seconds = count.div_euclid(a_second);
            let local = match &zone {
                None => seconds,
                Some(zone) => seconds + i64::from(zone.to_offset(Timestamp::from_second(seconds).ok()?).seconds()),
            };
            clock.note(minutes_of(local));
            Some(local.div_euclid(86_400))
        };
        let days = physical()?.into_iter().map(|count| count.and_then(&mut day)).collect();
        Ok(Some((days, clock)))
    }
}

fn spelt<'a>(
    cells: impl Iterator<Item = &'a str> + Clone,
    format: Option<&str>,
    may_count: bool,
) -> std::result::Result<Dates, Problem> {
    let counted = if may_count { dates::counted(cells.clone()) } else { None };
    counted.map_or_else(|| dates::read(cells, format), Ok)
}

/// The civil date of a number of days since 1970.
fn date_of(days: i64) -> Option<Date> {
    date_from_epoch(i32::try_from(days).ok()?)
}

/// A time zone by its name or its offset, such as Asia/Tokyo or +09:00.
fn named_zone(name: &str) -> Option<TimeZone> {
    let offset = || jiff::fmt::strtime::parse("%:z", name).ok()?.offset();
    TimeZone::get(name).ok().or_else(|| offset().map(TimeZone::fixed))
}
