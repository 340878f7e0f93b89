//! Prices day by day, computed from a panel's returns and the prices it holds.
//!
//! ```text
//! y_t = 1 + r_t − s_t P_t / P_t−1        payout of the day as a share of the last close, if both prices are known
//! p_t = p_t−1 (1 + r_t − y_t) / s_t      the close; one share becomes s_t shares and pays y_t p_t−1 dollars
//! ```
//! r is the total return, P the price as traded, s the split ratio. p follows the returns and not P, so that a
//! position without payouts earns exactly its returns. Values that a panel lacks are replaced by assumptions, which
//! [`stand_ins`] lists:
//!
//! - no price: 50 dollars when an asset first trades, kept between 10 and 100 dollars by splits of 2 for 1 and 1 for 5,
//!   as companies kept theirs (Weld, Michaely, Thaler, Benartzi (2009), "The Nominal Share Price Puzzle"); dividends
//!   stay inside the returns;
//! - no split ratio: a payout above 20 % or below −1 % counts as a split;
//! - no opening price: the last close; no high or low: the higher or lower of open and close;
//! - no return: the price is carried forward and the asset does not trade.

use crate::panel::{AssetId, Field, Panel};

/// Price assumed if none is known, dollars: near the median price of large US stocks. Our choice.
pub const ASSUMED_PRICE_USD: f64 = 50.0;
/// Assumed prices outside this range, dollars, are brought back by an assumed split.
const USUAL_PRICES_USD: [f64; 2] = [10.0, 100.0];
/// Payouts below this share are rounding of prices and returns.
const SMALLEST_PAYOUT: f64 = 5e-5;
/// Without split ratios, a payout outside this range counts as a split.
const PLAUSIBLE_PAYOUTS: [f64; 2] = [-0.01, 0.2];

/// Series of one asset in the panel.
struct Series<'a> {
    asset: AssetId,
    /// The last day of the listing; `usize::MAX` if it lasts to the end of the panel.
    last: usize,
    returns: &'a [f64],
    open: Option<&'a [f32]>,
    price: Option<&'a [f32]>,
    split: Option<&'a [f32]>,
}

/// The value of a series on a day, if known.
fn known(series: Option<&[f32]>, day: usize) -> Option<f64> {
    series.map(|series| series[day]).filter(|x| !x.is_nan()).map(f64::from)
}

/// The prices of one asset on one day, dollars per share after the day's split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// The last close, less today's payout.
    pub previous: f64,
    /// Price of the opening auction.
    pub open: f64,
    /// Price of the closing auction.
    pub close: f64,
    /// Number of today's shares for one of yesterday's.
    pub split: f64,
    /// Payout, dollars per share of yesterday.
    pub payout: f64,
    /// Whether the asset traded; otherwise every price is carried forward.
    pub traded: bool,
    /// Whether the listing has ended; `close` is then its last price.
    pub ended: bool,
    /// Whether `close` is derived from a price as traded, and not from the assumed one.
    real: bool,
}

impl Quote {
    const UNLISTED: Quote = Quote {
        previous: f64::NAN,
        open: f64::NAN,
        close: f64::NAN,
        split: 1.0,
        payout: 0.0,
        traded: false,
        ended: false,
        real: false,
    };
}

/// Prices of the current day, moved from day to day through a panel.
pub struct Quotes<'a> {
    panel: &'a Panel,
    series: Vec<Series<'a>>,
    /// Quotes by asset; prices are NaN before an asset first trades and for assets out of scope.
    quotes: Vec<Quote>,
    day: usize,
}

impl<'a> Quotes<'a> {
    /// The prices of some assets on a day.
    pub fn new(panel: &'a Panel, mut scope: Vec<AssetId>, day: usize) -> Self {
        scope.sort_unstable();
        scope.dedup();
        let series = |asset: AssetId| Series {
            asset,
            last: panel
                .life(asset)
                .map(|(_, last)| last)
                .filter(|last| last + 1 < panel.n_days())
                .unwrap_or(usize::MAX),
            returns: panel.returns(asset),
            open: panel.field(Field::Open, asset),
            price: panel.field(Field::Price, asset),
            split: panel.field(Field::Split, asset),
        };
        let series: Vec<Series<'a>> = scope.into_iter().map(series).collect();
        let mut quotes = vec![Quote::UNLISTED; panel.n_assets()];
        for s in &series {
            quotes[s.asset] = last_quote(s, day);
        }
        let mut quotes = Self { panel, series, quotes, day };
        quotes.update();
        quotes
    }

    /// Moves to the next day.
    pub fn advance(&mut self) {
        self.day += 1;
        self.update();
    }

    fn update(&mut self) {
        let day = self.day;
        for s in &self.series {
            let quote = &mut self.quotes[s.asset];
            if !quote.ended {
                *quote = next_quote(s, *quote, day);
                quote.ended = s.last < day;
            }
        }
    }

    /// The current day.
    pub fn day(&self) -> usize {
        self.day
    }

    /// The panel from which the prices are computed.
    pub fn panel(&self) -> &'a Panel {
        self.panel
    }

    /// The quote of an asset in scope.
    #[inline]
    pub fn of(&self, asset: AssetId) -> &Quote {
        &self.quotes[asset]
    }

    /// Lowest price of the day, dollars; if unknown, the lower of open and close.
    pub fn low(&self, asset: AssetId) -> f64 {
        let quote = self.of(asset);
        self.extreme(Field::Low, asset).unwrap_or(quote.open.min(quote.close))
    }

    /// Highest price of the day, dollars; if unknown, the higher of open and close.
    pub fn high(&self, asset: AssetId) -> f64 {
        let quote = self.of(asset);
        self.extreme(Field::High, asset).unwrap_or(quote.open.max(quote.close))
    }

    fn extreme(&self, field: Field, asset: AssetId) -> Option<f64> {
        let quote = self.of(asset);
        let over_close = known(self.panel.field(field, asset), self.day).filter(|_| quote.traded)?;
        Some(quote.close * (1.0 + over_close))
    }

    /// Mean of the known daily dollar volumes of an asset over the `window` days before this one; `None` if none is
    /// known.
    pub fn average_dollar_volume(&self, asset: AssetId, window: usize) -> Option<f64> {
        let volumes = &self.panel.field(Field::DollarVolume, asset)?[self.day.saturating_sub(window)..self.day];
        let known = || volumes.iter().filter(|v| !v.is_nan());
        let n = known().count();
        (n > 0).then(|| known().map(|&v| f64::from(v)).sum::<f64>() / n as f64)
    }

    /// Standard deviation of an asset's known daily returns over the `window` days before this one; `None` for fewer
    /// than two.
    pub fn volatility(&self, asset: AssetId, window: usize) -> Option<f64> {
        let returns = &self.panel.returns(asset)[self.day.saturating_sub(window)..self.day];
        let known = || returns.iter().filter(|r| !r.is_nan());
        let n = known().count() as f64;
        let mean = known().sum::<f64>() / n;
        (n > 1.5).then(|| (known().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
    }
}

/// The close before a day, from the newest price as traded, or else the assumed price; unlisted before the first
/// return.
fn last_quote(s: &Series<'_>, day: usize) -> Quote {
    if s.returns[..day].iter().all(|r| r.is_nan()) {
        return Quote::UNLISTED;
    }
    let newest = s.price.and_then(|price| price[..day].iter().rposition(|p| !p.is_nan()));
    let close = match newest {
        Some(at) => {
            let since = s.returns[at + 1..day].iter().filter(|r| !r.is_nan());
            known(s.price, at).unwrap_or(ASSUMED_PRICE_USD) * since.map(|r| 1.0 + r).product::<f64>()
        }
        None => ASSUMED_PRICE_USD,
    };
    Quote { close, real: newest.is_some(), ..Quote::UNLISTED }
}

fn next_quote(s: &Series<'_>, last: Quote, day: usize) -> Quote {
    let r = s.returns[day];
    if r.is_nan() {
        let p = last.close;
        return Quote { previous: p, open: p, split: 1.0, payout: 0.0, traded: false, ..last };
    }
    let given = known(s.split, day).filter(|s| *s > 0.0);
    let (before, real) = if last.close.is_nan() {
        match known(s.price, day) {
            Some(price) if r > -1.0 => (price * given.unwrap_or(1.0) / (1.0 + r), true),
            _ => (ASSUMED_PRICE_USD, false),
        }
    } else {
        (last.close, last.real)
    };
    let of_prices = || Some(known(s.price, day)? / known(s.price, day.checked_sub(1)?)?);
    let ratio = if real { of_prices() } else { None };
    let (split, payout) = match (given, ratio) {
        (Some(split), Some(ratio)) => (split, (1.0 + r - split * ratio).max(0.0)),
        (Some(split), None) => (split, 0.0),
        (None, Some(ratio)) => {
            let payout = 1.0 + r - ratio;
            let plausible = (PLAUSIBLE_PAYOUTS[0]..=PLAUSIBLE_PAYOUTS[1]).contains(&payout);
            if plausible { (1.0, payout.max(0.0)) } else { ((1.0 + r) / ratio, 0.0) }
        }
        (None, None) if !real && before > USUAL_PRICES_USD[1] => (2.0, 0.0),
        (None, None) if !real && before < USUAL_PRICES_USD[0] && before > 0.0 => (0.2, 0.0),
        (None, None) => (1.0, 0.0),
    };
    let payout = if payout < SMALLEST_PAYOUT { 0.0 } else { payout };
    let close = before * (1.0 + r - payout) / split;
    let previous = before * (1.0 - payout) / split;
    let open = known(s.open, day).map_or(previous, |over_close| close * (1.0 + over_close));
    Quote { previous, open, close, split, payout: payout * before, traded: true, ended: false, real }
}

/// Assumptions that a simulation on this panel needs, one sentence each.
pub fn stand_ins(panel: &Panel) -> Vec<String> {
    let n_returns = panel.n_returns().max(1) as f64;
    let share_known = |field: Field| {
        let series = (0..panel.n_assets()).filter_map(|a| panel.field(field, a));
        series.map(|series| series.iter().filter(|x| !x.is_nan()).count()).sum::<usize>() as f64 / n_returns
    };
    let rules: [(Field, &str); 6] = [
        (
            Field::Price,
            "the price as traded; 50 dollars at first, kept within 10 to 100 by splits, dividends reinvested",
        ),
        (Field::Split, "split ratios; a payout above 20 % or below -1 % is taken for a split"),
        (Field::Open, "the opening price; it is taken to be the last close"),
        (Field::High, "the high; it is the higher one of open and close"),
        (Field::Low, "the low; it is the lower one of open and close"),
        (
            Field::DollarVolume,
            "the dollar volume; such orders have no participation cap and the impact of 5 % of a volume",
        ),
    ];
    let mut notes = Vec::new();
    for (field, rule) in rules {
        let share = share_known(field);
        if share < 0.99 {
            notes.push(format!("{:.1} % of the returns come without {rule}", 100.0 * (1.0 - share)));
        }
    }
    let n_unknown = panel.assets().iter().filter(|asset| asset.venue.is_none()).count();
    if n_unknown > 0 {
        let n = panel.n_assets();
        notes.push(format!(
            "the exchange of {n_unknown} of {n} assets is unknown; their auctions have a mean fee and impact"
        ));
    }
    let n_ended = (0..panel.n_assets()).filter(|&a| panel.life(a).is_some_and(|(_, last)| last + 1 < panel.n_days()));
    let n_unknown = n_ended.filter(|&a| panel.assets()[a].delisting_return.is_none()).count();
    if n_unknown > 0 {
        notes.push(format!("{n_unknown} listings end without a delisting return; the profile's rule stands in"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;

    use super::*;
    use crate::calendar::Calendar;
    use crate::linalg::Matrix;
    use crate::panel::Asset;

    fn panel(returns: &[f64], fields: &[(Field, &[f32])]) -> Panel {
        let calendar = Calendar::weekdays(date(2020, 1, 1), returns.len());
        let asset = Asset { symbol: "A".into(), ..Asset::default() };
        let returns = Matrix::from_column_major(returns.len(), 1, returns.to_vec());
        let fields: BTreeMap<Field, Vec<f32>> = fields.iter().map(|(field, x)| (*field, x.to_vec())).collect();
        Panel::new(calendar, vec![asset], returns, fields).unwrap()
    }

    /// The range of the second day.
    fn range(panel: &Panel) -> (f64, f64) {
        let quotes = Quotes::new(panel, vec![0], 1);
        (quotes.low(0), quotes.high(0))
    }

    fn walk(panel: &Panel) -> Vec<Quote> {
        let mut quotes = Quotes::new(panel, vec![0], 0);
        let mut days = vec![*quotes.of(0)];
        while quotes.day() + 1 < panel.n_days() {
            quotes.advance();
            days.push(*quotes.of(0));
        }
        days
    }

    #[test]
    fn a_dividend_is_what_the_total_return_leaves_beyond_the_price() {
        let days = walk(&panel(&[0.0, 0.02, 0.01], &[(Field::Price, &[100.0, 101.0, 102.01])]));
        assert!((days[1].payout - 1.0).abs() < 1e-4 && (days[1].close - 101.0).abs() < 1e-4, "{:?}", days[1]);
        assert_eq!((days[2].payout, days[2].split), (0.0, 1.0));
    }

    #[test]
    fn a_split_is_given_or_recognised_and_leaves_the_value_as_it_was() {
        let nan = f32::NAN;
        let prices: &[f32] = &[100.0, 50.5, 51.0];
        for days in [
            walk(&panel(&[0.0, 0.01, 51.0 / 50.5 - 1.0], &[(Field::Price, prices), (Field::Split, &[1.0, 2.0, 1.0])])),
            walk(&panel(&[0.0, 0.01, 51.0 / 50.5 - 1.0], &[(Field::Price, prices), (Field::Split, &[nan, nan, nan])])),
        ] {
            assert!((days[1].split - 2.0).abs() < 1e-6 && days[1].payout == 0.0, "{:?}", days[1]);
            assert!((days[1].split * days[1].close - 101.0).abs() < 1e-9);
            assert!((days[1].previous - 50.0).abs() < 1e-5, "the last close counts today's shares");
        }
    }

    #[test]
    fn an_unknown_price_starts_at_the_stand_in_and_is_split_back() {
        let days = walk(&panel(&[0.0, 1.5, 0.1, -0.93, 0.0], &[]));
        assert_eq!(days[0].close, ASSUMED_PRICE_USD);
        assert_eq!((days[1].close, days[2].split), (125.0, 2.0));
        assert!((days[2].close - 125.0 * 1.1 / 2.0).abs() < 1e-12);
        assert_eq!(days[4].split, 0.2);
        assert!((days[4].close - 5.0 * days[3].close).abs() < 1e-12);
    }

    #[test]
    fn a_missing_return_carries_the_price_and_an_end_is_told_afterwards() {
        let mut returns = vec![f64::NAN, 0.1, f64::NAN, 0.2, f64::NAN, f64::NAN];
        let days = walk(&panel(&returns, &[]));
        assert!(days[0].close.is_nan() && !days[0].traded);
        assert_eq!((days[2].close, days[2].traded, days[2].ended), (days[1].close, false, false));
        assert_eq!((days[3].ended, days[4].ended), (false, true));
        assert_eq!(days[4].close, days[3].close);
        returns.truncate(4);
        assert!(!walk(&panel(&returns, &[]))[3].ended, "the end of the panel is no delisting");
    }

    #[test]
    fn open_high_and_low_are_known_or_lie_around_the_close() {
        let fields: &[(Field, &[f32])] =
            &[(Field::Open, &[0.0, 0.05]), (Field::High, &[0.0, 0.1]), (Field::Low, &[0.0, f32::NAN])];
        let known = panel(&[0.0, -0.1], fields);
        let (q, (low, high)) = (walk(&known)[1], range(&known));
        assert!((q.open - 45.0 * 1.05).abs() < 1e-5 && (high - 49.5).abs() < 1e-5, "{q:?}");
        assert_eq!((low, q.previous), (45.0, 50.0));
        let unknown = panel(&[0.0, -0.1], &[]);
        assert_eq!((walk(&unknown)[1].open, range(&unknown)), (50.0, (45.0, 50.0)));
    }
}
