//! Observations in any order, aligned to a panel.

use std::collections::{BTreeMap, HashMap};

use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::panel::{Asset, Field, Panel};

/// Longest gap, in trading days of the panel, over which a return is computed from two prices.
const LONGEST_GAP: usize = 10;

/// What the observed values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Total returns.
    Return,
    /// Prices, adjusted for splits and dividends where the source says so.
    Price,
}

/// One value of one asset on one date, with the values of other fields and the place it came from.
pub(super) struct Observation {
    pub date: Date,
    /// Return or price; NaN where missing.
    pub value: f64,
    /// In the order of [`Field::ALL`]; NaN where unknown.
    pub fields: [f32; Field::ALL.len()],
    /// File, as number in `files`, and row for people.
    pub file: u32,
    pub row: u32,
}

/// Observations of many assets, in any order.
pub(super) struct Observations {
    measure: Measure,
    files: Vec<String>,
    assets: Vec<Asset>,
    numbers: HashMap<String, usize>,
    rows: Vec<Vec<Observation>>,
}

impl Observations {
    pub fn new(measure: Measure) -> Self {
        Self { measure, files: Vec::new(), assets: Vec::new(), numbers: HashMap::new(), rows: Vec::new() }
    }

    /// Registers a file and returns its number.
    pub fn file(&mut self, name: String) -> u32 {
        self.files.push(name);
        self.files.len() as u32 - 1
    }

    /// The asset of that symbol, new or known, with what is known of it.
    pub fn asset(&mut self, symbol: &str) -> &mut Asset {
        let number = self.number(symbol);
        &mut self.assets[number]
    }

    /// Adds an observation of an asset.
    pub fn push(&mut self, symbol: &str, observation: Observation) {
        let number = self.number(symbol);
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

    /// Sorts, checks and aligns. Assets come in the order of their symbols.
    pub fn into_panel(mut self) -> Result<Panel> {
        let mut dates: Vec<Date> = self.rows.iter().flatten().map(|o| o.date).collect();
        dates.sort_unstable();
        dates.dedup();
        if dates.is_empty() {
            return Err(Error::data(self.files.join(", "), "no observations"));
        }
        let calendar = Calendar::new(dates)?;
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
        for (column, &asset) in order.iter().enumerate() {
            let mut rows = std::mem::take(&mut self.rows[asset]);
            rows.sort_by_key(|o| (o.date, o.file, o.row));
            self.check(asset, &rows)?;
            let days: Vec<usize> = rows.iter().map(|o| calendar.first_on_or_after(o.date)).collect();
            let values = self.returns(&rows, &days);
            for ((row, &day), value) in rows.iter().zip(&days).zip(values) {
                // A day without a return holds nothing else: the panel's fields describe observed returns.
                if value.is_nan() {
                    continue;
                }
                returns[(day, column)] = value;
                for (k, field) in Field::ALL.into_iter().enumerate() {
                    if let Some(series) = fields.get_mut(&field) {
                        series[column * calendar.n_days() + day] = row.fields[k];
                    }
                }
            }
        }
        let mut assets: Vec<Option<Asset>> = self.assets.into_iter().map(Some).collect();
        let assets = order.iter().map(|&a| assets[a].take().expect("each asset is placed once")).collect();
        Panel::new(calendar, assets, returns, fields)
    }

    /// Rules on single observations and on neighbours with the same date.
    fn check(&self, asset: usize, rows: &[Observation]) -> Result<()> {
        let symbol = &self.assets[asset].symbol;
        let place =
            |o: &Observation| format!("{}, row {}, asset {symbol}, {}", self.files[o.file as usize], o.row, o.date);
        if let Some(pair) = rows.windows(2).find(|pair| pair[0].date == pair[1].date) {
            let first = format!("{}, row {}", self.files[pair[0].file as usize], pair[0].row);
            return Err(Error::data(place(&pair[1]), format!("duplicate (date, asset), already in {first}")));
        }
        for o in rows {
            let value = o.value;
            match self.measure {
                Measure::Return if value.is_infinite() || value < -1.0 => {
                    return Err(Error::data(
                        place(o),
                        format!("return must be finite and at least -1, but is {value}"),
                    ));
                }
                Measure::Price if value.is_infinite() || value <= 0.0 => {
                    return Err(Error::data(place(o), format!("price must be finite and positive, but is {value}")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// One return a row; from prices, over the previous priced row unless the gap is too long.
    fn returns(&self, rows: &[Observation], days: &[usize]) -> Vec<f64> {
        if self.measure == Measure::Return {
            return rows.iter().map(|o| o.value).collect();
        }
        let mut last: Option<(usize, f64)> = None;
        let mut simple_return = |(o, &day): (&Observation, &usize)| {
            if o.value.is_nan() {
                return f64::NAN;
            }
            let before = last.replace((day, o.value)).filter(|(last_day, _)| day - last_day <= LONGEST_GAP);
            before.map_or(f64::NAN, |(_, price)| o.value / price - 1.0)
        };
        rows.iter().zip(days).map(&mut simple_return).collect()
    }
}
