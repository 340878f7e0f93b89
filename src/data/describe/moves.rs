//! Jumps that the market does not share, and what they look like: price errors, splits, another company.

use rayon::prelude::*;

use super::scale::{FEWEST, MarketReturns, Scale, median, robust};
use super::{Finding, Kind, percent};
use crate::panel::{AssetId, Field, Panel};

pub(super) const JUMPS: &str = "a return more than ten robust deviations (1.4826 times the median absolute deviation of the \
    asset's own moves in the half year around it) from its usual level and from the median return of the other assets, of at \
    least 1 %, unless a tenth of the others, and at least three, jump the same way; and any return above +300 % or below -95 %";
pub(super) const SPIKES: &str = "a jump that the same asset takes back within five days, to a tenth of its size";
pub(super) const SPLITS: &str = "a return of more than six robust deviations whose price ratio, raw or less the \
    market's return, is within 1.5 deviations (1.5 to 5 %) of 3:2, 2:1, 3:1, ..., 20:1, 25:1, 30:1, 40:1, 50:1, 100:1 \
    or their inverses, on a day without more than three times the usual dollar volume";
pub(super) const OTHER_COMPANIES: &str = "a jump (also one by ten robust deviations of only the 60 days before it) \
    after which volatility or median dollar volume is more than three times, or less than a third of, what it was over \
    the 60 days before, in each block of 20 of the next 60 days (at least one block); not a rise after which \
    volatility falls, which is a take-over offer";

/// A jump is a return farther from its usual level than this, in robust deviations.
const JUMP: f64 = 10.0;
/// Returns from this many robust deviations on are compared with the ratios of splits.
const LEAST_SPLIT: f64 = 6.0;
/// Smaller returns do no harm and are never jumps.
const LEAST_RETURN: f64 = 0.01;
/// Returns beyond these are jumps whatever the asset's deviation.
const IMPLAUSIBLE: [f64; 2] = [-0.95, 3.0];
/// Days within which a spike is taken back, and the share of it that may remain.
const SPIKE: (usize, f64) = (5, 0.1);
/// On a day with more than this multiple of the usual dollar volume there was news.
const NEWS: f64 = 3.0;
/// Days on either side of a change of company, and the factor by which volatility or volume must change.
const COMPANY: (usize, f64) = (60, 3.0);
/// Whole-number ratios of splits; 3:2 is added where they are used.
const RATIOS: [u32; 24] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 25, 30, 40, 50, 100];

/// A return far from the usual level of its asset.
struct Move {
    asset: AssetId,
    day: usize,
    r: f64,
    market: f64,
    /// Local deviation; NaN where unknown.
    deviation: f64,
    /// Whether it is a jump, and not merely far enough for a split.
    jump: bool,
    /// Whether it is a jump by the deviation of the sixty days before it alone; the days after it may be different.
    after_calm: bool,
}

/// Finds jumps, spikes, splits and changes of company.
pub(super) fn moves(panel: &Panel, scales: &[Scale]) -> Vec<Finding> {
    let market = MarketReturns::new(panel);
    let far = |asset: AssetId| far_days(panel, &market, &scales[asset], asset);
    let moves: Vec<Vec<Move>> = (0..panel.n_assets()).into_par_iter().map(far).collect();
    // How many assets jump up and down on a day: a jump that many share is the market's.
    let mut together = vec![[0usize; 2]; panel.n_days()];
    moves.iter().flatten().filter(|m| m.jump).for_each(|m| together[m.day][usize::from(m.r > 0.0)] += 1);
    let shared = |m: &Move| {
        let others = together[m.day][usize::from(m.r > 0.0)].saturating_sub(usize::from(m.jump));
        others >= 3 && 10 * others >= market.n_returns(m.day)
    };
    moves.par_iter().flat_map_iter(|moves| judge(panel, moves, &shared)).collect()
}

fn far_days(panel: &Panel, market: &MarketReturns<'_>, scale: &Scale, asset: AssetId) -> Vec<Move> {
    let returns = panel.returns(asset);
    let far = |(day, &r): (usize, &f64)| {
        let (centre, deviation) = scale.at(day);
        let implausible = !r.is_nan() && !(IMPLAUSIBLE[0]..=IMPLAUSIBLE[1]).contains(&r);
        let beyond = |limit: f64, from: f64, deviation: f64| (r - from).abs() > limit * deviation;
        let calm = scale.before(day);
        let far = beyond(LEAST_SPLIT, centre, deviation) || beyond(JUMP, 0.0, calm);
        if !implausible && (r.abs() < LEAST_RETURN || !far) {
            return None;
        }
        let market = market.without(asset, day);
        let jump = implausible || beyond(JUMP, centre, deviation) && beyond(JUMP, market, deviation);
        let before = deviation_of(&returns[day.saturating_sub(COMPANY.0)..day]);
        let after_calm = beyond(JUMP, 0.0, before) && beyond(JUMP, market, before);
        let far = jump || after_calm || beyond(LEAST_SPLIT, market, deviation);
        far.then_some(Move { asset, day, r, market, deviation, jump, after_calm })
    };
    returns.iter().enumerate().filter_map(far).collect()
}

/// The robust deviation of the returns present.
fn deviation_of(returns: &[f64]) -> f64 {
    let mut present: Vec<f64> = returns.iter().copied().filter(|r| !r.is_nan()).collect();
    robust(&mut present).1
}

/// Turns the moves of one asset into findings; each day belongs to at most one finding.
fn judge(panel: &Panel, moves: &[Move], shared: &impl Fn(&Move) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    // The first day after the last spike, and the first day after the sixty days that follow a change of company.
    let (mut taken_back, mut settled) = (0, 0);
    for m in moves {
        if m.day < taken_back {
            continue;
        }
        let size = (m.r - m.market).ln_1p().abs();
        let finding =
            |kind, last, text| Finding { kind, assets: vec![m.asset], first: m.day, last, number: size, text };
        if let Some(last) = m.jump.then(|| reversal(panel, m)).flatten() {
            taken_back = last + 1;
            let text = format!("{}, taken back {}", percent(m.r), days_later(last - m.day));
            found.push(finding(Kind::Spike, last, text));
            continue;
        }
        let split = if m.deviation.is_nan() || (m.r - m.market).abs() > LEAST_SPLIT * m.deviation {
            split(panel, m)
        } else {
            None
        };
        let company =
            (m.day >= settled && (m.jump || m.after_calm) && !shared(m)).then(|| another_company(panel, m)).flatten();
        match (split, company) {
            (Some(ratio), None | Some(Change { by_volatility: false, .. })) => {
                found.push(finding(Kind::Split, m.day, format!("{}, close to a split of {ratio}", percent(m.r))));
            }
            (_, Some(change)) => {
                settled = m.day + COMPANY.0;
                let text = format!("{}, and for 60 days after it {}", percent(m.r), change.text);
                found.push(Finding { number: change.number, ..finding(Kind::AnotherCompany, m.day, text) });
            }
            (None, None) if m.jump && !shared(m) => {
                let text = if m.deviation.is_nan() {
                    percent(m.r)
                } else {
                    let far = ((m.r - m.market) / m.deviation).abs();
                    let far = if far < 1e4 {
                        format!("{far:.0} robust deviations")
                    } else {
                        "beside hardly any move".to_string()
                    };
                    format!("{}, {far}; the market {}", percent(m.r), percent(m.market))
                };
                found.push(finding(Kind::Jump, m.day, text));
            }
            (None, None) => {}
        }
    }
    found
}

fn days_later(days: usize) -> String {
    if days == 1 { "the next day".to_string() } else { format!("within {days} days") }
}

/// The day on which a jump is taken back, if there is one.
fn reversal(panel: &Panel, m: &Move) -> Option<usize> {
    let returns = panel.returns(m.asset);
    let mut growth = 1.0 + m.r;
    let days = m.day + 1..(m.day + 1 + SPIKE.0).min(returns.len());
    days.filter(|&day| !returns[day].is_nan()).find(|&day| {
        growth *= 1.0 + returns[day];
        (growth - 1.0).abs() < SPIKE.1 * m.r.abs() && returns[day].ln_1p().abs() > 0.5 * m.r.ln_1p().abs()
    })
}

/// The ratio of splits that a move is close to, either raw or less the market's return.
fn split(panel: &Panel, m: &Move) -> Option<String> {
    let sizes = [m.r.ln_1p(), m.r.ln_1p() - m.market.ln_1p()];
    let tolerance = (1.5 * m.deviation).clamp(0.015, 0.05);
    let near = |ratio: f64| sizes.iter().map(|size| (size.abs() - ratio.ln()).abs()).fold(f64::INFINITY, f64::min);
    let whole = RATIOS.iter().map(|&ratio| (f64::from(ratio), ratio, 1));
    let ratios = whole.chain([(1.5, 3, 2)]);
    let (ratio, new, old) = ratios.min_by(|a, b| near(a.0).total_cmp(&near(b.0)))?;
    // A split of 2:1 halves the price, one of 1:2 doubles it.
    let name = if m.r < 0.0 { format!("{new}:{old}") } else { format!("{old}:{new}") };
    (near(ratio) <= tolerance && !news(panel, m)).then_some(name)
}

/// Whether far more is traded than before, which a split alone does not cause. The exception is prices that were
/// adjusted while volumes were not: then the volume grows by the ratio and stays there.
fn news(panel: &Panel, m: &Move) -> bool {
    let Some(volumes) = panel.field(Field::DollarVolume, m.asset) else { return false };
    let usual = |days: std::ops::Range<usize>| median(&mut known(&volumes[days]));
    let before = usual(m.day.saturating_sub(FEWEST)..m.day);
    let after = usual(m.day + 1..(m.day + 1 + FEWEST).min(volumes.len()));
    let stays = m.r > 0.0 && (0.5..2.0).contains(&(after / before / (1.0 + m.r)));
    f64::from(volumes[m.day]) > NEWS * before && !stays
}

fn known(volumes: &[f32]) -> Vec<f64> {
    volumes.iter().filter(|v| !v.is_nan()).map(|&v| f64::from(v)).collect()
}

/// How an asset differs after a jump.
struct Change {
    text: String,
    /// The size of the change, in logarithms.
    number: f64,
    by_volatility: bool,
}

/// The change of volatility or dollar volume if either is more than three times what it was, or less than a third, in
/// each block of twenty of the sixty days after a jump. A rise after which volatility falls is a take-over offer; it
/// is found as a still price.
fn another_company(panel: &Panel, m: &Move) -> Option<Change> {
    let before = m.day.saturating_sub(COMPANY.0)..m.day;
    let days = m.day + 1..(m.day + 1 + COMPANY.0).min(panel.n_days());
    let parts: Vec<_> =
        days.clone().step_by(FEWEST).map(|day| day..day + FEWEST).filter(|part| part.end <= days.end).collect();
    // The mean logarithm of the factors, if all of them are above three or all below a third.
    let change = |measure: &dyn Fn(&std::ops::Range<usize>) -> f64| {
        let usual = measure(&before);
        let logs: Vec<f64> =
            parts.iter().map(|part| (measure(part) / usual).ln()).filter(|log| log.is_finite()).collect();
        let limit = COMPANY.1.ln();
        let differs = logs.iter().all(|log| *log > limit) || logs.iter().all(|log| *log < -limit);
        (differs && !logs.is_empty()).then(|| logs.iter().sum::<f64>() / logs.len() as f64)
    };
    let returns = panel.returns(m.asset);
    let volatility = change(&|days| deviation_of(&returns[days.clone()])).filter(|log| *log > 0.0 || m.r < 0.0);
    let volume = panel.field(Field::DollarVolume, m.asset).and_then(|volumes| {
        change(&|days| {
            let mut known = known(&volumes[days.clone()]);
            if 2 * known.len() < FEWEST { f64::NAN } else { median(&mut known) }
        })
    });
    let said = |log: Option<f64>, what: &str| log.map(|log| format!("{what} is {:.2} times what it was", log.exp()));
    let text: Vec<String> = said(volatility, "volatility").into_iter().chain(said(volume, "dollar volume")).collect();
    // Volumes differ by far larger factors than volatilities.
    let number = volatility.unwrap_or(0.0).abs() + volume.unwrap_or(0.0).abs() / 3.0;
    (!text.is_empty()).then(|| Change { text: text.join(" and "), number, by_volatility: volatility.is_some() })
}
