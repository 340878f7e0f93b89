//! Dates and trading days. A *day* is the index of a trading day in a calendar, from 0; a *date* is its civil date.

mod periodicity;

pub use jiff::civil::Date;
pub use periodicity::{Period, Periodicity, TRADING_DAYS, is_weekend};

use crate::error::{Error, Result};

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// The trading days of a panel, oldest first, strictly increasing.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar(Vec<Date>);

impl Calendar {
    /// Refuses dates that do not increase strictly.
    pub fn new(dates: Vec<Date>) -> Result<Self> {
        if let Some(pair) = dates.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Error::data("calendar", format!("dates must increase, but {} follows {}", pair[1], pair[0])));
        }
        Ok(Self(dates))
    }

    /// The first `n_days` weekdays from `first` on, including holidays.
    pub fn weekdays(first: Date, n_days: usize) -> Self {
        let weekdays =
            first.series(jiff::Span::new().days(1)).filter(|date| date.weekday().to_monday_one_offset() <= 5);
        Self(weekdays.take(n_days).collect())
    }

    /// Number of trading days.
    pub fn n_days(&self) -> usize {
        self.0.len()
    }

    /// All dates, oldest first.
    pub fn dates(&self) -> &[Date] {
        &self.0
    }

    /// The date of a day.
    pub fn date(&self, day: usize) -> Date {
        self.0[day]
    }

    /// The first day on or after a date; `n_days` if there is none.
    pub fn first_on_or_after(&self, date: Date) -> usize {
        self.0.partition_point(|&d| d < date)
    }
}

/// Days from 1970-01-01 to a date, as files store dates.
pub fn days_since_epoch(date: Date) -> i32 {
    (date - EPOCH).get_days()
}

/// The date `days` days after 1970-01-01; `None` if it is out of range.
pub fn date_from_epoch(days: i32) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// Parses `2020-01-31`, `20200131`, `2020/01/31` or an ISO date followed by a time.
pub fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let compact = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    let parsed = if compact {
        Date::strptime("%Y%m%d", text)
    } else if text.contains('/') {
        Date::strptime("%Y/%m/%d", text)
    } else {
        text.get(..10).unwrap_or(text).parse()
    };
    parsed.ok()
}

/// Dates in TOML, as a TOML date (2018-01-01) or as text: `#[serde(with = "toml_date")]`.
pub mod toml_date {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Date, parse_date};

    /// The two forms of a date in TOML.
    #[derive(Deserialize)]
    #[serde(untagged)]
    #[allow(missing_docs)]
    pub enum Written {
        Toml(toml::value::Datetime),
        Text(String),
    }

    /// In the JSON schema, a date is a string.
    #[cfg(feature = "cli")]
    impl schemars::JsonSchema for Written {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "date".into()
        }

        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({ "type": "string", "format": "date" })
        }
    }

    /// Reads a date.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = match Written::deserialize(deserializer)? {
            Written::Toml(datetime) => datetime.to_string(),
            Written::Text(text) => text,
        };
        let date = parse_date(&text);
        date.ok_or_else(|| serde::de::Error::custom(format!("'{text}' is not a date such as 2018-01-31")))
    }

    /// Writes a date.
    pub fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        let datetime: toml::value::Datetime = date.to_string().parse().expect("an ISO date");
        datetime.serialize(serializer)
    }

    /// Optional dates in TOML.
    pub mod optional {
        use super::{Date, Deserializer, Serializer};

        /// Reads a date.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
            super::deserialize(deserializer).map(Some)
        }

        /// Writes a date; the caller must skip `None`.
        pub fn serialize<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
            match date {
                Some(date) => super::serialize(date, serializer),
                None => serializer.serialize_none(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn dates_in_the_usual_spellings_are_the_same_day() {
        for text in ["2020-01-31", "20200131", "2020/01/31", "2020-01-31 00:00:00", "2020-01-31T16:00:00Z"] {
            assert_eq!(parse_date(text), Some(date(2020, 1, 31)), "{text}");
        }
        for text in ["31.01.2020", "2020-13-01", "", "abc"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn epoch_days_return_to_the_same_date() {
        let day = date(2024, 3, 8);
        assert_eq!(date_from_epoch(days_since_epoch(day)), Some(day));
        assert_eq!(days_since_epoch(date(1970, 1, 2)), 1);
    }

    #[test]
    fn weekdays_skip_weekends() {
        let calendar = Calendar::weekdays(date(2020, 1, 3), 2); // a Friday
        assert_eq!(calendar.dates(), [date(2020, 1, 3), date(2020, 1, 6)]);
    }

    #[test]
    fn a_repeated_date_is_refused() {
        assert!(Calendar::new(vec![date(2020, 1, 1), date(2020, 1, 1)]).is_err());
    }
}
