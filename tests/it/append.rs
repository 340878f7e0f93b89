//! `data append`: two halves make the whole panel, and no known value is lost or changed.

use std::collections::BTreeMap;

use minvar::calendar::Calendar;
use minvar::data::append;
use minvar::linalg::Matrix;
use minvar::panel::{Asset, Field, Panel};
use minvar::synthetic::SyntheticMarket;

fn whole() -> Panel {
    let market = SyntheticMarket {
        n_assets: 25,
        n_days: 120,
        missing_rate: 0.05,
        delisting_rate_annual: 0.3,
        ..Default::default()
    };
    market.simulate().unwrap().0
}

/// Some days of a panel, with the assets for which `keep` is true.
fn part(panel: &Panel, days: std::ops::Range<usize>, keep: impl Fn(usize) -> bool) -> Panel {
    let kept: Vec<usize> = (0..panel.n_assets()).filter(|&asset| keep(asset)).collect();
    let calendar = Calendar::new(panel.calendar().dates()[days.clone()].to_vec()).unwrap();
    let returns = Matrix::from_fn(days.len(), kept.len(), |day, k| panel.returns(kept[k])[days.start + day]);
    let fields: BTreeMap<Field, Vec<f32>> = panel
        .fields()
        .map(|field| {
            (field, kept.iter().flat_map(|&a| panel.field(field, a).unwrap()[days.clone()].to_vec()).collect())
        })
        .collect();
    Panel::new(calendar, kept.iter().map(|&a| panel.assets()[a].clone()).collect(), returns, fields).unwrap()
}

#[test]
fn the_second_half_on_the_first_is_the_whole_however_much_they_overlap() {
    let whole = whole();
    for start in [60, 59, 40, 0] {
        let appended = append(&part(&whole, 0..60, |_| true), &part(&whole, start..120, |_| true)).unwrap();
        assert_eq!(appended.panel.content_hash(), whole.content_hash(), "second half from day {start}");
        assert_eq!((appended.new_days, appended.filled, appended.different), (60, 0, 0));
        assert!(appended.new_assets.is_empty());
    }
    let again = append(&whole, &whole).unwrap();
    assert_eq!((again.new_days, again.new_returns), (0, 0));
    assert_eq!(again.panel.content_hash(), whole.content_hash());
}

#[test]
fn new_assets_come_last_with_all_their_days_and_missing_ones_end() {
    let whole = whole();
    let old = part(&whole, 0..60, |asset| asset < 20);
    let appended = append(&old, &part(&whole, 30..120, |asset| asset > 2)).unwrap();
    let symbols: Vec<&str> = whole.assets()[20..].iter().map(|asset| asset.symbol.as_str()).collect();
    assert_eq!(appended.new_assets, symbols);
    for asset in 20..25 {
        let (ours, theirs) = (appended.panel.returns(asset), whole.returns(asset));
        assert!(
            (30..120)
                .all(|day| ours[day].to_bits() == theirs[day].to_bits() || ours[day].is_nan() && theirs[day].is_nan())
        );
    }
    for asset in 0..3 {
        assert!(appended.panel.returns(asset)[60..].iter().all(|r| r.is_nan()));
        let alive = old.life(asset).is_some_and(|life| life.1 == 59);
        assert_eq!(appended.ending.contains(&whole.assets()[asset].symbol), alive);
    }
    let lines = appended.lines().join("\n");
    assert!(lines.contains("60 new days") && lines.contains("5 new assets"), "{lines}");
}

#[test]
fn a_few_different_values_are_counted_and_the_panel_keeps_its_own() {
    let whole = whole();
    let old = part(&whole, 0..60, |_| true);
    let changed = |n: usize| {
        let mut left = n;
        let newer = part(&whole, 20..120, |_| true);
        let mut returns = Matrix::from_fn(100, 25, |day, asset| newer.returns(asset)[day]);
        for asset in 0..25 {
            for day in 5..40 {
                if left > 0 && !returns[(day, asset)].is_nan() {
                    returns[(day, asset)] += 0.002;
                    left -= 1;
                }
            }
        }
        let assets: Vec<Asset> = newer.assets().to_vec();
        Panel::new(newer.calendar().clone(), assets, returns, BTreeMap::new()).unwrap()
    };
    let appended = append(&old, &changed(3)).unwrap();
    assert_eq!(appended.different, 3);
    assert!((appended.largest.as_ref().unwrap().0 - 0.002).abs() < 1e-12);
    for asset in 0..25 {
        assert!((0..60).all(|day| {
            let (a, b) = (appended.panel.returns(asset)[day], old.returns(asset)[day]);
            a.to_bits() == b.to_bits() || b.is_nan()
        }));
    }
    let message = append(&old, &changed(60)).err().unwrap().to_string();
    assert!(message.contains("60 of the") && message.contains("nothing was appended"), "{message}");
}

#[test]
fn a_day_that_the_panel_lacks_in_its_own_time_is_refused() {
    let whole = whole();
    let old = {
        let days: Vec<usize> = (0..60).filter(|day| *day != 30).collect();
        let calendar = Calendar::new(days.iter().map(|&day| whole.calendar().date(day)).collect()).unwrap();
        let returns = Matrix::from_fn(59, 25, |k, asset| whole.returns(asset)[days[k]]);
        Panel::new(calendar, whole.assets().to_vec(), returns, BTreeMap::new()).unwrap()
    };
    let message = append(&old, &part(&whole, 20..120, |_| true)).err().unwrap().to_string();
    let missing = whole.calendar().date(30);
    assert!(message.contains("1 days up to the panel's last") && message.contains(&missing.to_string()), "{message}");
    assert_eq!(append(&old, &part(&whole, 60..120, |_| true)).unwrap().new_days, 60);
}

/// The panel with other returns, given by day, asset and present return.
fn with(panel: &Panel, returns: impl Fn(usize, usize, f64) -> f64) -> Panel {
    crate::support::altered(panel, returns, |_, _, x| x)
}

#[test]
fn a_contradiction_is_named_and_newer_prices_must_begin_on_the_last_day() {
    let whole = whole();
    let day = (50..60).find(|day| !whole.returns(3)[*day].is_nan()).unwrap();
    let wrong =
        with(&part(&whole, 40..120, |_| true), |d, asset, r| if (d, asset) == (day - 40, 3) { r + 0.3 } else { r });
    let appended = append(&part(&whole, 0..60, |_| true), &wrong).unwrap();
    let [contradiction] = &appended.contradictions[..] else { panic!("{:?}", appended.contradictions) };
    assert_eq!((&contradiction.asset, contradiction.date), (&whole.assets()[3].symbol, whole.calendar().date(day)));
    assert!((contradiction.newer - contradiction.panel - 0.3).abs() < 1e-12);
    let line = appended.lines().pop().unwrap();
    assert!(line.starts_with("look at: some returns contradict each other"), "{line}");

    let prices = with(&part(&whole, 60..120, |_| true), |day, _, r| if day == 0 { f64::NAN } else { r });
    let refused = append(&part(&whole, 0..60, |_| true), &prices).err().unwrap().to_string();
    let last = whole.calendar().date(59);
    assert!(refused.contains(&format!("supply prices from {last} on")), "{refused}");
    let late = append(&part(&whole, 0..60, |_| true), &part(&whole, 80..120, |_| true)).unwrap();
    assert!(late.lines().iter().any(|line| line.contains("there are 30 days between")), "{:?}", late.lines());
}
