//! Panels: aligned series of days × assets, and the past of a day.

mod exclusion;
mod gaps;
mod past;
mod quotes;
mod size_ranks;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use exclusion::{Excluded, Exclusion};
pub use gaps::{LEAST_HOLES, SourceGap};
pub use past::Past;
pub use quotes::{ASSUMED_PRICE_USD, Quote, Quotes, stand_ins};
pub use size_ranks::SizeRanks;

use crate::calendar::{Calendar, days_since_epoch};
use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// Index of an asset in [`Panel::assets`].
pub type AssetId = usize;

/// Description of an asset: everything but its series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asset {
    /// Unique name within the panel.
    pub symbol: String,
    /// Company name; empty when unknown.
    pub name: String,
    /// Sector; empty when unknown.
    pub sector: String,
    /// Issuer, the same for share classes and near copies; empty if the asset shares it with no other.
    pub issuer: String,
    /// Return from the last price to the amount that holders received, if known.
    pub delisting_return: Option<f64>,
    /// Exchange of the listing, if known.
    pub venue: Option<Venue>,
    /// Whether the listing ended with the last return: `Some(false)` if only the source ends there, `None` if unknown.
    pub left: Option<bool>,
}

/// The exchange in whose auctions an asset is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Venue {
    /// New York Stock Exchange.
    Nyse,
    /// Nasdaq.
    Nasdaq,
    /// NYSE American, formerly AMEX.
    Amex,
}

impl Venue {
    /// Every exchange.
    pub const ALL: [Venue; 3] = [Venue::Nyse, Venue::Nasdaq, Venue::Amex];

    /// The name used in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Venue::Nyse => "NYSE",
            Venue::Nasdaq => "NASDAQ",
            Venue::Amex => "AMEX",
        }
    }

    /// The exchange with that name, ignoring case; `None` for any other name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.name().eq_ignore_ascii_case(name.trim()))
    }
}

/// Series that a panel may hold besides total returns, in single precision; NaN where unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Traded value, dollars per day.
    DollarVolume,
    /// High of the day over its close, minus one.
    High,
    /// Low of the day over its close, minus one.
    Low,
    /// Closing price as traded, dollars.
    Price,
    /// Market value, dollars.
    MarketValue,
    /// Shares outstanding.
    SharesOutstanding,
    /// Price of the opening auction over the close of the same day, minus one.
    Open,
    /// New shares for one old share, effective before the open; 1 on other days.
    Split,
}

impl Field {
    /// Every field, in the order of storage.
    pub const ALL: [Field; 8] = [
        Field::DollarVolume,
        Field::High,
        Field::Low,
        Field::Price,
        Field::MarketValue,
        Field::SharesOutstanding,
        Field::Open,
        Field::Split,
    ];

    /// The name used in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Field::DollarVolume => "dollar_volume",
            Field::High => "high",
            Field::Low => "low",
            Field::Price => "price",
            Field::MarketValue => "market_value",
            Field::SharesOutstanding => "shares_outstanding",
            Field::Open => "open",
            Field::Split => "split",
        }
    }
}

/// Daily total returns and further series of many assets on common trading days.
///
/// A missing value is NaN. Returns are simple, close to close, as fractions.
pub struct Panel {
    calendar: Calendar,
    assets: Vec<Asset>,
    returns: Matrix,
    fields: BTreeMap<Field, Vec<f32>>,
    /// First and last day with a return, per asset.
    lives: Vec<Option<(usize, usize)>>,
    /// Summary of the returns removed by exclusions; they do not change `lives`.
    excluded: Option<Excluded>,
    gaps: OnceLock<Vec<SourceGap>>,
    periods_per_year: f64,
    hash: OnceLock<String>,
}

impl Panel {
    /// The highest return accepted from a file: a price a thousand times the last one is a mistake in the source.
    pub const HIGHEST_RETURN: f64 = 1000.0;

    /// Refuses repeated symbols, and returns or delisting returns that are infinite or below −100 %.
    ///
    /// `returns` is n_days × n_assets; each field has one value per entry of `returns`, column-major. Panics for
    /// other shapes.
    pub fn new(
        calendar: Calendar,
        assets: Vec<Asset>,
        returns: Matrix,
        fields: BTreeMap<Field, Vec<f32>>,
    ) -> Result<Self> {
        assert_eq!((returns.nrows(), returns.ncols()), (calendar.n_days(), assets.len()), "returns are days x assets");
        assert!(fields.values().all(|series| series.len() == returns.entries().len()), "a field is days x assets");
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = assets.iter().find(|asset| !seen.insert(asset.symbol.as_str())) {
            return Err(Error::data(format!("asset {}", twice.symbol), "symbol occurs twice in the panel"));
        }
        let mut lives = Vec::with_capacity(assets.len());
        let impossible = |asset: &&Asset| asset.delisting_return.is_some_and(|r| !(r >= -1.0 && r.is_finite()));
        if let Some(asset) = assets.iter().find(impossible) {
            let rule = format!(
                "delisting return must be finite and at least -1, but is {}",
                asset.delisting_return.unwrap_or(f64::NAN)
            );
            return Err(Error::data(format!("asset {}", asset.symbol), rule));
        }
        for (asset, column) in assets.iter().zip(returns.columns()) {
            if let Some(day) = column.iter().position(|r| r.is_infinite() || *r < -1.0) {
                let place = format!("asset {}, {}", asset.symbol, calendar.date(day));
                let rule = format!("return must be finite and at least -1, but is {}", column[day]);
                return Err(Error::data(place, rule));
            }
            let first = column.iter().position(|r| !r.is_nan());
            let last = column.iter().rposition(|r| !r.is_nan());
            lives.push(first.zip(last));
        }
        let periods_per_year = calendar.periodicity().per_year;
        Ok(Self {
            periods_per_year,
            calendar,
            assets,
            returns,
            fields,
            lives,
            excluded: None,
            gaps: OnceLock::new(),
            hash: OnceLock::new(),
        })
    }

    /// A panel of nothing but daily returns (T × N), for use where the dates do not matter: they are weekdays from
    /// 2000 on.
    pub fn of_returns(names: &[impl ToString], returns: Matrix) -> Result<Self> {
        let calendar = Calendar::weekdays(jiff::civil::date(2000, 1, 3), returns.nrows());
        let asset = |name: &dyn ToString| Asset { symbol: name.to_string(), ..Asset::default() };
        let assets = names.iter().map(|name| asset(name)).collect();
        Self::new(calendar, assets, returns, BTreeMap::new())
    }

    /// The trading days.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Days in a year: found from the calendar, or set by [`with_periods_per_year`](Self::with_periods_per_year).
    pub fn periods_per_year(&self) -> f64 {
        self.periods_per_year
    }

    /// The same panel with another number of days in a year. It becomes part of the content hash, because rank
    /// windows depend on it.
    pub fn with_periods_per_year(mut self, periods_per_year: f64) -> Self {
        if periods_per_year != self.periods_per_year {
            let mut hasher = blake3::Hasher::new();
            hasher.update(b"minvar panel 1 periods").update(self.content_hash().as_bytes());
            hasher.update(&periods_per_year.to_le_bytes());
            self.periods_per_year = periods_per_year;
            self.hash = hasher.finalize().to_hex().to_string().into();
        }
        self
    }

    /// The assets, in the order of their ids.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// Number of trading days.
    pub fn n_days(&self) -> usize {
        self.calendar.n_days()
    }

    /// Number of assets.
    pub fn n_assets(&self) -> usize {
        self.assets.len()
    }

    /// Daily total returns of an asset (n_days), NaN where missing.
    pub fn returns(&self, asset: AssetId) -> &[f64] {
        self.returns.column(asset)
    }

    /// The returns of all assets on some days (days × assets), NaN where missing.
    pub fn matrix(&self, days: std::ops::Range<usize>) -> Matrix {
        Matrix::from_fn(days.len(), self.n_assets(), |day, asset| self.returns(asset)[days.start + day])
    }

    /// The return that a holder earns on a day: the day's return or, on the day after the end of a listing, the
    /// delisting return. NaN if it is unknown, so that the price is carried forward.
    pub fn earned(&self, asset: AssetId, day: usize) -> f64 {
        match self.lives[asset] {
            Some((_, last)) if day == last + 1 => self.assets[asset].delisting_return.unwrap_or(f64::NAN),
            _ => self.returns(asset)[day],
        }
    }

    /// The series of a field for an asset (n_days), if the panel holds that field.
    pub fn field(&self, field: Field, asset: AssetId) -> Option<&[f32]> {
        let series = self.fields.get(&field)?;
        Some(&series[asset * self.n_days()..(asset + 1) * self.n_days()])
    }

    /// The fields held, in the order of storage.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.fields.keys().copied()
    }

    /// First and last day with a return; `None` for an asset without any.
    pub fn life(&self, asset: AssetId) -> Option<(usize, usize)> {
        self.lives[asset]
    }

    /// Whether the end of a listing was announced: the source says that the listing ended, or what holders received. An end on
    /// the last trading day of a calendar year counts as that of a file.
    pub fn is_end_announced(&self, asset: AssetId) -> bool {
        let Some((_, last)) = self.lives[asset] else { return false };
        let year = |day: usize| self.calendar.date(day).year();
        let ends_within_year = last + 1 < self.n_days() && year(last) == year(last + 1);
        match self.assets[asset].left {
            Some(left) => left && ends_within_year,
            None => last + 1 < self.n_days() && self.assets[asset].delisting_return.is_some(),
        }
    }

    /// Whether the source says of any asset how its listing ended.
    pub fn knows_ends(&self) -> bool {
        self.assets.iter().any(|asset| asset.left.is_some() || asset.delisting_return.is_some())
    }

    /// Number of returns that are present.
    pub fn n_returns(&self) -> usize {
        self.returns.entries().iter().filter(|r| !r.is_nan()).count()
    }

    /// Everything known at the close of day `end - 1`.
    pub fn past(&self, end: usize) -> Past<'_> {
        Past::new(self, end)
    }

    /// BLAKE3 hash of calendar, assets and all series: equal content has an equal hash, whatever file it came from. How listings
    /// ended is not part of it, see [`ends_hash`](Self::ends_hash).
    pub fn content_hash(&self) -> &str {
        self.hash.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(b"minvar panel 1");
            self.calendar.dates().iter().for_each(|&date| {
                hasher.update(&days_since_epoch(date).to_le_bytes());
            });
            for asset in &self.assets {
                for text in [&asset.symbol, &asset.name, &asset.sector, &asset.issuer] {
                    hasher.update(text.as_bytes()).update(&[0]);
                }
                hasher.update(&asset.delisting_return.unwrap_or(f64::NAN).to_le_bytes());
                // Panels without exchanges keep the hash that they had before exchanges were stored.
                if let Some(venue) = asset.venue {
                    hasher.update(venue.name().as_bytes());
                }
            }
            for day in self.returns.entries().chunks(4096) {
                let bytes: Vec<u8> = day.iter().flat_map(|r| r.to_le_bytes()).collect();
                hasher.update(&bytes);
            }
            for (field, series) in &self.fields {
                hasher.update(field.name().as_bytes());
                for day in series.chunks(4096) {
                    let bytes: Vec<u8> = day.iter().flat_map(|x| x.to_le_bytes()).collect();
                    hasher.update(&bytes);
                }
            }
            hasher.finalize().to_hex().to_string()
        })
    }

    /// BLAKE3 hash of the assets whose ends were announced. It is apart from the content, because panels that were imported
    /// before ends were known, and the models trained on them, keep their hash.
    pub fn ends_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (asset, description) in self.assets.iter().enumerate().filter(|(asset, _)| self.is_end_announced(*asset)) {
            let last = self.lives[asset].map_or(0, |life| life.1);
            hasher.update(description.symbol.as_bytes()).update(&[0]).update(&last.to_le_bytes());
        }
        hasher.finalize().to_hex()[..32].to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn panel(returns: Vec<f64>) -> Result<Panel> {
        let calendar = Calendar::weekdays(date(2020, 1, 1), returns.len());
        let asset = Asset { symbol: "A".into(), ..Asset::default() };
        let returns = Matrix::from_column_major(returns.len(), 1, returns);
        Panel::new(calendar, vec![asset], returns, BTreeMap::new())
    }

    #[test]
    fn an_impossible_return_is_refused_with_asset_date_and_rule() {
        let error = panel(vec![0.0, -1.5]).err().unwrap().to_string();
        assert_eq!(error, "asset A, 2020-01-02: return must be finite and at least -1, but is -1.5");
        assert!(panel(vec![f64::INFINITY]).is_err());
        assert!(panel(vec![f64::NAN, -1.0]).is_ok());
    }

    #[test]
    fn the_hash_depends_on_every_return() {
        let hash = |r| panel(vec![0.01, r]).unwrap().content_hash().to_string();
        assert_eq!(hash(0.02), hash(0.02));
        assert_ne!(hash(0.02), hash(0.03));
    }
}
