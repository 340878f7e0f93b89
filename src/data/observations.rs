//! Observations in any order: checks them and aligns them into a panel.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::calendar::{Calendar, Date, Period, days_since_epoch};
use crate::data::evidence::Evidence;
use crate::data::units::{ValueKind, odd_one, settle};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::panel::{Asset, Field, Panel};

/// Greatest age, in trading days, of a previous price from which a return is still computed.
const OLDEST_PRICE: usize = 10;
/// Codes that some sources write for a missing percentage; as a return each is impossible or nearly so.
const USUAL_CODES: [f64; 3] = [-99.99, -999.0, -99.0];
/// Prices outside this range are mistakes in the source.
const PRICES: std::ops::RangeInclusive<f64> = 1e-12..=1e12;
/// Largest plausible ratio of another price of the day to the close, or of the close to it.
const RANGE_OF_A_DAY: f64 = 1000.0;

/// One value of one asset on one date, with the values of other fields and its place in the source.
pub(super) struct Observation {
    pub date: Date,
    /// Return or price as in the source; NaN where missing.
    pub value: f64,
    /// In the order of [`Field::ALL`]; NaN where unknown.
    pub fields: [f32; Field::ALL.len()],
    /// Index of the file in `files`.
    pub file: u32,
    /// Row number as a person counts it.
    pub row: u32,
}

/// Observations of many assets, in any order.
pub(super) struct Observations {
    wanted: ValueKind,
    hint: Option<ValueKind>,
    /// Whether the dates come from the source; otherwise they only count rows.
    dated: bool,
    days: BTreeSet<Date>,
    files: Vec<String>,
    assets: Vec<Asset>,
    numbers: HashMap<String, usize>,
    rows: Vec<Vec<Observation>>,
}

/// Observations aligned into a panel.
pub(super) struct Aligned {
    pub panel: Panel,
    /// Index in the panel of each asset, in the order in which the source first names them.
    pub order: Vec<usize>,
    /// Lines for the user on guesses made and values left out.
    pub notes: Vec<String>,
}

impl Observations {
    /// No observations yet. `wanted` is the kind of values that the user states, `hint` the kind that the source
    /// suggests.
    pub fn new(wanted: ValueKind, hint: Option<ValueKind>, dated: bool) -> Self {
        let (files, assets, rows) = (Vec::new(), Vec::new(), Vec::new());
        Self { wanted, hint, dated, days: BTreeSet::new(), files, assets, numbers: HashMap::new(), rows }
    }

    /// Records a day of the source, with or without values.
    pub fn day(&mut self, date: Date) {
        self.days.insert(date);
    }

    /// Registers a file and returns its number.
    pub fn file(&mut self, name: String) -> u32 {
        self.files.push(name);
        self.files.len() as u32 - 1
    }

    /// The asset with that symbol; added if it is new.
    pub fn asset(&mut self, symbol: &str) -> &mut Asset {
        let number = self.number(symbol);
        &mut self.assets[number]
    }

    /// Adds an observation of an asset.
    pub fn push(&mut self, symbol: &str, observation: Observation) {
        let number = self.number(symbol);
        self.days.insert(observation.date);
        self.rows[number].push(observation);
    }

    fn number(&mut self, symbol: &str) -> usize {
        if let Some(&number) = self.numbers.get(symbol) {
            return number;
        }
        let number = self.assets.len();
        self.numbers.insert(symbol.to_string(), number);
        self.assets.push(Asset { symbol: symbol.to_string(), ..Asset::default() });
        self.rows.push(Vec::new());
        number
    }

    /// Sorts and checks the observations, decides their unit and aligns them. Assets are ordered by symbol. Refuses
    /// duplicate dates of an asset, impossible values, and values whose unit is unclear.
    pub fn align(mut self) -> Result<Aligned> {
        let mut notes = Vec::new();
        let traded = |o: &Observation| !o.value.is_nan() || !o.fields[Field::Price as usize].is_nan();
        let dates: BTreeSet<Date> = self.rows.iter().flatten().filter(|o| traded(o)).map(|o| o.date).collect();
        if dates.is_empty() {
            return Err(Error::data(self.files.join(", "), "no observations"));
        }
        let n_empty = self.days.len() - dates.len();
        if n_empty > 0 {
            let days = if n_empty == 1 {
                "day on which no asset has a value is"
            } else {
                "days on which no asset has a value are"
            };
            notes.push(format!("{n_empty} {days} left out"));
        }
        for rows in &mut self.rows {
            rows.sort_by_key(|o| (o.date, o.file, o.row));
        }
        (0..self.rows.len()).try_for_each(|asset| self.check_duplicates(asset))?;
        let dates: Vec<Date> = dates.into_iter().collect();
        let calendar = Calendar::new(dates)?;
        let (kind, note) = self.settle(&calendar)?;
        notes.push(note);
        let mut order: Vec<usize> = (0..self.assets.len()).collect();
        order.sort_by(|&a, &b| self.assets[a].symbol.cmp(&self.assets[b].symbol));

        let size = calendar.n_days() * order.len();
        let mut returns = Matrix::zeros(calendar.n_days(), order.len()).map(|_, _, _| f64::NAN);
        let mut fields: BTreeMap<Field, Vec<f32>> = BTreeMap::new();
        for (k, field) in Field::ALL.into_iter().enumerate() {
            if self.rows.iter().flatten().any(|o| !o.fields[k].is_nan()) {
                fields.insert(field, vec![f32::NAN; size]);
            }
        }
        let daily = calendar.periodicity().period == Period::Weekdays;
        for (column, &asset) in order.iter().enumerate() {
            let rows = std::mem::take(&mut self.rows[asset]);
            self.check(asset, &rows, kind)?;
            let days: Vec<usize> = rows.iter().map(|o| calendar.first_on_or_after(o.date)).collect();
            let values = simple_returns(&rows, &days, kind, daily);
            for ((row, &day), value) in rows.iter().zip(&days).zip(values) {
                // A day without a return holds nothing else: the panel's fields describe observed returns.
                if value.is_nan() {
                    continue;
                }
                if value > Panel::HIGHEST_RETURN {
                    let prices = match (kind, price_before(&rows, row)) {
                        (ValueKind::Prices, Some(o)) => {
                            format!(", from {} on {} (row {}) to {}", short(o.value), o.date, o.row, short(row.value))
                        }
                        _ => String::new(),
                    };
                    let rule = format!("a return of {value:.3e} is impossible{prices}; {}", self.way_out(asset, row));
                    return Err(Error::data(self.place(asset, row), rule));
                }
                returns[(day, column)] = value;
                for (k, field) in Field::ALL.into_iter().enumerate() {
                    if let Some(series) = fields.get_mut(&field) {
                        series[column * calendar.n_days() + day] = row.fields[k];
                    }
                }
            }
        }
        let silent = |column: &usize| returns.column(*column).iter().all(|r| r.is_nan());
        let silent: Vec<&str> =
            (0..order.len()).filter(silent).map(|column| self.assets[order[column]].symbol.as_str()).collect();
        if !silent.is_empty() && silent.len() < order.len() {
            let shown = silent.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            let more = if silent.len() > 5 { ", …" } else { "" };
            notes.push(format!(
                "{} of {} assets have no return because their values are too far apart: {shown}{more}",
                silent.len(),
                order.len()
            ));
        }
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &asset)| places[asset] = place);
        let mut assets: Vec<Option<Asset>> = self.assets.into_iter().map(Some).collect();
        let assets = order.iter().map(|&a| assets[a].take().expect("each asset is placed once")).collect();
        Ok(Aligned { panel: Panel::new(calendar, assets, returns, fields)?, order: places, notes })
    }

    fn place(&self, asset: usize, o: &Observation) -> String {
        let (file, symbol) = (&self.files[o.file as usize], &self.assets[asset].symbol);
        let date = if self.dated { format!(", {}", o.date) } else { String::new() };
        format!("{file}, row {}, asset {symbol}{date}", o.row)
    }

    fn check_duplicates(&self, asset: usize) -> Result<()> {
        let repeated = self.rows[asset].windows(2).find(|pair| pair[0].date == pair[1].date);
        let Some(pair) = repeated else { return Ok(()) };
        let first = format!("{}, row {}", self.files[pair[0].file as usize], pair[0].row);
        let rule = format!("duplicate (date, asset), already in {first}; keep one row per day");
        Err(Error::data(self.place(asset, &pair[1]), rule))
    }

    /// The kind of the values, and a line on it for the user.
    fn settle(&self, calendar: &Calendar) -> Result<(ValueKind, String)> {
        let present = |rows: &Vec<Observation>| {
            let finite = rows.iter().map(|o| o.value).filter(|x| x.is_finite());
            finite.filter(|x| !USUAL_CODES.contains(x)).collect::<Vec<f64>>()
        };
        let values: Vec<Vec<f64>> = self.rows.iter().map(present).collect();
        let periods = calendar.periodicity().per_year;
        let evidence = Evidence::of(values.iter().map(Vec::as_slice), periods);
        let settled =
            settle(&evidence, self.wanted, self.hint).map_err(|rule| Error::data(self.files.join(", "), rule))?;
        match odd_one(&values, settled.0, periods) {
            Some((asset, rule)) => {
                let file = self.rows[asset].first().map_or("", |o| &self.files[o.file as usize]);
                Err(Error::data(format!("{file}, asset {}", self.assets[asset].symbol), rule))
            }
            None => Ok(settled),
        }
    }

    /// Refuses observations that are impossible for their kind.
    fn check(&self, asset: usize, rows: &[Observation], kind: ValueKind) -> Result<()> {
        let mut lost_before = false;
        for o in rows {
            let value = o.value;
            let broken = match kind {
                _ if value.is_nan() => None,
                ValueKind::Prices if !PRICES.contains(&value) => {
                    Some(format!("price must be finite and positive, but is {}", short(value)))
                }
                ValueKind::Returns if !(-1.0..).contains(&value) || value.is_infinite() => {
                    Some(format!("return must be finite and at least -1, but is {}", short(value)))
                }
                ValueKind::Percent if !(-100.0..).contains(&value) || USUAL_CODES.contains(&value) => {
                    Some(format!("return in percent must be finite and at least -100, but is {}", short(value)))
                }
                ValueKind::LogReturns if USUAL_CODES.contains(&value) || value < -50.0 => {
                    Some(format!("a logarithmic return of {} is impossible", short(value)))
                }
                _ => None,
            };
            // After a loss of everything nothing is left that could be lost again.
            let lost = |value: f64| match kind {
                ValueKind::Returns => value == -1.0,
                ValueKind::Percent => value == -100.0,
                _ => false,
            };
            let again = std::mem::replace(&mut lost_before, lost(value)) && lost(value);
            let broken = broken.or_else(|| again.then(|| "a loss of everything on two days in a row".to_string()));
            if let Some(rule) = broken {
                return Err(Error::data(self.place(asset, o), format!("{rule}; {}", self.way_out(asset, o))));
            }
            if let Some(rule) = impossible_fields(&o.fields) {
                return Err(Error::data(self.place(asset, o), rule));
            }
        }
        Ok(())
    }

    /// Advice on an impossible value.
    fn way_out(&self, asset: usize, o: &Observation) -> String {
        let n_times = self.rows.iter().flatten().filter(|other| other.value == o.value).count();
        let symbol = &self.assets[asset].symbol;
        if USUAL_CODES.contains(&o.value) || n_times > 2 {
            return format!("if {} means a missing value, add --missing {}", o.value, o.value);
        }
        format!("correct the cell of {symbol}, leave it empty, or say with --values what the numbers are")
    }
}

/// The message on impossible values of the fields of a day, if any. All values are finite or NaN.
pub(super) fn impossible_fields(fields: &[f32; Field::ALL.len()]) -> Option<String> {
    let of = |field: Field| f64::from(fields[field as usize]);
    for (field, most) in [
        (Field::DollarVolume, 1e15),
        (Field::MarketValue, 1e17),
        (Field::SharesOutstanding, 1e15),
        (Field::Price, *PRICES.end()),
        (Field::Split, RANGE_OF_A_DAY),
    ] {
        let name = field.name().replace('_', " ");
        if of(field) < 0.0 {
            return Some(format!("{name} must not be negative, but is {}", of(field)));
        }
        if of(field) > most {
            return Some(format!("a {name} of {:.3e} is impossible", of(field)));
        }
    }
    let (high, low) = (of(Field::High), of(Field::Low));
    // The tolerance allows for single precision and prices in whole cents.
    if high < low - 1e-4 {
        return Some(format!("the high is {:.2} % below the low", 100.0 * (1.0 - (1.0 + high) / (1.0 + low))));
    }
    for field in [Field::High, Field::Low, Field::Open] {
        let ratio = 1.0 + of(field);
        if !ratio.is_nan() && !(1.0 / RANGE_OF_A_DAY..=RANGE_OF_A_DAY).contains(&ratio) {
            return Some(format!("the {} is {ratio:.3e} times the close", field.name()));
        }
    }
    None
}

/// The last row with a price before another row.
fn price_before<'a>(rows: &'a [Observation], row: &Observation) -> Option<&'a Observation> {
    rows.iter().take_while(|o| o.date < row.date).filter(|o| !o.value.is_nan()).last()
}

/// Weekdays from one date to another, including holidays.
fn weekdays_between(from: Date, to: Date) -> usize {
    let (from, to) = (days_since_epoch(from), days_since_epoch(to));
    // 1970-01-01 was a Thursday: Mondays are 4 after a multiple of 7.
    let whole = |day: i32| (day - 4).div_euclid(7) * 5 + (day - 4).rem_euclid(7).min(5);
    usize::try_from(whole(to) - whole(from)).unwrap_or(0)
}

/// One simple return per row. A return from prices spans the time since the previous row with a price and is NaN if
/// that gap is too long. The gap counts days of the panel and, if the panel is `daily`, also weekdays, so that days
/// which the file lacks for all assets count, too.
fn simple_returns(rows: &[Observation], days: &[usize], kind: ValueKind, daily: bool) -> Vec<f64> {
    match kind {
        ValueKind::Percent => return rows.iter().map(|o| o.value / 100.0).collect(),
        ValueKind::LogReturns => return rows.iter().map(|o| o.value.exp_m1()).collect(),
        ValueKind::Prices => {}
        ValueKind::Returns | ValueKind::Guess => return rows.iter().map(|o| o.value).collect(),
    }
    let mut last: Option<(usize, Date, f64)> = None;
    let mut simple_return = |(o, &day): (&Observation, &usize)| {
        if o.value.is_nan() {
            return f64::NAN;
        }
        let is_fresh = |(last_day, date, _): &(usize, Date, f64)| {
            day - last_day <= OLDEST_PRICE && !(daily && weekdays_between(*date, o.date) > OLDEST_PRICE)
        };
        let before = last.replace((day, o.date, o.value)).filter(is_fresh);
        before.map_or(f64::NAN, |(_, _, price)| o.value / price - 1.0)
    };
    rows.iter().zip(days).map(&mut simple_return).collect()
}

/// A number as a person would write it.
fn short(x: f64) -> String {
    if x != 0.0 && !(1e-6..1e9).contains(&x.abs()) { format!("{x:e}") } else { x.to_string() }
}
