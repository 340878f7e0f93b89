//! Results of accounts: tables of what each earned and paid, and the bridge from gross to net return.

use serde::de::{Deserialize, Deserializer};

use crate::account::{Charges, Entry};
use crate::data::Table;
use crate::description::PortfolioName;
use crate::grouping::grouped;
use crate::render::sheet::{Sheet, number, percent};

/// Results of one account. Values are fractions, annual where the name says so, NaN where undefined.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AccountRow {
    /// Labels of its portfolio.
    #[serde(flatten)]
    pub name: PortfolioName,
    /// Name of the profile.
    pub profile: String,
    /// Starting capital, dollars.
    #[serde(deserialize_with = "number_or_null")]
    pub capital_usd: f64,
    /// Leverage of the targets.
    #[serde(deserialize_with = "number_or_null")]
    pub leverage: f64,
    /// √252 × standard deviation of net daily returns.
    #[serde(deserialize_with = "number_or_null")]
    pub volatility_annual: f64,
    /// Annual net mean return over volatility, zero risk-free rate.
    #[serde(deserialize_with = "number_or_null")]
    pub sharpe: f64,
    /// Annual mean of the net return above the benchmark rate, over the volatility of this difference.
    #[serde(deserialize_with = "number_or_null")]
    pub sharpe_excess: f64,
    /// Gross Sharpe ratio, zero risk-free rate.
    #[serde(deserialize_with = "number_or_null")]
    pub sharpe_gross: f64,
    /// Net compound growth per year.
    #[serde(deserialize_with = "number_or_null")]
    pub growth_annual: f64,
    /// Largest net loss from a peak.
    #[serde(deserialize_with = "number_or_null")]
    pub max_drawdown: f64,
    /// 5 % value at risk of net daily returns.
    #[serde(deserialize_with = "number_or_null")]
    pub value_at_risk: f64,
    /// Mean net daily return beyond the value at risk.
    #[serde(deserialize_with = "number_or_null")]
    pub conditional_value_at_risk: f64,
    /// Traded value over equity per year, both sides.
    #[serde(deserialize_with = "number_or_null")]
    pub turnover_annual: f64,
    /// Mean gross exposure over equity.
    #[serde(deserialize_with = "number_or_null")]
    pub gross_leverage: f64,
    /// Annual return of target weights times asset returns, basis points: the start of the bridge.
    #[serde(deserialize_with = "number_or_null")]
    pub gross_bps: f64,
    /// Annual difference between the gross return and that of the actual holdings before charges, basis points; it
    /// comes from whole shares and from orders sized at earlier prices.
    #[serde(deserialize_with = "number_or_null")]
    pub tracking_bps: f64,
    /// Charges in basis points per year; negative when paid.
    pub charges_bps: Charges,
    /// Annual net return, basis points: the end of the bridge.
    #[serde(deserialize_with = "number_or_null")]
    pub net_bps: f64,
    /// Final equity, dollars.
    #[serde(deserialize_with = "number_or_null")]
    pub final_usd: f64,
    /// Paid out at rebalances, less what was paid in, dollars.
    #[serde(default, deserialize_with = "number_or_null")]
    pub paid_out_usd: f64,
    /// Number of days with a return, including those after a ruin.
    pub n_days: usize,
    /// Number of rebalances.
    pub n_rebalances: usize,
    /// Number of trades.
    pub n_fills: usize,
    /// Number of orders that reached their participation cap.
    pub n_capped: usize,
    /// Number of positions and orders without a price, counted on each day.
    pub n_unpriced: usize,
    /// Number of listings that ended while held.
    pub n_endings: usize,
    /// Number of days with a forced liquidation.
    pub n_liquidations: usize,
    /// Date of the first forced liquidation; empty if there was none.
    pub first_liquidation: String,
    /// Date on which the equity was used up; empty if it never was.
    pub ruined: String,
}

/// Reads a number that a format without NaN (JSON) has written as null.
fn number_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl AccountRow {
    /// Ruin and forced liquidations in words; `None` if there were none.
    pub fn incidents(&self) -> Option<String> {
        let sales = match self.n_liquidations {
            0 => None,
            1 => Some(format!("1 forced liquidation, on {}", self.first_liquidation)),
            n => Some(format!("{n} forced liquidations, the first on {}", self.first_liquidation)),
        };
        let ruin = (!self.ruined.is_empty()).then(|| format!("ruined on {}, and not measured", self.ruined));
        let words: Vec<String> = ruin.into_iter().chain(sales).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// Whether the account only ever held cash.
    pub fn is_cash(&self) -> bool {
        self.n_fills == 0
    }

    /// Net minus gross minus all components of the bridge, basis points; zero up to rounding.
    pub fn bridge_error(&self) -> f64 {
        self.net_bps - self.gross_bps - self.components().map(|(_, bps)| bps).sum::<f64>()
    }

    /// The components that lead from the gross to the net return, by name: tracking first, then the charges.
    fn components(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let charges = self.charges_bps.iter().map(|(entry, bps)| (entry.name(), bps));
        std::iter::once((TRACKING, self.tracking_bps)).chain(charges)
    }

    /// Sums of related components, annual basis points, by the name of the group.
    pub fn grouped_bps(&self) -> [(&'static str, f64); 5] {
        let of = |group: &str| {
            self.charges_bps.iter().filter(|(entry, _)| group_of(*entry) == group).map(|(_, bps)| bps).sum()
        };
        let [commission, fees, slippage, financing] = GROUPS.map(|group| (group, of(group)));
        [
            commission,
            fees,
            slippage,
            financing,
            ("tracking: whole shares, orders sized at earlier prices", self.tracking_bps),
        ]
    }
}

/// Name of the component that is not a charge.
const TRACKING: &str = "tracking";

/// Groups of related charges.
const GROUPS: [&str; 4] = ["commission, clearing", "regulatory, auction fees", "slippage", "interest, borrow"];

/// The group of a charge.
fn group_of(entry: Entry) -> &'static str {
    match entry {
        Entry::Commission | Entry::Clearing => GROUPS[0],
        Entry::Section31 | Entry::Taf | Entry::AuctionFee => GROUPS[1],
        Entry::Slippage => GROUPS[2],
        Entry::BorrowFee | Entry::DebitInterest | Entry::CreditInterest | Entry::ShortInterest => GROUPS[3],
        Entry::Deposit
        | Entry::Transfer
        | Entry::Fill
        | Entry::Split
        | Entry::CashInLieu
        | Entry::Dividend
        | Entry::Ending => {
            unreachable!("{} is no charge", entry.name())
        }
    }
}

/// Columns of `accounts.csv` that hold the components of the bridge, with their entries (`None` for tracking). A
/// column that a file lacks counts as zero.
pub fn component_columns() -> impl Iterator<Item = (Option<Entry>, String)> {
    let charges = Entry::CHARGES.iter().map(|entry| (Some(*entry), format!("{}_bps", entry.name())));
    std::iter::once((None, format!("{TRACKING}_bps"))).chain(charges)
}

/// Converts a mean daily fraction to basis points per year.
pub fn annual_bps(daily: f64, per_year: f64) -> f64 {
    daily * per_year * 1e4
}

type Metric = (&'static str, fn(&AccountRow) -> f64);

const METRICS: [Metric; 17] = [
    ("capital_usd", |a| a.capital_usd),
    ("leverage", |a| a.leverage),
    ("volatility_annual", |a| a.volatility_annual),
    ("sharpe", |a| a.sharpe),
    ("sharpe_excess", |a| a.sharpe_excess),
    ("sharpe_gross", |a| a.sharpe_gross),
    ("growth_annual", |a| a.growth_annual),
    ("max_drawdown", |a| a.max_drawdown),
    ("value_at_risk", |a| a.value_at_risk),
    ("conditional_value_at_risk", |a| a.conditional_value_at_risk),
    ("turnover_annual", |a| a.turnover_annual),
    ("gross_leverage", |a| a.gross_leverage),
    ("gross_bps", |a| a.gross_bps),
    ("net_bps", |a| a.net_bps),
    ("bridge_error_bps", |a| a.bridge_error()),
    ("final_usd", |a| a.final_usd),
    ("paid_out_usd", |a| a.paid_out_usd),
];

type Count = (&'static str, fn(&AccountRow) -> usize);

const COUNTS: [Count; 7] = [
    ("n_days", |a| a.n_days),
    ("n_rebalances", |a| a.n_rebalances),
    ("n_fills", |a| a.n_fills),
    ("n_capped", |a| a.n_capped),
    ("n_unpriced", |a| a.n_unpriced),
    ("n_endings", |a| a.n_endings),
    ("n_liquidations", |a| a.n_liquidations),
];

/// The content of `accounts.csv`: every measure of every account.
pub fn account_table(rows: &[AccountRow]) -> Table {
    let mut table = Table::default()
        .with_texts("estimator", rows.iter().map(|a| a.name.estimator_cell()))
        .with_texts("allocator", rows.iter().map(|a| &a.name.allocator))
        .with_texts("profile", rows.iter().map(|a| &a.profile));
    for (name, measure) in METRICS {
        table = table.with_numbers(name, rows.iter().map(measure));
    }
    for (entry, column) in component_columns() {
        let bps = |a: &AccountRow| entry.map_or(a.tracking_bps, |entry| a.charges_bps[entry]);
        table = table.with_numbers(&column, rows.iter().map(bps));
    }
    for (name, count) in COUNTS {
        table = table.with_counts(name, rows.iter().map(count));
    }
    table
        .with_texts("first_liquidation", rows.iter().map(|a| &a.first_liquidation))
        .with_texts("ruined", rows.iter().map(|a| &a.ruined))
}

/// Dollars in short form: 1 M, 10 M, 500 k.
pub fn dollars(usd: f64) -> String {
    match usd {
        usd if usd >= 1e9 => format!("{} B", trimmed(usd / 1e9)),
        usd if usd >= 1e6 => format!("{} M", trimmed(usd / 1e6)),
        usd if usd >= 1e3 => format!("{} k", trimmed(usd / 1e3)),
        usd => trimmed(usd),
    }
}

fn trimmed(x: f64) -> String {
    let text = format!("{x:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// One table per profile and capital, the best net Sharpe ratio first: gross return, costs, and net return.
pub fn account_sheets(rows: &[AccountRow]) -> Vec<Sheet> {
    let groups = grouped(rows.iter().map(|row| ((row.profile.as_str(), row.capital_usd, row.leverage), row)));
    let most = rows.iter().map(|row| row.n_days).max().unwrap_or(0);
    let sheet = |((profile, capital, leverage), mut group): ((&str, f64, f64), Vec<&AccountRow>)| {
        // Accounts without a Sharpe ratio come last.
        let key = |row: &AccountRow| if row.sharpe.is_nan() { f64::NEG_INFINITY } else { row.sharpe };
        group.sort_by(|a, b| key(b).total_cmp(&key(a)));
        let header = [
            "allocator",
            "estimator",
            "volatility",
            "Sharpe gross",
            "Sharpe net",
            "max drawdown",
            "liquidations",
            "turnover a year",
            "gross",
            "commission",
            "fees",
            "slippage",
            "interest",
            "tracking",
            "net",
        ];
        let leverage = if leverage == 1.0 { String::new() } else { format!(", leverage {leverage:.2}") };
        let capital = dollars(capital);
        let caption =
            format!("Profile `{profile}`, {capital} dollars{leverage}; basis points a year from gross to net");
        let mut sheet = Sheet::new(caption, &header, 2);
        for a in group {
            let bps = |x: f64| if x.abs() < 0.05 { "0".to_string() } else { number(x, 1) };
            let mut cells = vec![
                a.name.allocator.clone(),
                a.name.estimator_cell().to_string(),
                percent(a.volatility_annual, 2),
                number(a.sharpe_gross, 2),
                number(a.sharpe, 2),
                percent(a.max_drawdown, 1),
                a.n_liquidations.to_string(),
                number(a.turnover_annual, 1),
                bps(a.gross_bps),
            ];
            cells.extend(a.grouped_bps().iter().map(|(_, x)| bps(*x)));
            cells.push(bps(a.net_bps));
            sheet.rows.push(cells);
            let cash = a.is_cash().then(|| "only ever held cash".to_string());
            let is_later = a.ruined.is_empty() && a.n_days < most;
            let later = is_later.then(|| format!("opened later, measured on {} of {most} days", a.n_days));
            for words in a.incidents().or(cash).into_iter().chain(later) {
                sheet.notes.push(format!("{}, {}: {words}", a.name.allocator, a.name.estimator_cell()));
            }
        }
        sheet
    };
    groups.into_iter().map(sheet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_written_short() {
        assert_eq!([1e6, 2.5e7, 1e9, 5e4, 12.5].map(dollars), ["1 M", "25 M", "1 B", "50 k", "12.5"]);
    }
}
