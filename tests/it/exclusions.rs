//! `[data] exclude`: excluded returns do not count, and no decision before them depends on them.

use std::path::Path;

use minvar::calendar::Date;
use minvar::data::{Table, read_exclusions, save_panel};
use minvar::experiment::{self, Experiment, Job, MarketData};
use minvar::panel::Panel;
use minvar::synthetic::SyntheticMarket;

fn panel() -> Panel {
    let market = SyntheticMarket {
        n_assets: 30,
        n_days: 260,
        delisting_rate_annual: 0.2,
        missing_rate: 0.0,
        ..Default::default()
    };
    market.simulate().unwrap().0
}

fn experiment(exclude: &str) -> Experiment {
    let text = format!(
        "about = 'exclusions'\n[data]\npanel = 'sim'\n{exclude}\n[universe]\nrules = 'none'\nsize = 12\nrank_min_values = 20\n\
         rank_frequency = 'decision'\nrecent_days = 5\nmin_recent_turnover = 0.0\ndelisting_within = 10\n\
         [walk_forward]\nlookback = 60\n[compare]\nestimators = ['lw_identity']\nallocators = ['gmv']\n"
    );
    Experiment::parse(&text, "exclusions.toml").unwrap()
}

/// The folder of data with the panel, and a file of exclusions.
fn data(rows: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    save_panel(&panel(), &folder.path().join("sim"), "synthetic", &[], None).unwrap();
    std::fs::write(folder.path().join("out.csv"), rows).unwrap();
    folder
}

fn run(folder: &Path, exclude: &str) -> Vec<(Date, String, u64)> {
    let experiment = experiment(exclude);
    let market = MarketData::open(&experiment, folder).unwrap();
    let out = folder.join(if exclude.is_empty() { "whole" } else { "less" });
    experiment::run(Job::new(&experiment, &market, &out)).unwrap();
    let file = out.join("weights.parquet");
    let dates = Table::read_dates(&file, "date").unwrap();
    let assets = Table::read_texts(&file, "asset").unwrap();
    let weights = Table::read_numbers(&file, "weight").unwrap();
    dates.into_iter().zip(assets).zip(weights).map(|((date, asset), w)| (date, asset, w.to_bits())).collect()
}

#[test]
fn everything_decided_before_the_first_excluded_day_is_the_same() {
    let panel = panel();
    let held = run(data("asset,first,last\n").path(), "");
    let (first, last) = (panel.calendar().date(150), panel.calendar().date(panel.n_days() - 1));
    let symbol = &held.iter().rfind(|row| row.0 < first).unwrap().1;
    // Excluded to the end of the panel, which must not look as if the listings ended ten days before `first`.
    let everyone: String = panel.assets().iter().map(|a| format!("{},{first},{last},tail\n", a.symbol)).collect();
    let one = format!("{symbol},{first},{last},tail\n");
    for rows in [one, everyone.lines().step_by(2).map(|line| format!("{line}\n")).collect()] {
        let folder = data(&format!("asset,first,last,finding\n{rows}"));
        let (whole, less) = (run(folder.path(), ""), run(folder.path(), "exclude = 'out.csv'"));
        // A decision on `first` itself sees the returns up to the day before.
        let before = |rows: &[(Date, String, u64)]| rows.iter().filter(|r| r.0 <= first).cloned().collect::<Vec<_>>();
        assert!(!before(&whole).is_empty());
        assert_eq!(before(&whole), before(&less));
        assert_ne!(whole, less, "the exclusion must matter afterwards");
        let text = std::fs::read_to_string(folder.path().join("less/run.toml")).unwrap();
        // An asset listed later has no returns left: these days are all that it has.
        let is_late = |asset: usize| panel.life(asset).is_some_and(|(first, _)| first >= 150);
        let excluded = |asset: &usize| rows.contains(&format!("{},", panel.assets()[*asset].symbol));
        let n_whole = (0..panel.n_assets()).filter(excluded).filter(|asset| is_late(*asset)).count();
        let counted = format!("whole_assets = {n_whole}");
        assert!(text.contains("exclude = \"out.csv\"") && text.contains(&counted), "{counted} in {text}");
        let certificate = std::fs::read_to_string(folder.path().join("less/universe.csv")).unwrap();
        assert_eq!(certificate.contains("excluded_whole"), n_whole > 0);
    }
}

#[test]
fn the_file_is_part_of_the_data_hash_and_an_empty_one_excludes_nothing() {
    let folder = data("asset,first,last\n");
    let open = |exclude: &str| MarketData::open(&experiment(exclude), folder.path()).unwrap();
    let (whole, less) = (open(""), open("exclude = 'out.csv'"));
    assert_ne!(whole.panel.content_hash(), less.panel.content_hash());
    assert_eq!(whole.panel.n_returns(), less.panel.n_returns());
    let again = open("exclude = 'out.csv'").panel.content_hash().to_string();
    assert_eq!(again, less.panel.content_hash());
    std::fs::write(folder.path().join("out.csv"), "asset,first,last,finding\n").unwrap();
    assert_ne!(open("exclude = 'out.csv'").panel.content_hash(), less.panel.content_hash());
    let written = toml::to_string(&experiment("")).unwrap();
    assert!(!written.contains("exclude"), "{written}");
}

#[test]
fn whole_assets_are_counted_by_the_certificate_and_named_on_the_page() {
    let symbol = panel().assets()[0].symbol.clone();
    let folder = data(&format!("asset,first,last,whole\n{symbol},,,true\n"));
    let weights = run(folder.path(), "exclude = 'out.csv'");
    assert!(weights.iter().all(|row| row.1 != symbol));
    let out = folder.path().join("less");
    let certificate = std::fs::read_to_string(out.join("universe.csv")).unwrap();
    let column =
        certificate.lines().next().unwrap().split(',').position(|name| name == "removed_excluded_whole").unwrap();
    assert_eq!(certificate.lines().nth(1).unwrap().split(',').nth(column), Some("1"));
    let results = minvar::results::Results::open(&out).unwrap();
    minvar::results::write_page(&results, None).unwrap();
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Knowledge of the future: 1 of the assets"), "{page}");
}

#[test]
fn a_file_needs_only_the_columns_it_uses_and_may_spell_dates_otherwise() {
    let panel = panel();
    let folder = tempfile::tempdir().unwrap();
    let read = |rows: &str| {
        let file = folder.path().join("out.csv");
        std::fs::write(&file, rows.replace("AAA", &panel.assets()[3].symbol)).unwrap();
        read_exclusions(&file, &panel).unwrap().0
    };
    assert_eq!(read("ticker;whole\nAAA;true\n"), read("asset,first,last,whole\nAAA,,,true\n"));
    assert_eq!(
        read("asset;first;last\nAAA;02.03.2000;28.03.2000\n"),
        read("asset,first,last\nAAA,2000-03-02,2000-03-28\n")
    );
}

#[test]
fn a_wrong_row_is_refused_with_file_row_and_asset() {
    let panel = panel();
    let symbol = &panel.assets()[3].symbol;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.csv");
    let refused = |rows: &str, expected: &str| {
        std::fs::write(&file, format!("asset,first,last,whole\n{rows}\n")).unwrap();
        let message = read_exclusions(&file, &panel).unwrap_err().to_string();
        assert!(message.contains("out.csv, row 2, asset ") && message.contains(expected), "{message}");
    };
    refused("NOBODY,2000-02-01,2000-02-02,", "no such asset");
    refused(&format!("{symbol},,,"), "whole = true");
    refused(&format!("{symbol},2000-02-01,,"), "first and last are needed");
    refused(&format!("{symbol},2000-02-01,2000-02-02,true"), "leave first and last empty");
    refused(&format!("{symbol},2000-02-02,2000-02-01,"), "is after last");
    refused(&format!("{symbol},soon,2000-02-01,"), "'soon' in column first is not a date");
    refused(&format!("{symbol},1980-02-01,1980-02-02,"), "the panel has no day");
    refused(&format!("{symbol},,,perhaps"), "neither true nor false");
    refused(
        &format!("{symbol},03/02/2000,04/02/2000,"),
        "'03/02/2000' in column first may be 2000-02-03 or 2000-03-02",
    );
    let nowhere = MarketData::open(&experiment("exclude = 'nowhere.csv'"), data("").path()).err().unwrap().to_string();
    assert!(nowhere.contains("exclude = \"nowhere.csv\"") && nowhere.contains("no such file"), "{nowhere}");
}
