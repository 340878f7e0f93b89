//! Weekends, calendars that do not fit together, and days on which nothing moves.

use super::{Finding, Kind};
use crate::calendar::{Period, is_weekend};
use crate::panel::Panel;

pub(super) const RULE: &str = "days on a Saturday or Sunday outside the week of a daily calendar; steps of several lengths; \
    assets that never move on weekends among others that do; days on which nine tenths of the assets, at least three, have \
    a return of exactly zero (holidays and weekends filled with the last price)";

/// What is wrong with the calendar.
pub(super) fn calendar(panel: &Panel) -> Vec<Finding> {
    let periodicity = panel.calendar().periodicity();
    let dates = panel.calendar().dates();
    let mut found = Vec::new();
    let weekend: Vec<usize> = (0..panel.n_days()).filter(|&day| is_weekend(dates[day])).collect();
    let finding = |days: &[usize], number: usize, text: String| Finding {
        kind: Kind::Calendar,
        assets: Vec::new(),
        first: days.first().copied().unwrap_or(0),
        last: days.last().copied().unwrap_or(0),
        number: number as f64,
        text,
    };
    if periodicity.period == Period::Irregular {
        let all = [0, panel.n_days().saturating_sub(1)];
        found.push(finding(&all, panel.n_days(), format!("the calendar is {}", periodicity.sentence())));
    }
    if periodicity.stray_weekend_days > 0 {
        let n = periodicity.stray_weekend_days;
        found.push(finding(
            &weekend,
            n,
            format!("{n} of {} days {} on a weekend", panel.n_days(), if n == 1 { "falls" } else { "fall" }),
        ));
    }
    if periodicity.period == Period::EveryDay {
        // Neither missing nor filled with the last price.
        let moves = |r: f64| !r.is_nan() && r != 0.0;
        let trades = |asset: usize| weekend.iter().any(|&day| moves(panel.returns(asset)[day]));
        let never = (0..panel.n_assets()).filter(|&asset| panel.life(asset).is_some() && !trades(asset)).count();
        if never > 0 {
            let text = format!(
                "{never} of {} assets never move on a weekend: calendars of five and of seven days are mixed, and \
                 365 days a year are too many for these",
                panel.n_assets()
            );
            found.push(finding(&weekend, never, text));
        }
    }
    let still: Vec<usize> = (0..panel.n_days()).filter(|&day| stands_still(panel, day)).collect();
    if !still.is_empty() {
        let on_weekends = still.iter().filter(|&&day| is_weekend(dates[day])).count();
        let where_ = if on_weekends > 0 { format!(", {on_weekends} of them on a weekend") } else { String::new() };
        let text = format!(
            "nearly every return is zero on {} of {} days{where_}: filled with the last price",
            still.len(),
            panel.n_days()
        );
        found.push(finding(&still, still.len(), text));
    }
    found
}

/// Whether nine tenths of the returns of a day, at least three, are zero.
fn stands_still(panel: &Panel, day: usize) -> bool {
    let (mut present, mut still) = (0usize, 0usize);
    for asset in 0..panel.n_assets() {
        let r = panel.returns(asset)[day];
        (present, still) = (present + usize::from(!r.is_nan()), still + usize::from(r == 0.0));
        // Ten assets that move among few: no need to look at thousands.
        if present >= 40 && 2 * still < present {
            return false;
        }
    }
    still >= 3 && 10 * still >= 9 * present
}
