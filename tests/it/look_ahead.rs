//! No look-ahead: perturbing the future in every way changes no earlier decision.

use std::path::Path;

use minvar::data::Table;
use minvar::estimators::Definite;
use minvar::experiment::{self, Experiment, Job, MarketData};
use minvar::panel::Panel;

use crate::support::altered;

/// All estimators and allocators on a small market with listings, delistings and holes.
fn experiment(rules: &str) -> Experiment {
    let names = |names: Vec<&str>| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let estimators =
        names(minvar::estimators::ALL.iter().filter(|e| e.definite != Definite::Never).map(|e| e.name).collect());
    let allocators = names(minvar::allocators::ALL.iter().map(|e| e.name).collect());
    let text = format!(
        "about = \"look-ahead\"\n[data]\npanel = \"x\"\n[universe]\nrules = '{rules}'\nsize = 20\nmax_correlation = 0.9\n\
         volatility_fence = 1.5\nrecent_days = 5\nmin_recent_turnover = 0.0001\nmin_traded_share = 0.9\n\
         price_range = [1, 10000]\nrank_frequency = \"decision\"\nrank_min_values = 50\nmissing = \"market\"\n\
         [walk_forward]\nlookback = 100\nhorizon = 5\nfirst = 2001-02-01\nlast = 2001-05-30\n\
         [compare]\nestimators = [{estimators}]\nallocators = [{allocators}]\n"
    );
    Experiment::parse(&text, "look_ahead.toml").unwrap()
}

fn market() -> Panel {
    let market = minvar::synthetic::SyntheticMarket {
        n_assets: 40,
        n_days: 380,
        n_sectors: 4,
        missing_rate: 0.01,
        delisting_rate_annual: 0.2,
        ..Default::default()
    };
    market.simulate().unwrap().0
}

/// Date, portfolio, asset and the bits of every weight.
fn weights(panel: Panel, rules: &str, folder: &Path) -> Vec<(minvar::calendar::Date, String, u64)> {
    let market = MarketData { panel, truth: None };
    experiment::run(Job::new(&experiment(rules), &market, folder)).unwrap();
    let file = folder.join("weights.parquet");
    let texts = |name| Table::read_texts(&file, name).unwrap();
    let labels = texts("estimator").into_iter().zip(texts("allocator")).zip(texts("asset"));
    let labels = labels.map(|((estimator, allocator), asset)| format!("{estimator} {allocator} {asset}"));
    let weights = Table::read_numbers(&file, "weight").unwrap();
    let dates = Table::read_dates(&file, "date").unwrap();
    dates.into_iter().zip(labels).zip(weights).map(|((date, label), w)| (date, label, w.to_bits())).collect()
}

#[test]
fn perturbing_every_value_from_a_day_on_changes_no_decision_up_to_that_day() {
    ["none", "paper"].into_iter().for_each(perturbing_changes_no_earlier_decision);
}

fn perturbing_changes_no_earlier_decision(rules: &str) {
    let folder = tempfile::tempdir().unwrap();
    let panel = market();
    let before = weights(market(), rules, &folder.path().join("before"));
    let first_decision = panel.calendar().first_on_or_after(jiff::civil::date(2001, 2, 1));
    // The perturbation starts on a decision date itself, and on days between two decisions.
    for perturbed in [first_decision + 50, first_decision + 53, first_decision + 54] {
        let noise = |day: usize, asset: usize| (((day * 31 + asset * 17) % 13) as f64 - 6.0) / 100.0;
        // Holes are filled and others torn, but listings end when they do: their ends may be announced.
        let of_return = |day: usize, asset: usize, r: f64| match panel.life(asset) {
            Some((_, last)) if day >= perturbed && day <= last => match (day * 7 + asset * 3) % 29 {
                0 if day < last => f64::NAN,
                _ => (if r.is_nan() { 0.0 } else { r } + noise(day, asset)).max(-0.9),
            },
            _ => r,
        };
        let future = altered(&panel, of_return, |day, asset, x| {
            if day < perturbed { x } else { x * (1.0 + 10.0 * noise(day, asset) as f32).abs() }
        });
        let after = weights(future, rules, &folder.path().join(perturbed.to_string()));
        let date = panel.calendar().date(perturbed);
        let up_to = |weights: &[(minvar::calendar::Date, String, u64)]| {
            weights.iter().filter(|row| row.0 <= date).cloned().collect::<Vec<_>>()
        };
        assert!(!up_to(&before).is_empty());
        assert_eq!(up_to(&before), up_to(&after), "a decision up to {date} saw a later day");
        assert_ne!(before, after, "the perturbation must matter afterwards");
    }
}

#[test]
fn the_day_just_before_a_decision_does_matter() {
    let folder = tempfile::tempdir().unwrap();
    let panel = market();
    let decision = panel.calendar().first_on_or_after(jiff::civil::date(2001, 2, 1));
    let before = weights(market(), "none", &folder.path().join("before"));
    let changed =
        altered(&panel, |day, asset, r| if day == decision - 1 { r + 0.01 * asset as f64 } else { r }, |_, _, x| x);
    let after = weights(changed, "none", &folder.path().join("after"));
    let date = panel.calendar().date(decision);
    assert!(before.iter().zip(&after).any(|(a, b)| a.0 == date && a != b), "the newest known day must be used");
}
