//! The trading activity fee of NASD, later FINRA: a fee per share sold, with a cap per trade.

use crate::account::Entry;
use crate::costs::schedules::{PerShare, at};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::Choice;

struct Taf(Vec<PerShare>);

impl CostModel for Taf {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let fee = at(&self.0, day.date);
        charges.extend(day.fills.iter().filter(|fill| fill.shares < 0.0).map(|fill| Charge {
            entry: Entry::Taf,
            asset: Some(fill.asset),
            usd: (fee.usd_per_share * -fill.shares).min(fee.max_usd_per_trade),
        }));
    }
}

pub(super) fn build(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    choice.without_parameters()?;
    Ok(Box::new(Taf(schedules.taf.rates.clone())))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::costs::schedules::at;
    use crate::costs::tests::{close, order};

    #[test]
    fn sales_pay_per_share_up_to_the_cap() {
        let usd = |shares| order("taf", date(2023, 3, 1), 0, shares, 50.0);
        close(usd(-1000.0), 0.145, 1e-12);
        close(usd(-50_137.0), 7.269865, 1e-9);
        close(usd(-50_138.0), 7.27, 1e-9);
        close(usd(-1e6), 7.27, 1e-9);
        close(usd(1000.0), 0.0, 0.0);
    }

    #[test]
    fn rates_change_on_their_days() {
        let rates = &Schedules::default().taf.rates;
        for pair in rates.windows(2) {
            assert_eq!(at(rates, pair[1].from), &pair[1]);
            assert_eq!(at(rates, pair[1].from.yesterday().unwrap()), &pair[0]);
        }
        assert_eq!(at(rates, date(2002, 9, 30)).usd_per_share, 0.0);
    }
}
