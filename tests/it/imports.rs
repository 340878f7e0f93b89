//! Importers: each layout once in good order, and each kind of bad input with its message.

use std::path::{Path, PathBuf};

use minvar::data::{Imported, Layout, MissingCodes, Options, Table, ValueKind, import, open_panel, save_panel};
use minvar::panel::Field;

fn plain() -> Options {
    Options::default()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn series(imported: &Imported, symbol: &str) -> Vec<f64> {
    let asset = imported.panel.assets().iter().position(|asset| asset.symbol == symbol).unwrap();
    imported.panel.returns(asset).to_vec()
}

#[track_caller]
fn same(ours: &[f64], expected: &[f64]) {
    assert_eq!(ours.len(), expected.len(), "{ours:?}");
    for (a, b) in ours.iter().zip(expected) {
        assert!((a - b).abs() < 1e-12 || (a.is_nan() && b.is_nan()), "{ours:?} against {expected:?}");
    }
}

#[test]
fn a_long_file_of_prices_in_any_order_becomes_aligned_returns() {
    let folder = Folder::new();
    let text = "date,symbol,close,volume,sector\n2020-01-03,B,22,10,Energy\n2020-01-02,A,100,5,Tech\n\
                2020-01-03,A,110,5,Tech\n2020-01-02,B,20,10,Energy\n2020-01-06,B,,10,Energy\n2020-01-06,A,99,1,Tech\n";
    let imported = import(&folder.file("prices.csv", text), &plain()).unwrap();
    assert_eq!(imported.layout, Layout::Long);
    same(&series(&imported, "A"), &[f64::NAN, 0.1, -0.1]);
    same(&series(&imported, "B"), &[f64::NAN, 0.1, f64::NAN]);
    assert_eq!(imported.panel.assets()[1].sector, "Energy");
    assert_eq!(imported.panel.field(Field::DollarVolume, 0).unwrap()[1..], [550.0, 99.0]);
}

#[test]
fn a_wide_file_is_read_as_returns_or_prices() {
    let folder = Folder::new();
    let path = folder.file("wide.csv", "Date,X,Y\n20200102,0.01,-0.02\n20200103,,0.03\n");
    same(&series(&import(&path, &plain()).unwrap(), "X"), &[0.01, f64::NAN]);
    let path = folder.file("prices.csv", "Date,X,Y\n20200102,10,20\n20200103,11,10\n");
    let imported = import(&path, &plain()).unwrap();
    assert_eq!(imported.layout, Layout::Wide);
    same(&series(&imported, "Y"), &[f64::NAN, -0.5]);
    let returns = Options { values: ValueKind::Returns, ..plain() };
    let message = import(&path, &returns).err().unwrap().to_string();
    assert!(message.contains("the values look like prices") && message.contains("--values prices"), "{message}");
}

#[test]
fn tickers_that_look_like_column_names_do_not_mislead() {
    let folder = Folder::new();
    for header in ["date,ID,NAME,DAY", ",DAY,ID,NAME"] {
        let path =
            folder.file("wide.csv", &format!("{header}\n2020-01-02,0.01,-0.02,0.03\n2020-01-03,0.01,0.02,0.03\n"));
        let imported = import(&path, &plain()).unwrap();
        assert_eq!((imported.layout, imported.panel.n_assets()), (Layout::Wide, 3), "{header}");
    }
}

#[test]
fn a_folder_of_stooq_yahoo_and_kaggle_files_is_one_panel() {
    let folder = Folder::new();
    folder.file(
        "us/aapl.us.txt",
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n\
         AAPL.US,D,20200102,000000,9,11,8,10,100,0\nAAPL.US,D,20200103,000000,10,12,10,12,200,0\n",
    );
    folder.file(
        "msft.csv",
        "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,20,20,20,20,10,7\n2020-01-03,20,21,19,20,10.5,7\n",
    );
    folder.file(
        "ibm.us.txt",
        "Date,Open,High,Low,Close,Volume,OpenInt\n2020-01-02,5,5,5,5,1,0\n2020-01-03,5,5,5,4,1,0\n",
    );
    folder.file("empty.us.txt", "");
    folder.file("BRK.A.csv", "Date,Close\n2020-01-02,4\n2020-01-03,5\n");
    folder.file("BRK.B.csv", "Date,Close\n2020-01-02,4\n2020-01-03,3\n");
    let imported = import(folder.0.path(), &plain()).unwrap();
    assert_eq!(imported.layout, Layout::Folder);
    same(&series(&imported, "AAPL"), &[f64::NAN, 0.2]);
    same(&series(&imported, "MSFT"), &[f64::NAN, 0.05]);
    same(&series(&imported, "IBM"), &[f64::NAN, -0.2]);
    let symbols: Vec<&str> = imported.panel.assets().iter().map(|a| a.symbol.as_str()).collect();
    assert_eq!(symbols, ["AAPL", "BRK.A", "BRK.B", "IBM", "MSFT"]);
    same(&series(&imported, "BRK.B"), &[f64::NAN, -0.25]);
    let of = |field| imported.panel.field(field, 0).unwrap()[1];
    assert_eq!((of(Field::DollarVolume), of(Field::High)), (2400.0, 0.0));
    assert!(imported.notes[0].contains("1 of them empty"));
}

#[test]
fn crsp_conventions_are_followed() {
    let folder = Folder::new();
    let text = "PERMNO,date,SHRCD,EXCHCD,COMNAM,PERMCO,PRC,VOL,RET,SHROUT,CFACPR,DLRET\n\
                10001,20200102,11,1,ACME,7,-10.0,100,C,1000,1,\n\
                10001,20200103,11,1,ACME,7,11.0,200,0.1,1000,1,\n\
                10001,20200106,11,1,ACME,7,0,,,1000,1,-0.3\n\
                10002,20200103,73,1,SOME FUND,8,50,100,0.02,100,1,\n\
                10003,20200103,31,3,ADR,9,5,100,-0.5,100,1,\n";
    let imported = import(&folder.file("dsf.csv", text), &plain()).unwrap();
    assert_eq!(imported.layout, Layout::Crsp);
    let symbols: Vec<&str> = imported.panel.assets().iter().map(|a| a.symbol.as_str()).collect();
    assert_eq!(symbols, ["10001", "10003"], "the fund is left out");
    // No asset has a price on the last day, so it is not a trading day; its delisting return is kept.
    same(&series(&imported, "10001"), &[f64::NAN, 0.1]);
    let asset = &imported.panel.assets()[0];
    assert_eq!((asset.delisting_return, asset.issuer.as_str()), (Some(-0.3), "7"));
    let of = |field| imported.panel.field(field, 0).unwrap()[1];
    assert_eq!(of(Field::DollarVolume), 2200.0);
    assert_eq!(of(Field::MarketValue), 11.0 * 1e6);

    let text = "PERMNO,date,PRC,CFACPR\n1,20200102,-20,2\n1,20200103,11,1\n";
    let imported = import(&folder.file("prices.csv", text), &plain()).unwrap();
    same(&series(&imported, "1"), &[f64::NAN, 0.1]);
}

#[test]
fn the_first_table_of_a_french_file_is_read_in_percent() {
    let folder = Folder::new();
    let text = "This file was created by CMPT_IND_RETS_DAILY\n\n  Average Value Weighted Returns -- Daily\n\
                ,NoDur,Durbl\n19260701,   0.07,  -0.32\n19260702, -99.99,   0.30\n\n\
                  Average Equal Weighted Returns -- Daily\n,NoDur,Durbl\n19260701,  9,  9\n";
    let imported = import(&folder.file("10_Industry_Portfolios_Daily.csv", text), &plain()).unwrap();
    assert_eq!(imported.layout, Layout::French);
    same(&series(&imported, "NoDur"), &[0.0007, f64::NAN]);
    same(&series(&imported, "Durbl"), &[-0.0032, 0.003]);
    // A blank line inside the table does not end it, and a trailing comma does not make a series.
    let text =
        text.replace("-0.32\n", "-0.32,\n\n").replacen("Durbl\n", "Durbl,\n", 1).replacen("0.30\n", "0.30,\n", 1);
    let again = import(&folder.file("blank.csv", &text), &plain()).unwrap();
    assert_eq!(again.panel.content_hash(), imported.panel.content_hash());
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let folder = Folder::new();
    let message = import(&folder.file("bad.csv", text), &plain()).err().expect("must be refused").to_string();
    assert!(message.contains("bad.csv") && message.contains(expected), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn bad_rows_are_named_by_file_row_asset_and_rule() {
    refused(
        "date,asset,return\n2020-01-02,A,0.1\n2020-01-02,A,0.2\n",
        "row 3, asset A, 2020-01-02: duplicate (date, asset)",
    );
    refused(
        "date,asset,return\n2020-01-02,A,-1.2\n",
        "row 2, asset A, 2020-01-02: return must be finite and at least -1",
    );
    refused("date,asset,return\n2020-01-02,A,NaN\n", "row 2: 'NaN' in column return is not a finite number");
    refused("date,asset,return\n2020-01-02,A,inf\n", "row 2: 'inf' in column return is not a finite number");
    refused(
        "date,asset,return\n2020-01-02,A,0.1\n02.01.2020,A,0.1\n",
        "row 3: '02.01.2020' in column date is not a date like those above it",
    );
    refused("date,asset,close\n2020-01-02,A,-5\n", "price must be finite and positive, but is -5");
    refused("date,asset,return\n", "no observations");
}

#[test]
fn separators_line_ends_and_encodings_of_other_programs_are_understood() {
    let folder = Folder::new();
    for (name, text) in [
        ("semicolon.csv", "date;symbol;close\n2020-01-02;A;10\n2020-01-03;A;11\n".as_bytes()),
        ("tab.txt", b"date\tsymbol\tclose\n2020-01-02\tA\t10\n2020-01-03\tA\t11\n"),
        ("windows.csv", b"date,symbol,close\r\n2020-01-02,A,10\r\n2020-01-03,A,11\r\n"),
        ("latin.csv", b"date,symbol,close,sector\n2020-01-02,A,10,\xe9\n2020-01-03,A,11,\xe9\n"),
        ("mark.csv", b"\xef\xbb\xbfdate,symbol,close\n2020-01-02,A,10\n2020-01-03,A,11\n"),
    ] {
        let path = folder.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        same(&series(&import(&path, &plain()).unwrap_or_else(|e| panic!("{name}: {e}")), "A"), &[f64::NAN, 0.1]);
    }
}

#[test]
fn a_wrong_column_is_answered_with_those_there_are() {
    let folder = Folder::new();
    let path = folder.file("bad.csv", "date,asset,yield\n2020-01-02,A,0.1\n");
    let message = import(&path, &plain()).err().unwrap().to_string();
    assert!(message.contains("bad.csv: no column 'total_return' or"), "{message}");
    assert!(message.contains("columns are date, asset, yield"), "{message}");
}

#[test]
fn missing_files_and_unknown_endings_are_named() {
    let message = import(Path::new("nowhere.csv"), &plain()).err().unwrap().to_string();
    assert!(message.starts_with("nowhere.csv: No such file"), "{message}");
    let folder = Folder::new();
    let message = import(&folder.file("data.xlsx", "x"), &plain()).err().unwrap().to_string();
    assert!(message.contains("a data file ends in .csv, .txt"), "{message}");
}

#[test]
fn a_literal_nan_is_a_missing_value_on_request() {
    let folder = Folder::new();
    let path = folder.file("wide.csv", "date,X,Y\n2020-01-02,NaN,-0.02\n2020-01-03,0.01,0.03\n");
    let options = Options { missing: MissingCodes::with(["NaN"]), ..plain() };
    same(&series(&import(&path, &options).unwrap(), "X"), &[f64::NAN, 0.01]);
}

/// The compact layout with two days, three assets and month ends; `assets` and `days` are those of its four rows.
fn indexed(folder: &Folder, assets: [usize; 4], days: [usize; 4]) -> minvar::error::Result<Imported> {
    let date = |month, day| jiff::civil::date(2021, month, day);
    let write = |name: &str, table: Table| table.write_parquet(&folder.0.path().join(name)).unwrap();
    write("calendar.parquet", Table::default().with_dates("date", [date(1, 28), date(1, 29), date(2, 1)]));
    let names = Table::default().with_texts("id", ["X", "Y", "Z"]).with_texts("twin_of", ["Z", "", "X"]);
    write("assets.parquet", names);
    let rows = Table::default()
        .with_counts("asset", assets)
        .with_counts("day", days)
        .with_numbers("ret_e6", [10_000.0, -20_000.0, 5.0, 0.0])
        .with_numbers("ldv200", [0.0, 2000.0, 2000.0, 2000.0])
        .with_numbers("high_e4", [-32768.0, 100.0, 0.0, 0.0])
        .with_numbers("low_e4", [-50.0, -32768.0, 0.0, 0.0]);
    write("tiny_daily.parquet", rows);
    let monthly = Table::default()
        .with_dates("month", [date(1, 1)])
        .with_counts("asset", [0])
        .with_numbers("price_as_traded", [12.5])
        .with_numbers("market_value", [1e9]);
    write("monthly.parquet", monthly);
    import(folder.0.path(), &plain())
}

#[test]
fn the_indexed_layout_is_decoded() {
    let imported = indexed(&Folder::new(), [0, 0, 1, 2], [0, 1, 2, 2]).unwrap();
    assert_eq!(imported.layout, Layout::Indexed);
    same(&series(&imported, "X"), &[0.01, -0.02, f64::NAN]);
    same(&series(&imported, "Y"), &[f64::NAN, f64::NAN, 5e-6]);
    let issuers: Vec<&str> = imported.panel.assets().iter().map(|a| a.issuer.as_str()).collect();
    assert_eq!(issuers, ["X", "", "X"]);
    let of = |field, day: usize| imported.panel.field(field, 0).unwrap()[day];
    assert!(of(Field::DollarVolume, 0).is_nan() && of(Field::High, 0).is_nan() && of(Field::Low, 1).is_nan());
    assert_eq!((of(Field::High, 1), of(Field::Low, 0)), (0.01, -0.005));
    assert!((f64::from(of(Field::DollarVolume, 1)) / 10f64.exp() - 1.0).abs() < 1e-6);
    // The month-end price belongs to the last return of January.
    assert!(of(Field::Price, 0).is_nan() && of(Field::Price, 2).is_nan());
    assert_eq!((of(Field::Price, 1), of(Field::MarketValue, 1)), (12.5, 1e9));
}

#[test]
fn the_indexed_layout_refuses_duplicates_and_unknown_rows() {
    let message = indexed(&Folder::new(), [0, 0, 1, 2], [1, 1, 2, 2]).err().unwrap().to_string();
    assert!(message.contains("tiny_daily.parquet, row 2, asset X, 2021-01-29: duplicate (date, asset)"), "{message}");
    let message = indexed(&Folder::new(), [0, 0, 1, 3], [0, 1, 2, 2]).err().unwrap().to_string();
    assert!(message.contains("tiny_daily.parquet, row 4: asset 3 or day 2 is not in the panel"), "{message}");
}

/// The compact layout on real files, if they are available.
#[test]
fn the_indexed_layout_reads_the_etf_panel() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/etf");
    if !source.exists() {
        crate::support::say_skipped("ETF files", &source);
        return;
    }
    let imported = import(&source, &plain()).unwrap();
    assert_eq!(imported.layout, Layout::Indexed);
    assert_eq!(imported.panel.n_assets(), 300);
    let folder = Folder::new();
    save_panel(&imported.panel, folder.0.path(), "indexed: etf", &[], None).unwrap();
    let (again, manifest) = open_panel(folder.0.path()).unwrap();
    assert_eq!(manifest.n_returns, imported.panel.n_returns());
    assert_eq!(again.content_hash(), imported.panel.content_hash());
}
