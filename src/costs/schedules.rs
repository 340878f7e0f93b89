//! Dated rates and profiles: the built-in `schedules.toml` or a user's own file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::Auction;
use crate::calendar::{Date, toml_date};
use crate::costs::Profile;
use crate::costs::checks::{check_numbers, check_word};
use crate::error::{Error, Result, toml_message};
use crate::panel::Venue;
use crate::program::refused_format;

/// The file built into the program.
pub const DEFAULT: &str = include_str!("schedules.toml");

/// Version of the layout.
const SCHEMA_VERSION: u32 = 1;

/// A value that applies from a date on.
pub(super) trait Dated {
    /// The first date on which the value applies.
    fn from(&self) -> Date;
}

/// The entry with the latest date not after `date`. The list must be ordered; its first entry also applies to earlier
/// dates.
pub(super) fn at<T: Dated>(entries: &[T], date: Date) -> &T {
    &entries[entries.partition_point(|entry| entry.from() <= date).saturating_sub(1)]
}

macro_rules! dated {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The first date on which the value applies.
            #[serde(with = "toml_date")]
            pub from: Date,
            $($(#[$doc])* #[allow(missing_docs)] pub $field: $type,)*
            /// Basis of the value: page, derived, recalled or chosen.
            #[serde(default)]
            pub trust: String,
            /// Where it was read.
            #[serde(default)]
            pub source: String,
        }
        impl Dated for $name {
            fn from(&self) -> Date {
                self.from
            }
        }
    )*};
}

dated! {
    /// Section 31 fee.
    PerMillion { usd_per_million: f64 }
    /// Trading activity fee.
    PerShare { usd_per_share: f64, max_usd_per_trade: f64 }
    /// A fixed commission plan.
    Plan { first_500_usd_per_share: f64, usd_per_share: f64, min_usd: f64, max_share_of_value: f64 }
    /// Interest on loans.
    Debit { tiers: Vec<Spread> }
    /// Interest on idle cash.
    Credit { full_rate_usd: f64, tiers: Vec<Discount> }
    /// Interest on the proceeds of short sales.
    ShortProceeds { tiers: Vec<Discount> }
    /// A benchmark rate.
    Rate { percent: f64 }
    /// Half-spreads for size ranks 1-500, 501-1000 and beyond.
    HalfSpread { bps: [f64; 3] }
    /// Number of sessions until settlement.
    Cycle { sessions: usize }
}

macro_rules! plain {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }
    )*};
}

plain! {
    /// A list of dated rates.
    Section31 { rates: Vec<PerMillion> }
    /// A list of dated rates.
    Taf { rates: Vec<PerShare> }
    /// Plans of the fixed commission.
    Plans { plans: Vec<Plan> }
    /// `[commission]`.
    Commission { ibkr_fixed: Plans, ibkr_fixed_history: Plans, ibkr_tiered: Tiered }
    /// The tiered commission.
    Tiered {
        min_usd: f64, max_share_of_value: f64, trust: String, source: String, tiers: Vec<VolumeTier>, pass_through: PassThrough,
    }
    /// A tier of monthly volume.
    VolumeTier { up_to_shares: f64, usd_per_share: f64 }
    /// Fees passed on: clearing, and shares of the commission for NYSE and FINRA.
    PassThrough {
        nscc_dtc_usd_per_share: f64, nscc_dtc_max_share_of_value: f64,
        nyse_share_of_commission: f64, finra_share_of_commission: f64,
    }
    /// `[auction_fees]`.
    AuctionFees { unknown_venue_usd_per_share: f64, sub_dollar_share_of_value: f64, rates: Vec<AuctionFee> }
    /// `[financing]`.
    Financing {
        day_count: f64, benchmark_lag_sessions: usize, post_on_session: usize,
        debit: Vec<Debit>, credit: Vec<Credit>, short_proceeds: Vec<ShortProceeds>,
        institutional: Institutional, benchmark: YearlyBenchmark,
    }
    /// A tier of a loan: benchmark plus spread.
    Spread { up_to_usd: f64, spread_percent: f64 }
    /// A tier of a balance: benchmark minus discount, at least zero.
    Discount { up_to_usd: f64, discount_percent: f64 }
    /// One spread each way.
    Institutional { debit_spread_percent: f64, credit_discount_percent: f64, short_discount_percent: f64 }
    /// Yearly means of the benchmark.
    YearlyBenchmark { yearly_percent: Vec<Rate> }
    /// `[borrow]`.
    Borrow {
        collateral_multiple: f64, round_up_usd: f64, day_count: f64, general_percent: f64, by_rank: Vec<RankFee>,
        special_percent: f64, special_share: f64, special_share_small: f64,
    }
    /// The borrow fee up to a size rank.
    RankFee { up_to_rank: u32, percent: f64 }
    /// `[margin]`.
    Margins { reg_t: RegT, portfolio: PortfolioMargin, paper_sequel: PaperMargin, liquidation: LiquidationRule }
    /// Regulation T and FINRA 4210.
    RegT {
        initial: f64, maintenance_long: f64, maintenance_short: f64, short_min_usd_per_share: f64,
        low_price_usd: f64, low_price_min_usd_per_share: f64, source: String,
    }
    /// The rule of arXiv:2607.23068.
    PaperMargin { maintenance: f64, restore_to: f64 }
    /// Worst prices of a liquidation, and how much is sold.
    LiquidationRule { worst_long: f64, worst_short: f64, restore_factor: f64 }
    /// `[slippage]`.
    Slippage {
        sigma_ref_daily: f64, sigma_window_days: usize, open_multiple: f64, large_up_to_rank: u32, small_up_to_rank: u32,
        unknown_venue_close: f64, unknown_venue_continuous: f64,
        /// Share of the value of an order on an unknown exchange that trades as on Nasdaq while that had no auction; files
        /// without the key have none.
        #[serde(default)] unknown_venue_nasdaq_share: f64,
        #[serde(with = "toml_date")] nasdaq_close_from: Date,
        #[serde(with = "toml_date")] nasdaq_open_from: Date, impact: Vec<Impact>, half_spread_bps: Vec<HalfSpread>,
    }
    /// k in bps: the impact of an order as large as a day's volume.
    Impact { venue: String, size: String, close: f64, continuous: f64 }
    /// `[settlement]`.
    Settlement { ending_sessions: usize, cycles: Vec<Cycle> }
    /// `[delisting]`.
    DelistingReturns { #[serde(rename = "NYSE")] nyse: f64, #[serde(rename = "AMEX")] amex: f64, #[serde(rename = "NASDAQ")] nasdaq: f64, unknown: f64 }
    /// Portfolio margin.
    PortfolioMargin { #[serde(with = "toml_date")] from: Date, shock: f64, min_equity_usd: f64 }
}

/// The fee of an exchange's auction from a date on.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuctionFee {
    /// NYSE, NASDAQ or AMEX.
    pub venue: String,
    /// `open` or `close`.
    pub auction: String,
    /// The first date on which the fee applies.
    #[serde(with = "toml_date")]
    pub from: Date,
    /// Dollars per share.
    pub usd_per_share: f64,
    /// Basis of the value: page, derived, recalled or chosen.
    #[serde(default)]
    pub trust: String,
    /// Where it was read.
    #[serde(default)]
    pub source: String,
}

impl AuctionFees {
    /// The fee on a date, dollars per share; for an unknown exchange, a mean.
    pub(super) fn per_share(&self, venue: Option<Venue>, auction: Auction, date: Date) -> f64 {
        let auction = if auction == Auction::Open { "open" } else { "close" };
        let is_meant = |fee: &&AuctionFee| {
            Venue::named(&fee.venue) == venue && fee.auction == auction && fee.from <= date && venue.is_some()
        };
        let newest = self.rates.iter().filter(is_meant).max_by_key(|fee| fee.from);
        newest.map_or(self.unknown_venue_usd_per_share, |fee| fee.usd_per_share)
    }
}

/// All schedules: the content of `schedules.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Schedules {
    pub schema_version: u32,
    pub section31: Section31,
    pub taf: Taf,
    pub commission: Commission,
    pub auction_fees: AuctionFees,
    pub financing: Financing,
    pub borrow: Borrow,
    pub margin: Margins,
    pub slippage: Slippage,
    pub settlement: Settlement,
    pub delisting: DelistingReturns,
    pub profiles: BTreeMap<String, Profile>,
}

impl Default for Schedules {
    fn default() -> Self {
        Self::parse(DEFAULT, "the built-in schedules").expect("the built-in schedules are tested")
    }
}

impl Schedules {
    /// Reads and checks the text of a file; `name` names it in messages. Refuses unknown keys, dates out of order,
    /// and numbers out of range.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let config = |message: String| Error::Config { file: name.to_string(), message };
        let explained = |error: toml::de::Error| config(toml_message(&error, Some(text)));
        let schedules: Self = toml::from_str(text).map_err(explained)?;
        if let Some(why) = refused_format(schedules.schema_version, SCHEMA_VERSION) {
            return Err(config(why));
        }
        let s = &schedules;
        let lists: [(&str, Vec<Date>); 11] = [
            ("section31.rates", dates(&s.section31.rates)),
            ("taf.rates", dates(&s.taf.rates)),
            ("commission.ibkr_fixed.plans", dates(&s.commission.ibkr_fixed.plans)),
            ("commission.ibkr_fixed_history.plans", dates(&s.commission.ibkr_fixed_history.plans)),
            ("financing.debit", dates(&s.financing.debit)),
            ("financing.credit", dates(&s.financing.credit)),
            ("financing.short_proceeds", dates(&s.financing.short_proceeds)),
            ("financing.benchmark.yearly_percent", dates(&s.financing.benchmark.yearly_percent)),
            ("slippage.half_spread_bps", dates(&s.slippage.half_spread_bps)),
            ("settlement.cycles", dates(&s.settlement.cycles)),
            ("auction_fees.rates", s.auction_fees.rates.iter().take(1).map(|fee| fee.from).collect()),
        ];
        for (list, dates) in lists {
            if dates.is_empty() {
                return Err(config(format!("{list} needs at least one entry")));
            }
            if let Some(pair) = dates.windows(2).find(|pair| pair[0] >= pair[1]) {
                return Err(config(format!("{list}: dates must increase, but {} follows {}", pair[1], pair[0])));
            }
        }
        let fees = s.auction_fees.rates.iter().flat_map(|fee| [("venue", &fee.venue), ("auction", &fee.auction)]);
        let impacts = s.slippage.impact.iter().flat_map(|k| [("venue", &k.venue), ("size", &k.size)]);
        for (what, word) in fees.chain(impacts) {
            check_word(what, word).map_err(|error| config(error.to_string()))?;
        }
        for (profile, rules) in &s.profiles {
            rules.check(s).map_err(|error| config(format!("[profiles.{profile}] {error}")))?;
        }
        let table: toml::Table = toml::from_str(text).map_err(explained)?;
        check_numbers("", &toml::Value::Table(table)).map_err(config)?;
        Ok(schedules)
    }

    /// The profile of that name, or an error that suggests a similar one.
    pub fn profile(&self, name: &str) -> Result<&Profile> {
        let known = self.profiles.keys().map(String::as_str);
        self.profiles.get(name).ok_or_else(|| Error::unknown("profile", name, known))
    }
}

fn dates<T: Dated>(entries: &[T]) -> Vec<Date> {
    entries.iter().map(Dated::from).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_built_in_file_is_sound_and_mistakes_in_another_are_named() {
        assert_eq!(Schedules::default().profiles.len(), 6);
        let refused = |from: &str, to: &str, expected: &str| {
            assert!(DEFAULT.contains(from), "{from}");
            let message = Schedules::parse(&DEFAULT.replacen(from, to, 1), "mine.toml").unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        refused("schema_version = 1", "schema_version = 2", "it is written in format 2");
        refused("from = 2001-12-28", "from = 1980-12-28", "mine.toml: section31.rates: dates must increase");
        refused("[taf]", "[tfa]", "mine.toml: line 52: unknown key 'tfa', did you mean 'taf'?");
        refused("\"section31\", \"taf\"", "\"section32\", \"taf\"", "did you mean 'section31'?");
        refused(
            "margin = \"portfolio\"",
            "margin = \"portfoliio\"",
            "unknown word 'portfoliio', did you mean 'portfolio'?",
        );
        refused("venue = \"AMEX\"", "venue = \"AMXE\"", "mine.toml: unknown venue 'AMXE'; known: NYSE, NASDAQ, AMEX");
        refused(
            "auction = \"close\"",
            "auction = \"clsoe\"",
            "mine.toml: unknown auction 'clsoe', did you mean 'close'?",
        );
        refused("size = \"micro\"", "size = \"mikro\"", "mine.toml: unknown size 'mikro', did you mean 'micro'?");
        refused(
            "weight_rounding = 0.001",
            "weight_rounding = -1.0",
            "[profiles.paper_followup] weight_rounding must be",
        );
    }

    #[test]
    fn an_entry_holds_from_its_first_day_to_the_day_before_the_next() {
        fn check<T: Dated + PartialEq + std::fmt::Debug>(entries: &[T]) {
            for (k, entry) in entries.iter().enumerate() {
                assert_eq!(at(entries, entry.from()), entry, "its first day");
                let last = entries.get(k + 1).map_or(date(2100, 1, 1), |next| next.from().yesterday().unwrap());
                assert_eq!(at(entries, last), entry, "its last day");
            }
            assert_eq!(at(entries, date(1900, 1, 1)), &entries[0]);
        }
        let s = Schedules::default();
        check(&s.section31.rates);
        check(&s.taf.rates);
        check(&s.commission.ibkr_fixed.plans);
        check(&s.commission.ibkr_fixed_history.plans);
        check(&s.financing.debit);
        check(&s.financing.credit);
        check(&s.financing.short_proceeds);
        check(&s.financing.benchmark.yearly_percent);
        check(&s.slippage.half_spread_bps);
        check(&s.settlement.cycles);
        assert_eq!((s.section31.rates.len(), s.taf.rates.len()), (33, 11));
    }

    #[test]
    fn auction_fees_follow_exchange_auction_and_date() {
        let fees = &Schedules::default().auction_fees;
        let fee = |venue, auction, y, m, d| fees.per_share(venue, auction, date(y, m, d));
        assert_eq!(fee(Some(Venue::Nyse), Auction::Close, 2009, 7, 31), 0.0005);
        assert_eq!(fee(Some(Venue::Nyse), Auction::Close, 2009, 8, 1), 0.0007);
        assert_eq!(fee(Some(Venue::Nyse), Auction::Open, 2009, 7, 31), 0.0);
        assert_eq!(fee(Some(Venue::Nasdaq), Auction::Close, 2018, 1, 1), 0.0016);
        assert_eq!(fee(Some(Venue::Nasdaq), Auction::Open, 2014, 12, 31), 0.0010);
        assert_eq!(fee(Some(Venue::Amex), Auction::Close, 2020, 1, 1), 0.00085);
        assert_eq!(fee(None, Auction::Close, 2020, 1, 1), 0.0012);
        for (k, entry) in fees.rates.iter().enumerate() {
            let auction = if entry.auction == "open" { Auction::Open } else { Auction::Close };
            let fee = |date| fees.per_share(Venue::named(&entry.venue), auction, date);
            assert_eq!(fee(entry.from), entry.usd_per_share, "its first day");
            let next = fees.rates.get(k + 1).filter(|next| next.venue == entry.venue && next.auction == entry.auction);
            if let Some(next) = next {
                assert_eq!(fee(next.from.yesterday().unwrap()), entry.usd_per_share, "its last day");
            }
        }
    }
}
