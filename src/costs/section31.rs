//! The SEC's fee on sales, including short sales: a rate per million dollars of proceeds. Securities Exchange Act,
//! section 31.

use crate::account::Entry;
use crate::costs::schedules::{PerMillion, at};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::Choice;

struct Section31(Vec<PerMillion>);

impl CostModel for Section31 {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let rate = at(&self.0, day.date).usd_per_million * 1e-6;
        charges.extend(day.fills.iter().filter(|fill| fill.shares < 0.0).map(|fill| Charge {
            entry: Entry::Section31,
            asset: Some(fill.asset),
            usd: rate * fill.value(),
        }));
    }
}

pub(super) fn build(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    choice.without_parameters()?;
    Ok(Box::new(Section31(schedules.section31.rates.clone())))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn sales_pay_by_value_and_date_and_purchases_nothing() {
        let usd = |first, shares| order("section31", first, 0, shares, 50.0);
        close(usd(date(2020, 1, 1), -20_000.0), 20.70, 1e-9); // 2020-02-11
        close(usd(date(2020, 1, 7), -20_000.0), 20.70, 1e-9); // 2020-02-17, the last day
        close(usd(date(2020, 1, 8), -20_000.0), 22.10, 1e-9); // 2020-02-18, the first day
        close(usd(date(2020, 1, 8), 20_000.0), 0.0, 0.0);
    }
}
