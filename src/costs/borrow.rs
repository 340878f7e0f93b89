//! The fee for borrowed stock.
//!
//! ```text
//! per night: fee · |q| · ⌈1.02 close⌉ / 360        ⌈·⌉ rounds up to whole dollars
//! ```
//! Interactive Brokers' guide. The fee is annual: the same for all names, or by size rank, or by size rank with a
//! share of the names that is hard to borrow, drawn anew for each calendar year (D'Avolio 2002; Muravyev, Pearson,
//! Pollet, JF 2025).

use rand::RngExt;

use crate::account::Entry;
use crate::costs::schedules::Borrow;
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::panel::AssetId;
use crate::random;
use crate::registry::Choice;

/// Seed of the draw of names that are hard to borrow; the draw also depends on the year and the asset.
const SPECIAL_SEED: u64 = 0x626f72726f77;
/// Largest size rank to which `special_share` applies; `special_share_small` applies beyond.
const LARGE_UP_TO_RANK: u32 = 1000;

/// Collateral of each short position, dollars: shares times 102 % of the close, rounded up to whole dollars.
pub(super) fn collateral<'a>(day: &'a Day<'_>, borrow: &'a Borrow) -> impl Iterator<Item = (AssetId, f64)> + 'a {
    day.positions.iter().filter(|position| position.shares < 0.0).map(|position| {
        let value = borrow.collateral_multiple * day.quotes.of(position.asset).close;
        // If the product is a whole number of dollars, its last bit must not round it up to the next one.
        let per_share = (value / borrow.round_up_usd - 1e-9).ceil() * borrow.round_up_usd;
        (position.asset, -position.shares * per_share)
    })
}

enum Fees {
    General,
    ByRank,
    Hard,
}

struct BorrowFee {
    fees: Fees,
    borrow: Borrow,
}

impl BorrowFee {
    fn percent(&self, day: &Day<'_>, asset: AssetId) -> f64 {
        let (borrow, rank) = (&self.borrow, day.ranks[asset]);
        let by_rank = || {
            let tier = borrow.by_rank.iter().find(|tier| rank <= tier.up_to_rank);
            tier.map_or(borrow.general_percent, |tier| tier.percent)
        };
        match self.fees {
            Fees::General => borrow.general_percent,
            Fees::ByRank => by_rank(),
            Fees::Hard => {
                let stream = ((day.date.year() as u64) << 32) | asset as u64;
                let share = if rank <= LARGE_UP_TO_RANK { borrow.special_share } else { borrow.special_share_small };
                let special = random::generator(SPECIAL_SEED, stream).random::<f64>() < share;
                if special { borrow.special_percent } else { by_rank() }
            }
        }
    }
}

impl CostModel for BorrowFee {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        if day.nights == 0 {
            return;
        }
        let share_of_year = f64::from(day.nights) / self.borrow.day_count;
        charges.extend(collateral(day, &self.borrow).map(|(asset, usd)| Charge {
            entry: Entry::BorrowFee,
            asset: Some(asset),
            usd: usd * self.percent(day, asset) / 100.0 * share_of_year,
        }));
    }
}

fn build(choice: &Choice, schedules: &Schedules, fees: Fees) -> Result<Box<dyn CostModel>> {
    choice.without_parameters()?;
    Ok(Box::new(BorrowFee { fees, borrow: schedules.borrow.clone() }))
}

pub(super) fn general(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    build(choice, schedules, Fees::General)
}

pub(super) fn by_rank(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    build(choice, schedules, Fees::ByRank)
}

pub(super) fn hard(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    build(choice, schedules, Fees::Hard)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::account::Position;
    use crate::costs::tests::{charged, close};

    #[test]
    fn the_fee_is_on_102_percent_rounded_up_to_whole_dollars_for_every_night() {
        let charges = charged("borrow_general", date(2020, 1, 1), |day| {
            day.positions = &[Position { asset: 0, shares: -1000.0 }, Position { asset: 1, shares: 500.0 }];
            day.nights = 3;
        });
        // A close of 49 dollars: 1.02 times that is 49.98, so 50 dollars.
        assert_eq!(charges.len(), 1);
        close(charges[0].usd, 1000.0 * 50.0 * 0.003 * 3.0 / 360.0, 1e-9);
    }

    #[test]
    fn a_stock_of_5_10_dollars_is_charged_on_6() {
        let borrow = Schedules::default().borrow;
        let per_share = |price: f64| (borrow.collateral_multiple * price - 1e-9).ceil();
        assert_eq!((per_share(5.10), per_share(50.0), per_share(49.03)), (6.0, 51.0, 51.0));
    }

    #[test]
    fn fees_rise_with_the_rank_and_some_names_are_special() {
        let percent = |words: &str, rank: u32, y: i16, asset: usize| {
            let positions = [Position { asset, shares: -1000.0 }];
            let charges = charged(words, date(y, 1, 1), |day| {
                day.positions = Box::leak(Box::new(positions));
                day.ranks = Box::leak(Box::new([rank; 3]));
                day.nights = 360;
            });
            (charges[0].usd / 50_000.0 * 1e4).round() / 100.0
        };
        assert_eq!([500, 501, 1001].map(|rank| percent("borrow_by_rank", rank, 2020, 0)), [0.3, 0.5, 1.0]);
        let years = || (1990..2190).map(|y| percent("borrow_hard", 2000, y, 0));
        let special = years().filter(|p| *p == 5.0).count();
        assert!((10..45).contains(&special), "12 % of 200 years: {special}");
        assert!(years().all(|p| p == 5.0 || p == 1.0));
    }
}
