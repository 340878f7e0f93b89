//! Days on weekends, mixed calendars, and days on which nothing moves.

use super::{Finding, Kind};
use crate::calendar::{Period, is_weekend};
use crate::panel::Panel;

pub(super) const RULE: &str = "days on a Saturday or Sunday in a calendar of weekdays; more than ten calendar days \
    between two days of a daily calendar, or four steps in a row of five days or more; steps of several lengths; \
    assets that never move on weekends among others that do; days on which nine tenths of the assets, at least three, \
    have a return of exactly zero (holidays and weekends filled with the last price)";

/// The longest break of a daily calendar that needs no remark, in calendar days: a week of holidays with both
/// weekends.
const LONGEST_BREAK: i32 = 10;
/// Steps from this many calendar days on belong to another frequency.
const LONG_STEP: i32 = 5;
/// This many long steps in a row are a finding.
const FEWEST_LONG_STEPS: usize = 4;

/// Finds what is wrong with the calendar.
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
    if matches!(periodicity.period, Period::Weekdays | Period::EveryDay) {
        let steps: Vec<i32> = dates.windows(2).map(|pair| (pair[1] - pair[0]).get_days()).collect();
        for (k, step) in steps.iter().enumerate().filter(|(_, step)| **step > LONGEST_BREAK) {
            let text = format!(
                "{step} calendar days between {} and {}: the return over them is not a daily return",
                dates[k],
                dates[k + 1]
            );
            found.push(finding(&[k, k + 1], *step as usize, text));
        }
        for run in steps.chunk_by(|a, b| (*a >= LONG_STEP) == (*b >= LONG_STEP)).scan(0, |start, run| {
            *start += run.len();
            Some((*start - run.len(), run))
        }) {
            let (start, run) = run;
            if run[0] >= LONG_STEP && run.len() >= FEWEST_LONG_STEPS {
                let text = format!(
                    "from {} to {} the days are five days or more apart: the frequency differs from that of the other \
                     days",
                    dates[start],
                    dates[start + run.len()]
                );
                found.push(finding(&[start, start + run.len()], run.len(), text));
            }
        }
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
                "{never} of {} assets never move on a weekend: calendars of five and of seven days are mixed, and 365 \
                 days a year are too many for these; remove their weekends from the source",
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
            "nearly every return is zero on {} of {} days{where_}: filled with the last price; remove these days from \
             the source",
            still.len(),
            panel.n_days()
        );
        found.push(finding(&still, still.len(), text));
    }
    found
}

/// Whether at least nine tenths of the returns of a day, and at least three, are zero.
fn stands_still(panel: &Panel, day: usize) -> bool {
    let (mut present, mut still) = (0usize, 0usize);
    for asset in 0..panel.n_assets() {
        let r = panel.returns(asset)[day];
        (present, still) = (present + usize::from(!r.is_nan()), still + usize::from(r == 0.0));
        // Once half of forty assets move, there is no need to look at thousands.
        if present >= 40 && 2 * still < present {
            return false;
        }
    }
    still >= 3 && 10 * still >= 9 * present
}
