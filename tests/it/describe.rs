//! Problems that `data describe` must find, in panels as small as users have, and data that it must not report.

use minvar::calendar::Calendar;
use minvar::data::{Finding, Kind, Suspects, findings, worst_findings, write_suspects};
use minvar::linalg::Matrix;
use minvar::panel::{Asset, Field, Panel};

use crate::support;

/// A market of complete assets with one factor and a daily volatility of about two percent.
fn returns(n_assets: usize, n_days: usize) -> Matrix {
    support::returns(n_assets, n_days)
}

fn panel(returns: Matrix) -> Panel {
    panel_on(Calendar::weekdays(jiff::civil::date(2019, 5, 1), returns.nrows()), returns)
}

fn panel_on(calendar: Calendar, returns: Matrix) -> Panel {
    let asset = |k: usize| Asset { symbol: format!("A{k}"), ..Asset::default() };
    let assets = (0..returns.ncols()).map(asset).collect();
    Panel::new(calendar, assets, returns, Default::default()).unwrap()
}

/// The findings of a kind.
fn of(panel: &Panel, kind: Kind) -> Vec<Finding> {
    findings(panel).into_iter().filter(|finding| finding.kind == kind).collect()
}

#[track_caller]
fn finds(panel: &Panel, kind: Kind, assets: &[usize], days: (usize, usize), words: &str) {
    let found = of(panel, kind);
    let hit = found.iter().find(|f| f.assets == assets && (f.first, f.last) == days);
    let hit = hit.unwrap_or_else(|| panic!("no {} of {assets:?} on {days:?}: {:?}", kind.name(), findings(panel)));
    assert!(hit.text.contains(words), "{}", hit.text);
}

#[test]
fn a_clean_small_panel_has_no_findings() {
    let panel = panel(returns(4, 70));
    assert_eq!(findings(&panel), []);
    assert!(worst_findings(&panel, 3).is_empty());
}

#[test]
fn jumps_splits_and_spikes_are_told_apart_in_seventy_days() {
    let with = |changes: &[(usize, f64)]| {
        let mut returns = returns(4, 70);
        changes.iter().for_each(|&(day, r)| returns.column_mut(1)[day] = r);
        panel(returns)
    };
    finds(&with(&[(40, 0.43)]), Kind::Jump, &[1], (40, 40), "+43.0 %");
    finds(&with(&[(40, -0.5)]), Kind::Split, &[1], (40, 40), "split of 2:1");
    finds(&with(&[(40, 1.0)]), Kind::Split, &[1], (40, 40), "split of 1:2");
    finds(&with(&[(40, -0.95)]), Kind::Split, &[1], (40, 40), "split of 20:1");
    finds(&with(&[(40, 19.0)]), Kind::Split, &[1], (40, 40), "split of 1:20");
    finds(&with(&[(40, 0.6), (41, -0.375)]), Kind::Spike, &[1], (40, 41), "taken back the next day");
    finds(&with(&[(69, -0.6)]), Kind::Jump, &[1], (69, 69), "-60.0 %");
}

#[test]
fn a_split_of_two_for_one_is_found_in_a_quiet_asset_and_three_for_two_too() {
    let quiet = |r: f64| {
        let mut returns = returns(4, 70).map(|_, asset, r| if asset == 2 { r / 20.0 } else { r });
        returns.column_mut(2)[30] = r;
        panel(returns)
    };
    finds(&quiet(-0.5), Kind::Split, &[2], (30, 30), "2:1");
    finds(&quiet(-1.0 / 3.0), Kind::Split, &[2], (30, 30), "3:2");
    finds(&quiet(0.03), Kind::Jump, &[2], (30, 30), "+3.0 %");
}

#[test]
fn a_crash_of_the_whole_market_is_no_finding() {
    let mut returns = returns(12, 300);
    (0..12).for_each(|asset| returns.column_mut(asset)[150] = -0.25 - 0.002 * asset as f64);
    assert!(of(&panel(returns), Kind::Jump).is_empty());
}

#[test]
fn a_halving_on_a_day_of_many_times_the_volume_is_news_and_no_split() {
    let mut returns = returns(4, 120);
    returns.column_mut(0)[60] = -0.5;
    let volume = |day_volume: f32| {
        let mut volume = vec![1e6f32; 4 * 120];
        volume[60] = day_volume;
        [(Field::DollarVolume, volume)].into()
    };
    let assets = || (0..4).map(|k| Asset { symbol: format!("A{k}"), ..Asset::default() }).collect();
    let calendar = || Calendar::weekdays(jiff::civil::date(2019, 5, 1), 120);
    let news = Panel::new(calendar(), assets(), returns.clone(), volume(2e7)).unwrap();
    finds(&news, Kind::Jump, &[0], (60, 60), "-50.0 %");
    let split = Panel::new(calendar(), assets(), returns, volume(1e6)).unwrap();
    finds(&split, Kind::Split, &[0], (60, 60), "2:1");
}

#[test]
fn a_price_that_stands_still_for_ten_days_is_found_and_an_asset_that_seldom_trades_is_not() {
    let mut still = returns(4, 70);
    still.column_mut(3)[20..30].fill(0.0);
    finds(&panel(still), Kind::Still, &[3], (20, 29), "does not move for 10 days");
    let seldom = returns(4, 300).map(|day, asset, r| if asset == 0 && day % 3 != 0 { 0.0 } else { r });
    assert!(of(&panel(seldom), Kind::Still).is_empty());
}

#[test]
fn a_take_over_pin_and_a_constant_return_are_still_prices() {
    let with = |pin: &dyn Fn(usize, f64) -> f64| {
        panel(returns(4, 200).map(|day, asset, r| if asset == 1 && day >= 150 { pin(day, r) } else { r }))
    };
    finds(&with(&|_, r| r / 40.0), Kind::Still, &[1], (150, 199), "usually it moves by");
    finds(&with(&|_, _| 1e-4), Kind::Still, &[1], (150, 199), "returns 0.0100 % on each of 50 days");
    let all = panel(returns(4, 200).map(|_, asset, r| if asset == 1 { 1e-4 + 1e-9 * r } else { r }));
    finds(&all, Kind::Still, &[1], (0, 199), "hardly moves in its whole life");
}

#[test]
fn another_company_is_a_jump_that_changes_volatility_for_sixty_days() {
    let other = |factor: f64| {
        let mut returns = returns(4, 260).map(|day, asset, r| if asset == 2 && day > 130 { factor * r } else { r });
        returns.column_mut(2)[130] = 0.6;
        panel(returns)
    };
    finds(&other(6.0), Kind::AnotherCompany, &[2], (130, 130), "volatility is");
    assert!(of(&other(1.0), Kind::AnotherCompany).is_empty());
    // Only the calm before an end counts, not what follows it, as in a take-over that leads to a new company.
    let mut pinned = returns(4, 260).map(|day, asset, r| match (asset, day) {
        (2, 60..=130) => r / 30.0,
        (2, 131..) => 3.0 * r,
        _ => r,
    });
    pinned.column_mut(2)[130] = 0.15;
    finds(&panel(pinned), Kind::AnotherCompany, &[2], (130, 130), "+15.0 %");
}

#[test]
fn gaps_and_ends_that_assets_share_are_those_of_a_source() {
    let gap = |asset: usize, day: usize| asset < 21 && (50..57).contains(&day);
    let end = |asset: usize, day: usize| (5..26).contains(&asset) && day >= 100;
    let returns = returns(60, 140).map(|day, asset, r| if gap(asset, day) || end(asset, day) { f64::NAN } else { r });
    let panel = panel(returns);
    finds(&panel, Kind::Gap, &(0..21).collect::<Vec<_>>(), (50, 56), "7 days in 21 assets; 16 of them end");
    finds(&panel, Kind::End, &(5..26).collect::<Vec<_>>(), (99, 99), "21 assets end");
    let few = self::panel(self::returns(4, 70).map(|day, asset, r| if asset < 3 && day == 40 { f64::NAN } else { r }));
    finds(&few, Kind::Gap, &[0, 1, 2], (40, 40), "1 day in 3 assets");
}

#[test]
fn duplicates_are_found_from_twenty_days_on_and_twins_from_their_correlation() {
    let with = |n_days: usize, copy: &dyn Fn(usize, f64) -> f64| {
        let mut all = returns(4, n_days);
        let copied: Vec<f64> = all.column(0).iter().enumerate().map(|(day, r)| copy(day, *r)).collect();
        all.column_mut(3).copy_from_slice(&copied);
        panel(all)
    };
    finds(&with(70, &|_, r| r), Kind::Duplicate, &[0, 3], (0, 69), "2 names");
    finds(&with(22, &|_, r| r), Kind::Duplicate, &[0, 3], (0, 21), "2 names");
    finds(&with(70, &|_, r| r * (1.0 + 1e-13)), Kind::Duplicate, &[0, 3], (0, 69), "2 names");
    finds(&with(70, &|day, r| if day < 30 { f64::NAN } else { r }), Kind::Duplicate, &[0, 3], (30, 69), "2 names");
    let near = with(70, &|day, r| r + 1e-3 * (day % 5) as f64);
    finds(&near, Kind::Twin, &[0, 3], (0, 69), "correlation of up to 0.99");
    assert!(of(&near, Kind::Duplicate).is_empty());
    assert!(of(&panel(returns(4, 70)), Kind::Twin).is_empty());
}

#[test]
fn weekends_filled_days_and_mixed_calendars_are_findings() {
    let every_day = |n: usize| {
        let days = jiff::civil::date(2020, 1, 1).series(jiff::Span::new().days(1)).take(n);
        Calendar::new(days.collect()).unwrap()
    };
    let calendar = every_day(140);
    let weekend: Vec<bool> = calendar.dates().iter().map(|date| minvar::calendar::is_weekend(*date)).collect();
    let filled = returns(4, 140).map(|day, _, r| if weekend[day] { 0.0 } else { r });
    let found = of(&panel_on(calendar.clone(), filled), Kind::Calendar);
    assert!(found[0].text.contains("zero on 40 of 140 days, 40 of them on a weekend"), "{found:?}");
    let mixed = returns(4, 140).map(|day, asset, r| if asset < 2 && weekend[day] { f64::NAN } else { r });
    let found = of(&panel_on(calendar, mixed), Kind::Calendar);
    assert!(found[0].text.contains("2 of 4 assets never move on a weekend"), "{found:?}");
    let mut dates = Calendar::weekdays(jiff::civil::date(2020, 1, 1), 69).dates().to_vec();
    dates.insert(23, jiff::civil::date(2020, 2, 1));
    let found = of(&panel_on(Calendar::new(dates).unwrap(), returns(4, 70)), Kind::Calendar);
    assert!(found[0].text.contains("1 of 70 days falls on a weekend"), "{found:?}");
}

#[test]
fn suspects_are_rows_that_can_be_excluded_and_an_edited_file_is_left_alone() {
    let mut returns = returns(4, 70);
    returns.column_mut(1)[40] = -0.5;
    returns.column_mut(3)[20..30].fill(0.0);
    let panel = panel(returns);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("suspects.csv");
    let write = || write_suspects(&panel, &findings(&panel), &file).unwrap();
    assert_eq!(write(), (Suspects::Written, 2));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("asset,first,last,finding\nA1,2019-06-26,2019-06-26,"), "{text}");
    assert!(text.contains("A3,2019-05-29,2019-06-11,still prices: does not move for 10 days"), "{text}");
    let (exclusions, _) = minvar::data::read_exclusions(&file, &panel).unwrap();
    assert_eq!(exclusions.len(), 2);
    assert_eq!(write(), (Suspects::Same, 2));
    std::fs::write(&file, text.replace("A1,", "A0,")).unwrap();
    assert_eq!(write(), (Suspects::Kept, 2));
    assert!(std::fs::read_to_string(&file).unwrap().contains("A0,"));
}

#[test]
fn panels_of_next_to_nothing_are_described() {
    for (n_assets, n_days) in [(1, 1), (1, 30), (2, 2), (3, 21)] {
        let panel = panel(returns(n_assets.max(3), n_days).map(|_, _, r| r));
        let few = Matrix::from_fn(n_days, n_assets, |day, asset| panel.returns(asset)[day]);
        assert_eq!(findings(&self::panel(few)), [], "{n_assets} x {n_days}");
    }
    let missing = Matrix::from_fn(10, 3, |_, _| f64::NAN);
    assert_eq!(findings(&panel(missing)), []);
    assert_eq!(findings(&panel(Matrix::zeros(0, 0))), []);
}

#[test]
fn stocks_filled_over_weekends_beside_coins_are_found() {
    let calendar =
        Calendar::new(jiff::civil::date(2019, 5, 1).series(jiff::Span::new().days(1)).take(140).collect()).unwrap();
    let is_weekend = |day: usize| minvar::calendar::is_weekend(calendar.dates()[day]);
    let mixed = |fill: f64| returns(6, 140).map(|day, asset, r| if asset > 2 && is_weekend(day) { fill } else { r });
    for fill in [0.0, f64::NAN] {
        let found = of(&panel_on(calendar.clone(), mixed(fill)), Kind::Calendar);
        assert!(found.iter().any(|f| f.text.starts_with("3 of 6 assets never move on a weekend")), "{found:?}");
    }
    assert_eq!(of(&panel_on(calendar.clone(), returns(6, 140)), Kind::Calendar), []);
}

#[test]
fn breaks_and_other_frequencies_of_a_daily_calendar_are_found() {
    let days: Vec<jiff::civil::Date> = Calendar::weekdays(jiff::civil::date(2019, 5, 1), 300).dates().to_vec();
    let found = |kept: &dyn Fn(usize) -> bool| {
        let kept: Vec<jiff::civil::Date> =
            days.iter().enumerate().filter(|(k, _)| kept(*k)).map(|(_, day)| *day).collect();
        let n = kept.len();
        of(&panel_on(Calendar::new(kept).unwrap(), returns(4, n)), Kind::Calendar)
    };
    assert_eq!(found(&|k| !(100..104).contains(&k)), []);
    let month = found(&|k| !(100..120).contains(&k));
    assert!(month.len() == 1 && month[0].text.starts_with("29 calendar days between"), "{month:?}");
    let weekly = found(&|k| k < 260 || k % 5 == 0);
    assert!(weekly[0].text.contains("the days are five days or more apart"), "{weekly:?}");
}
