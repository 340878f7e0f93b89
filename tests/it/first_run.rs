//! The first run on a user's own panel: the results of quick.toml on it, and the messages when it cannot run.

use std::collections::BTreeMap;

use minvar::calendar::Calendar;
use minvar::experiment::{self, Experiment, Job, MarketData};
use minvar::linalg::Matrix;
use minvar::panel::{Asset, Panel};

use crate::support::returns;

/// A market with returns only, on weekdays from a date on.
fn market(from: jiff::civil::Date, n_assets: usize, n_days: usize) -> MarketData {
    on(Calendar::weekdays(from, n_days), returns(n_assets, n_days))
}

fn on(calendar: Calendar, returns: Matrix) -> MarketData {
    let assets = (0..returns.ncols()).map(|k| Asset { symbol: format!("A{k}"), ..Asset::default() }).collect();
    MarketData { panel: Panel::new(calendar, assets, returns, BTreeMap::new()).unwrap(), truth: None }
}

fn run(
    experiment: &Experiment,
    market: &MarketData,
) -> Result<(experiment::RunSummary, String, tempfile::TempDir), String> {
    let folder = tempfile::tempdir().unwrap();
    let finished = experiment::run(Job::new(experiment, market, folder.path()));
    let finished = finished.map_err(|error| error.to_string())?;
    let text = std::fs::read_to_string(folder.path().join("run.toml")).unwrap();
    Ok((finished, text, folder))
}

fn small(windows: &str) -> Experiment {
    let text = format!(
        "about = 'own'\n[data]\npanel = 'mine'\n[universe]\nrules = 'none'\nsize = 100\n[walk_forward]\n{windows}\n\
         [compare]\nestimators = ['lw_identity']\nallocators = ['gmv', 'equal']\n"
    );
    Experiment::parse(&text, "own.toml").unwrap()
}

#[test]
fn quick_toml_runs_on_returns_alone_in_the_order_of_the_panel() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/quick.toml")).unwrap();
    let (head, tail) = text.split_once("[data.synthetic]").unwrap();
    let rules = tail.find("[universe]").unwrap();
    // The training is cut short; nothing else changes.
    let text = format!("{head}[data]\npanel = \"mine\"\n\n{}", &tail[rules..])
        .replace("steps = 900\n", "steps = 2\n")
        .replace("warm_steps = 100", "warm_steps = 1");
    let experiment = Experiment::parse(&text, "quick.toml").unwrap();
    // The days are far from those of the synthetic market.
    let market = market(jiff::civil::date(2015, 1, 2), 60, 700);
    let refused = run(&experiment, &market).err().unwrap();
    assert!(refused.contains("oracle") && refused.contains("remove it from compare.estimators"), "{refused}");
    let experiment = experiment.without_oracle().unwrap();
    let notes = experiment::notes(&experiment, &market);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("rank in the order of the panel"), "{notes:?}");
    assert!(notes[1].contains("universe.size = 300, but the panel has 60 assets"), "{notes:?}");
    let (finished, text, _folder) = run(&experiment, &market).unwrap();
    assert!(finished.rows.iter().all(|row| row.n_undefined == 0), "{:?}", finished.never_defined);
    assert!(text.contains("ranked_by = \"panel_order\""), "{text}");
}

#[test]
fn the_default_first_day_is_the_first_on_which_the_rules_leave_all_assets() {
    let decisions = |market: &MarketData| run(&small("lookback = 40"), market).unwrap().0.n_decisions;
    let from = jiff::civil::date(2019, 5, 1);
    assert_eq!(decisions(&market(from, 4, 70)), 6);
    // Two of four assets have holes up to day 30 of their lives: they pass the rule of 39 of 40 returns only from day 69 on.
    let holes = returns(4, 120).map(|day, asset, r| if asset > 1 && (2..30).contains(&day) { f64::NAN } else { r });
    assert_eq!(decisions(&on(Calendar::weekdays(from, 120), holes)), (69..119usize).step_by(5).count());
    // The start does not wait for an asset that is listed late.
    let late = returns(4, 120).map(|day, asset, r| if asset == 3 && day < 60 { f64::NAN } else { r });
    assert_eq!(decisions(&on(Calendar::weekdays(from, 120), late)), (40..119usize).step_by(5).count());
}

#[test]
fn messages_of_too_few_days_name_the_key_and_the_earliest_date() {
    let panel = market(jiff::civil::date(2019, 5, 1), 4, 500);
    let refused = |experiment: &Experiment, expected: &[&str]| {
        let message = run(experiment, &panel).err().unwrap();
        assert!(expected.iter().all(|part| message.contains(part)), "{message}");
    };
    refused(
        &small("lookback = 400\nfirst = 2004-01-01\nlast = 2005-12-31"),
        &[
            "400 days of history are needed before 2004-01-01",
            "earliest walk_forward.first that works is 2020-11-11",
            "walk_forward.last = 2005-12-31",
        ],
    );
    refused(
        &small("lookback = 400\nfirst = 2030-01-01"),
        &["no decision date", "possible from 2020-11-11 to 2021-03-29"],
    );
    refused(
        &small("lookback = 600"),
        &["600 days of history are needed", "walk_forward.lookback = 600", "at most 498"],
    );
    let mut learning = small("lookback = 172\nfirst = 2020-06-01");
    learning.compare.estimators = vec![minvar::registry::Choice::named("average_oracle")];
    refused(&learning, &["'average_oracle' learns", "the earliest walk_forward.first that works is 2021-01-01"]);
    // The first error already accounts for the days that the estimators learn from; without `first` a run begins on
    // the day it names.
    learning.walk_forward.first = Some(jiff::civil::date(2019, 6, 1));
    refused(&learning, &["lookback = 172", "the earliest walk_forward.first that works is 2021-01-01"]);
    learning.walk_forward.first = None;
    let (_, _, folder) = run(&learning, &panel).unwrap();
    let dates = minvar::data::Table::read_dates(&folder.path().join("weights.parquet"), "date").unwrap();
    assert_eq!(dates[0], jiff::civil::date(2021, 1, 1));
}

#[test]
fn a_monthly_panel_is_annualised_by_twelve_and_says_so() {
    let months = jiff::civil::date(2000, 1, 31).series(jiff::Span::new().months(1)).take(160).collect();
    let monthly = on(Calendar::new(months).unwrap(), returns(6, 160));
    let experiment = small("lookback = 40\nhorizon = 1");
    let (finished, text, folder) = run(&experiment, &monthly).unwrap();
    assert!(text.contains("periods_per_year = 12.0"), "{text}");
    let daily = on(Calendar::weekdays(jiff::civil::date(2000, 1, 3), 160), returns(6, 160));
    let (days, text, _folder) = run(&experiment, &daily).unwrap();
    assert!(!text.contains("periods_per_year"), "{text}");
    for (month, day) in finished.rows.iter().zip(&days.rows) {
        let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} against {b}");
        close(month.volatility_annual * 21f64.sqrt(), day.volatility_annual);
        close(month.return_annual * 21.0, day.return_annual);
        close(month.sharpe * 21f64.sqrt(), day.sharpe);
        assert_eq!(month.max_drawdown, day.max_drawdown);
    }
    assert!(experiment::notes(&experiment, &monthly)[0].contains("months, 12 a year"));
    let results = minvar::results::Results::open(folder.path()).unwrap();
    assert_eq!(results.periods_per_year(), 12.0);
    minvar::results::write_page(&results, None).unwrap();
    assert!(std::fs::read_to_string(folder.path().join("report.html")).unwrap().contains("√12 ×"));
}

#[test]
fn periods_per_year_in_the_experiment_stand_over_the_calendar() {
    let folder = tempfile::tempdir().unwrap();
    let daily = market(jiff::civil::date(2000, 1, 3), 6, 160);
    minvar::data::save_panel(&daily.panel, &folder.path().join("mine"), "test", &[], None).unwrap();
    let mut experiment = small("lookback = 40");
    let usual = MarketData::open(&experiment, folder.path()).unwrap();
    experiment.data.periods_per_year = Some(365.0);
    let market = MarketData::open(&experiment, folder.path()).unwrap();
    assert_eq!((usual.panel.periods_per_year(), market.panel.periods_per_year()), (252.0, 365.0));
    assert_ne!(usual.panel.content_hash(), market.panel.content_hash());
    let text = toml::to_string(&experiment).unwrap().replace("periods_per_year = 365.0", "periods_per_year = 1000");
    let message = Experiment::parse(&text, "own.toml").unwrap_err().to_string();
    assert!(message.contains("data.periods_per_year must be between 1 and 366"), "{message}");
}

#[test]
fn a_first_date_on_which_no_asset_has_a_rank_yet_is_answered_with_one_that_works() {
    let calendar = Calendar::weekdays(jiff::civil::date(2019, 8, 1), 400);
    let assets = (0..4).map(|k| Asset { symbol: format!("A{k}"), ..Asset::default() }).collect();
    let volumes = [(minvar::panel::Field::DollarVolume, vec![1e6f32; 1600])].into();
    let panel = Panel::new(calendar, assets, returns(4, 400), volumes).unwrap();
    let market = MarketData { panel, truth: None };
    let message = run(&small("lookback = 40\nfirst = 2020-03-02"), &market).err().unwrap();
    for part in ["no asset is eligible on 2020-03-02", "universe.rank_min_values", "works is 2021-01-01"] {
        assert!(message.contains(part), "{message}");
    }
    // Without `first` the run begins on this day by itself.
    assert_eq!(run(&small("lookback = 40"), &market).unwrap().0.n_decisions, 6);
}

#[test]
fn one_hole_in_one_asset_moves_no_start_and_the_span_is_told() {
    let from = jiff::civil::date(2019, 5, 1);
    let holed = returns(20, 160).map(|day, asset, r| if asset == 7 && (30..60).contains(&day) { f64::NAN } else { r });
    let market = on(Calendar::weekdays(from, 160), holed);
    let mut told = Vec::new();
    let mut hear = |progress: experiment::Progress| told.extend(progress.notes);
    let folder = tempfile::tempdir().unwrap();
    let experiment = small("lookback = 40");
    let job = experiment::Job::new(&experiment, &market, folder.path()).watched(&mut hear);
    let finished = experiment::run(job).unwrap();
    assert_eq!(finished.n_decisions, (40..159usize).step_by(5).count());
    let first = market.panel.calendar().date(40);
    assert!(told[0].starts_with(&format!("24 decisions from {first} to ")), "{told:?}");
    // Prices begin with a day on which no asset has a return; it does not count towards the look-back.
    let priced = returns(4, 160).map(|day, _, r| if day == 0 { f64::NAN } else { r });
    let finished = run(&small("lookback = 40"), &on(Calendar::weekdays(from, 160), priced)).unwrap().0;
    assert_eq!((finished.n_decisions, finished.n_filled), ((41..159usize).step_by(5).count(), 0));
}

#[test]
fn volume_that_ends_early_is_answered_before_anything_is_computed() {
    let calendar = Calendar::weekdays(jiff::civil::date(2015, 1, 1), 1000);
    let assets = (0..4).map(|k| Asset { symbol: format!("A{k}"), ..Asset::default() }).collect();
    let volumes = (0..4000).map(|k| if k % 1000 < 500 { 1e6f32 } else { f32::NAN }).collect();
    let fields = [(minvar::panel::Field::DollarVolume, volumes)].into();
    let market = MarketData { panel: Panel::new(calendar, assets, returns(4, 1000), fields).unwrap(), truth: None };
    let message = run(&small("lookback = 40"), &market).err().unwrap();
    for part in
        ["walk_forward.last: no asset is eligible on 2018", "universe.rank_min_values", "last that works is 2017"]
    {
        assert!(message.contains(part), "{message}");
    }
}
