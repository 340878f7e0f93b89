//! Reading tables: the same data in any file type, by any command, give the same bytes; data that make no sense are
//! refused.

use std::io::Write;
use std::path::{Path, PathBuf};

use minvar::data::{
    Layout, MissingCodes, Options, ReadReturns, ValueKind, import, read_rates, read_returns, read_weights,
};
use polars::prelude::{
    Column, DataFrame, DataType, IntoColumn, IntoSeries, NamedFrom, ParquetWriter, Series, TimeUnit, TimeZone,
};

use crate::support::Folder;

const N_DAYS: usize = 70;
const SYMBOLS: [&str; 4] = ["BBB", "AAA", "DDD", "CCC"];

fn weekdays() -> Vec<jiff::civil::Date> {
    minvar::calendar::Calendar::weekdays(jiff::civil::date(2019, 5, 1), N_DAYS).dates().to_vec()
}

/// Returns of four assets in whole millionths, which every file type holds exactly.
fn returns() -> Vec<Vec<f64>> {
    let x = crate::support::returns(4, N_DAYS);
    (0..4).map(|i| (0..N_DAYS).map(|t| (x[(t, i)] * 1e6).round() / 1e6).collect()).collect()
}

fn prices() -> Vec<Vec<f64>> {
    returns().into_iter().map(|returns| crate::support::prices(100.0, returns.into_iter())).collect()
}

/// A wide table of text.
fn wide(dates: &[String], columns: &[Vec<f64>]) -> String {
    let mut text = format!("Date,{}\n", SYMBOLS.join(","));
    for (row, date) in dates.iter().enumerate() {
        let cells: Vec<String> = columns.iter().map(|column| column[row].to_string()).collect();
        text += &format!("{date},{}\n", cells.join(","));
    }
    text
}

fn iso() -> Vec<String> {
    weekdays().iter().map(|date| date.to_string()).collect()
}

impl Folder {
    /// Writes a Parquet file of the values, with dates of any type in any column.
    fn parquet(&self, name: &str, values: &[Vec<f64>], index: Option<(usize, Series)>) -> PathBuf {
        let path = self.0.path().join(name);
        let mut columns: Vec<Column> = SYMBOLS
            .iter()
            .zip(values)
            .map(|(symbol, column)| Series::new((*symbol).into(), column.clone()).into_column())
            .collect();
        if let Some((place, index)) = index {
            columns.insert(place, index.into_column());
        }
        let mut frame = DataFrame::new_infer_height(columns).unwrap();
        ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
        path
    }
}

/// Timestamps of midnight in a time zone, in microseconds.
fn midnights(zone: Option<&str>) -> Series {
    let instant = |date: &jiff::civil::Date| match zone {
        Some(zone) => date.in_tz(zone).unwrap().timestamp().as_microsecond(),
        None => date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_microsecond(),
    };
    let stamps: Vec<i64> = weekdays().iter().map(instant).collect();
    let zone = zone.map(|zone| TimeZone::opt_try_new(Some(zone)).unwrap().unwrap());
    let stamps = Series::new("Date".into(), stamps).i64().unwrap().clone();
    stamps.into_datetime(TimeUnit::Microseconds, zone).into_series()
}

fn renamed(mut series: Series, name: &str) -> Series {
    series.rename(name.into());
    series
}

#[track_caller]
fn hash(path: &Path) -> String {
    let imported = import(path, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    imported.panel.content_hash().to_string()
}

#[track_caller]
fn refused(path: &Path, options: &Options, expected: &str) {
    let message = import(path, options).err().expect("must be refused").to_string();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(message.contains(expected) && message.contains(&name), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    for library in ["polars", "thrift", "arrow", "invalid utf-8"] {
        assert!(!message.replace(&name, "").to_lowercase().contains(library), "{message}");
    }
}

/// Writes the same table in every form.
fn forms(folder: &Folder, values: &[Vec<f64>]) -> Vec<PathBuf> {
    let text = wide(&iso(), values);
    let lines: Vec<&str> = text.lines().collect();
    let descending = [vec![lines[0]], lines[1..].iter().rev().copied().collect()].concat().join("\n");
    let numbered =
        lines.iter().enumerate().map(|(k, line)| if k == 0 { format!(",{line}\n") } else { format!("{k},{line}\n") });
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let with_dates =
        |of: &dyn Fn(&jiff::civil::Date) -> String| wide(&weekdays().iter().map(of).collect::<Vec<_>>(), values);
    let days = Series::new("Date".into(), weekdays().iter().map(|d| days_since_epoch(*d)).collect::<Vec<i32>>());
    let words = Series::new("Date".into(), iso());
    let compact: Vec<i64> = weekdays().iter().map(|d| d.strftime("%Y%m%d").to_string().parse().unwrap()).collect();
    vec![
        folder.file("plain.csv", &text),
        folder.file("tab.tsv", text.replace(',', "\t")),
        folder.file("semicolon.csv", text.replace(',', ";")),
        folder.file("decimal_comma.csv", text.replace(',', ";").replace('.', ",")),
        folder.file("bar.psv", text.replace(',', "|")),
        folder.file("blank.txt", text.replace(',', " ")),
        folder.file("packed.csv.gz", packed.finish().unwrap()),
        folder.file("windows.csv", format!("\u{feff}{}", text.replace('\n', "\r\n"))),
        folder.file("quoted.csv", text.replace("Date", "\"Date\"").replace("AAA", "\"AAA\"")),
        folder.file("around.csv", format!("Prices of four stocks\nfrom somewhere\n\n{text}\nSource: somewhere\n")),
        folder.file("descending.csv", descending),
        folder.file("numbered.csv", numbered.collect::<String>()),
        folder.file("unnamed.csv", text.replacen("Date", "", 1)),
        folder.file("compact.csv", with_dates(&|d| d.strftime("%Y%m%d").to_string())),
        folder.file("german.csv", with_dates(&|d| d.strftime("%d.%m.%Y").to_string())),
        folder.file("american.csv", with_dates(&|d| d.strftime("%m/%d/%Y").to_string())),
        folder.file("british.csv", with_dates(&|d| d.strftime("%d/%m/%Y").to_string())),
        folder.file("words.csv", with_dates(&|d| d.strftime("%d-%b-%Y").to_string())),
        folder.file("sas.csv", with_dates(&|d| d.strftime("%d%b%Y").to_string().to_uppercase())),
        folder.file("zoned.csv", with_dates(&|d| format!("{d} 00:00:00+09:00"))),
        folder.file("stamped.csv", with_dates(&|d| format!("{d}T16:00:00-04:00"))),
        folder.parquet("date32.parquet", values, Some((0, days.cast(&DataType::Date).unwrap()))),
        folder.parquet("words.parquet", values, Some((0, words))),
        folder.parquet("compact.parquet", values, Some((0, Series::new("caldt".into(), compact)))),
        folder.parquet("naive.parquet", values, Some((0, midnights(None)))),
        folder.parquet("tokyo.parquet", values, Some((0, midnights(Some("Asia/Tokyo"))))),
        folder.parquet("london.parquet", values, Some((0, midnights(Some("Europe/London"))))),
        folder.parquet("new_york.parquet", values, Some((4, midnights(Some("America/New_York"))))),
        folder.parquet("index.parquet", values, Some((4, renamed(midnights(None), "__index_level_0__")))),
    ]
}

fn days_since_epoch(date: jiff::civil::Date) -> i32 {
    minvar::calendar::days_since_epoch(date)
}

#[test]
fn every_form_of_a_table_is_the_same_panel_and_the_same_returns_through_both_entrances() {
    for values in [prices(), returns()] {
        let folder = Folder::new();
        let forms = forms(&folder, &values);
        let expected = hash(&forms[0]);
        let panel = import(&forms[0], &Options::default()).unwrap().panel;
        for path in &forms {
            assert_eq!(hash(path), expected, "{}", path.display());
            let ReadReturns { returns, .. } = read_returns(path, &Options::default(), None).unwrap();
            assert_eq!(returns.names, SYMBOLS, "{}", path.display());
            let first = panel.n_days() - returns.matrix.nrows();
            for (name, column) in returns.names.iter().zip(returns.matrix.columns()) {
                let asset = panel.assets().iter().position(|asset| asset.symbol == *name).unwrap();
                let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<u64>>();
                assert_eq!(bits(column), bits(&panel.returns(asset)[first..]), "{} {name}", path.display());
            }
        }
    }
}

#[test]
fn a_long_table_a_folder_and_a_wide_one_give_the_same_returns() {
    let folder = Folder::new();
    let (dates, values) = (iso(), prices());
    let wide_hash = hash(&folder.file("wide.csv", wide(&dates, &values)));
    let rows = |name: &str| {
        let mut text = format!("when,{name},last price\n").replace("last price", "close");
        for (i, symbol) in SYMBOLS.iter().enumerate() {
            dates.iter().zip(&values[i]).for_each(|(date, price)| text += &format!("{date},{symbol},{price}\n"));
        }
        text
    };
    assert_eq!(hash(&folder.file("long.csv", rows("ticker"))), wide_hash);
    // A text column that distinguishes the rows of a date is the asset, whatever its name.
    assert_eq!(hash(&folder.file("firm.csv", rows("firm"))), wide_hash);
    for (i, symbol) in SYMBOLS.iter().enumerate() {
        let mut text = "Date,Close\n".to_string();
        dates.iter().zip(&values[i]).for_each(|(date, price)| text += &format!("{date},{price}\n"));
        folder.file(&format!("each/{symbol}.csv"), text);
    }
    assert_eq!(hash(&folder.0.path().join("each")), wide_hash);
    folder.file("each/aaa.us.txt", "Date,Close\n2019-05-01,400\n");
    refused(&folder.0.path().join("each"), &Options::default(), "asset AAA is also in");
}

#[test]
fn tables_without_dates_are_days_in_the_order_of_the_file() {
    let folder = Folder::new();
    let values = returns();
    let expected =
        read_returns(&folder.file("dated.csv", wide(&iso(), &values)), &Options::default(), None).unwrap().returns;
    let text: String =
        wide(&iso(), &values).lines().map(|line| format!("{}\n", line.split_once(',').unwrap().1)).collect();
    let read = |path: &Path| read_returns(path, &Options::default(), None).unwrap();
    let undated = read(&folder.file("undated.csv", &text));
    assert_eq!(undated.returns, expected);
    assert!(undated.notes[0].contains("oldest first"), "{:?}", undated.notes);
    let counted: Vec<i64> = (10..10 + N_DAYS as i64).collect();
    let index = Series::new("__index_level_0__".into(), counted);
    assert_eq!(read(&folder.parquet("counted.parquet", &values, Some((4, index)))).returns, expected);
    let path = folder.0.path().join("matrix.npy");
    let (title, names) = ("", [String::new()]);
    minvar::data::write_matrix(&path, &minvar::data::NamedRows { title, names: &names }, &[], &expected.matrix)
        .unwrap();
    assert_eq!(read(&path).returns.matrix, expected.matrix);
    refused(
        &folder.file("again.csv", &text),
        &Options::default(),
        "no column holds dates; say which with --date-column",
    );
}

#[test]
fn values_are_what_they_look_like_or_refused() {
    let folder = Folder::new();
    let of = |name: &str, change: fn(f64) -> f64| {
        let changed: Vec<Vec<f64>> = returns().iter().map(|r| r.iter().map(|r| change(*r)).collect()).collect();
        folder.file(name, wide(&iso(), &changed))
    };
    let fractions = of("fractions.csv", |r| r);
    let read = |path: &Path, values| import(path, &Options { values, ..Options::default() }).unwrap().panel;
    let expected = read(&fractions, ValueKind::Guess);
    for (path, values) in
        [(of("percent.csv", |r| r * 100.0), ValueKind::Guess), (of("log.csv", f64::ln_1p), ValueKind::LogReturns)]
    {
        let panel = read(&path, values);
        for asset in 0..4 {
            for (a, b) in panel.returns(asset).iter().zip(expected.returns(asset)) {
                assert!((a - b).abs() < 1e-12, "{}: {a} {b}", path.display());
            }
        }
    }
    let told = |values| Options { values, ..Options::default() };
    let prices = folder.file("prices.csv", wide(&iso(), &prices()));
    refused(&prices, &told(ValueKind::Returns), "the values look like prices");
    refused(&prices, &told(ValueKind::Percent), "the values look like prices");
    refused(&fractions, &told(ValueKind::Prices), "the values look like returns as fractions");
    refused(&fractions, &told(ValueKind::Percent), "the values look like returns as fractions");
    refused(&of("gross.csv", |r| 1.0 + r), &Options::default(), "gross returns");
    refused(&of("percent.csv", |r| r * 100.0), &told(ValueKind::Returns), "say --values percent");
    // One impossible value does not change how the others are read.
    let mut damaged = self::prices();
    damaged[1][40] *= -1.0;
    let damaged = folder.file("damaged.csv", wide(&iso(), &damaged));
    refused(&damaged, &Options::default(), "row 42, asset AAA, 2019-06-26: price must be finite and positive");
}

#[test]
fn columns_are_what_their_values_say() {
    let folder = Folder::new();
    let expected = hash(&folder.file("wide.csv", wide(&iso(), &prices())));
    let with = |name: &str, header: &str, of: &dyn Fn(usize, &jiff::civil::Date) -> String| {
        let days = weekdays();
        let text: String = wide(&iso(), &prices())
            .lines()
            .enumerate()
            .map(|(k, line)| match k {
                0 => format!("{line},{header}\n"),
                k => format!("{line},{}\n", of(k - 1, &days[k - 1])),
            })
            .collect();
        folder.file(name, text)
    };
    for (name, header, of) in [
        (
            "counter.csv",
            "obs",
            (&|k: usize, _: &jiff::civil::Date| k.to_string()) as &dyn Fn(usize, &jiff::civil::Date) -> String,
        ),
        ("compact.csv", "caldate", &|_, d| d.strftime("%Y%m%d").to_string()),
        ("year.csv", "fiscal", &|_, d| d.year().to_string()),
        ("serial.csv", "serial", &|_, d| (days_since_epoch(*d) + 25_569).to_string()),
        ("second.csv", "settled", &|_, d| d.tomorrow().unwrap().to_string()),
        ("words.csv", "currency", &|_, _| "USD".to_string()),
        ("empty.csv", "EEE", &|_, _| String::new()),
    ] {
        let path = with(name, header, of);
        assert_eq!(hash(&path), expected, "{name}");
        let notes = import(&path, &Options::default()).unwrap().notes;
        assert!(notes.iter().any(|note| note.starts_with("columns left out: ") && note.contains(header)), "{notes:?}");
    }
    let twice = with("twice.csv", "AAA", &|k, _| prices()[0][k].to_string());
    refused(&twice, &Options::default(), "columns 3 and 6 are both called AAA");
    let mixed = with("mixed.csv", "EEE", &|k, _| if k == 9 { "n.v.".to_string() } else { prices()[0][k].to_string() });
    refused(&mixed, &Options::default(), "row 11: 'n.v.' in column EEE is not a finite number");
    let options = Options { missing: MissingCodes::with(["n.v."]), ..Options::default() };
    assert_eq!(import(&mixed, &options).unwrap().panel.n_assets(), 5);
}

#[test]
fn what_cannot_be_right_is_refused_with_a_way_out() {
    let folder = Folder::new();
    let text = wide(&iso(), &prices());
    let lines: Vec<&str> = text.lines().collect();
    let case =
        |name: &str, content: &str, expected: &str| refused(&folder.file(name, content), &Options::default(), expected);
    let repeated = format!("{text}{}\n", lines[20]);
    case("repeated.csv", &repeated, "row 72: the date 2019-05-28 is already in row 21");
    case("headless.csv", &lines[1..].join("\n"), "the first line holds values; it must hold the names");
    case("cut.csv", &text[..text.len() - 20], "the file may be cut off");
    case("longer.csv", &text.replacen("\n2019-05-06", ",1\n2019-05-06", 1), "line 4: 6 cells under a header of 5");
    case("future.csv", &text.replace("2019-05-06", "2219-05-06"), "is outside the years 1900 to 2100");
    case(
        "mixed_dates.csv",
        &text.replace("2019-05-06", "06.05.2019"),
        "row 5: '06.05.2019' in column Date is not a date like those above",
    );
    case("short_years.csv", &text.replace("2019-", "19-"), "is not a date; --date-format %d.%m.%y gives the form");
    case("nan.csv", &text.replacen(",100", ",NaN", 1).replacen(",99", ",NaN", 1), "add --missing NaN");
    case("empty.csv", "", "the file is empty");
    case("header.csv", "Date,AAA\n", "no observations");
    case("binary.csv", "a\0b", "NUL bytes");
    case("excel.csv", "PK\u{3}\u{4}xx", "Excel workbook");
    case("code.csv", &wide(&iso(), &coded()), "add --missing -99.99");
    let shifted: Vec<String> =
        weekdays().iter().map(|d| format!("{} 15:00:00+00:00", d.yesterday().unwrap())).collect();
    case("shifted.csv", &wide(&shifted, &prices()), "like midnights of a time zone further east");
    case(
        "two.csv",
        &text
            .replacen("Date", "start", 1)
            .lines()
            .enumerate()
            .map(|(k, line)| if k == 0 { format!("end,{line}\n") } else { format!("{},{line}\n", &line[..10]) })
            .collect::<String>(),
        "columns end, start all hold dates; say which with --date-column",
    );
    let first_days: Vec<String> = (1..13).map(|month| format!("01/{month:02}/2019")).collect();
    let few: Vec<Vec<f64>> = prices().iter().map(|p| p[..12].to_vec()).collect();
    case("ambiguous.csv", &wide(&first_days, &few), "say which with --date-format %d/%m/%Y or --date-format %m/%d/%Y");
    folder.file("image.parquet", b"PAR1 and no more");
    refused(&folder.0.path().join("image.parquet"), &Options::default(), "cannot be decoded");
}

/// Returns in percent, with a code for missing values now and then.
fn coded() -> Vec<Vec<f64>> {
    let coded = |r: &Vec<f64>| r.iter().enumerate().map(|(k, r)| if k % 9 == 4 { -99.99 } else { r * 100.0 }).collect();
    returns().iter().map(coded).collect()
}

#[test]
fn impossible_values_of_a_day_are_refused() {
    let folder = Folder::new();
    let text = |high: &str, low: &str, volume: &str| {
        format!("Date,Open,High,Low,Close,Volume\n2020-01-02,10,10,10,10,5\n2020-01-03,10,{high},{low},10,{volume}\n")
    };
    let case = |text: String, expected: &str| refused(&folder.file("AAA.csv", text), &Options::default(), expected);
    case(text("9223372036854775808", "9", "5"), "row 3, asset AAA, 2020-01-03: the high is 9.223e17 times the close");
    case(text("9", "10", "5"), "the high is 10.00 % below the low");
    case(text("11", "9", "-5"), "dollar volume must not be negative");
    case(text("11", "9", "1e30"), "a dollar volume of 1.000e31 is impossible");
    let unknown = import(&folder.file("AAA.csv", text("0", "0", "0")), &Options::default()).unwrap().panel;
    let high = unknown.field(minvar::panel::Field::High, 0).unwrap();
    assert!(high[1].is_nan(), "0 is an unknown price");
    let market = "date,asset,close,shares_outstanding\n2020-01-02,A,10,-5\n2020-01-03,A,10,5\n";
    case(market.to_string(), "shares outstanding must not be negative");
    let huge = "date,asset,return\n2020-01-02,A,0.01\n2020-01-03,A,1e298\n2020-01-06,A,-0.02\n";
    case(huge.to_string(), "row 3, asset A, 2020-01-03: a return of 1.000e298 is impossible");
}

#[test]
fn tables_of_fields_and_symbols_are_read_as_their_writers_mean_them() {
    let folder = Folder::new();
    let (dates, values) = (iso(), prices());
    let of = |fields: &[&str], symbols: &[usize]| -> String {
        let rows = dates.iter().enumerate().map(|(t, date)| {
            let cells =
                fields.iter().flat_map(|field| symbols.iter().map(move |i| (field, i))).map(
                    |(field, i)| match *field {
                        "Volume" => "1000".to_string(),
                        "Close" => (4.0 * values[*i][t]).to_string(),
                        _ => values[*i][t].to_string(),
                    },
                );
            format!("{date},{}\n", cells.collect::<Vec<_>>().join(","))
        });
        rows.collect()
    };
    let header = |fields: &[&str], symbols: &[usize], symbol_of: &dyn Fn(&str, &str) -> String| -> String {
        let names = fields.iter().flat_map(|field| symbols.iter().map(move |i| symbol_of(field, SYMBOLS[*i])));
        names.collect::<Vec<_>>().join(",")
    };
    let expected = hash(&folder.file("wide.csv", wide(&dates, &values)));
    let (fields, all) = (["Adj Close", "Close"], [0, 1, 2, 3]);
    let (field, symbol) = (|field: &str, _: &str| field.to_string(), |_: &str, symbol: &str| symbol.to_string());
    let (upper, lower) = (header(&fields, &all, &field), header(&fields, &all, &symbol));
    let commas = ",".repeat(8);
    let rows = of(&fields, &all);
    let flat = |of: &dyn Fn(&str, &str) -> String| format!("Date,{}\n{rows}", header(&fields, &all, of));
    for (name, text) in [
        ("new.csv", format!("Price,{upper}\nTicker,{lower}\nDate{commas}\n{rows}")),
        ("by_ticker.csv", format!("Ticker,{lower}\nPrice,{upper}\nDate{commas}\n{rows}")),
        ("old.csv", format!(",{upper}\n,{lower}\nDate{commas}\n{rows}")),
        ("no_index.csv", format!("Price,{upper}\nTicker,{lower}\n{rows}")),
        ("flat.csv", flat(&|field, symbol| format!("{symbol} {field}"))),
        ("r.csv", flat(&|field, symbol| format!("{symbol}.{}", field.replace("Adj Close", "Adjusted")))),
        ("pairs.csv", flat(&|field, symbol| format!("\"('{field}', '{symbol}')\""))),
    ] {
        assert_eq!(hash(&folder.file(name, text)), expected, "{name}");
    }
    // One file per symbol, in the same form.
    for (i, symbol_name) in SYMBOLS.iter().enumerate() {
        let fields = ["Adj Close", "Close", "Volume"];
        let text = format!(
            "Price,{}\nTicker,{}\nDate,,,\n{}",
            header(&fields, &[i], &field),
            header(&fields, &[i], &symbol),
            of(&fields, &[i])
        );
        folder.file(&format!("each/{symbol_name}.csv"), text);
    }
    let panel = import(&folder.0.path().join("each"), &Options::default()).unwrap().panel;
    let wide_panel = import(&folder.0.path().join("wide.csv"), &Options::default()).unwrap().panel;
    assert!((0..4).all(|asset| panel.returns(asset)[1..] == wide_panel.returns(asset)[1..]));
    // A single file of one symbol, with every spelling of its adjusted close.
    for spelling in ["Adj Close", "Adj. Close", "AdjClose", "adj_close", "Adjusted Close", "closeadj", "ADJ_CLOSE"] {
        let text = format!("Date,Close,Volume,{spelling}\n{}", of(&["Close", "Volume", "Adj Close"], &[1]));
        let imported = import(&folder.file("AAA.csv", text), &Options::default()).unwrap();
        assert_eq!(imported.panel.returns(0)[1..], wide_panel.returns(0)[1..], "{spelling}");
        assert!(imported.notes.iter().any(|note| note.contains("from the adjusted close")), "{:?}", imported.notes);
    }
}

#[test]
fn days_without_a_value_are_no_trading_days_in_every_layout() {
    let folder = Folder::new();
    let text = wide(&iso(), &prices());
    let line = text.lines().nth(30).unwrap();
    let date = &line[..10];
    let empty = text.replace(line, &format!("{date},,,,"));
    let imported = import(&folder.file("wide.csv", &empty), &Options::default()).unwrap();
    let notes = imported.notes.join("\n");
    assert_eq!(imported.panel.n_days(), N_DAYS - 1);
    assert!(notes.contains("1 day on which no asset has a value is left out"), "{notes}");
    let mut long = "date,symbol,close\n".to_string();
    for line in empty.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        (0..4).for_each(|i| long += &format!("{},{},{}\n", cells[0], SYMBOLS[i], cells[i + 1]));
    }
    assert_eq!(hash(&folder.file("long.csv", long)), imported.panel.content_hash());
}

#[test]
fn weights_and_rates_come_through_the_same_door() {
    let folder = Folder::new();
    let long = "date,ticker,weight\n2020-01-03,B,0.4\n2020-01-02,A,0.5\n2020-01-02,B,0.5\n2020-01-03,A,0.6\n";
    let sorted = |path: &Path| {
        let rows = read_weights(path, &Options::default()).unwrap();
        let mut all: Vec<_> = (0..rows.dates.len())
            .map(|k| (rows.dates[k].to_string(), rows.assets[k].clone(), rows.weights[k]))
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all
    };
    let expected = sorted(&folder.file("long.csv", long));
    assert_eq!(expected.len(), 4);
    for (name, text) in [
        ("wide.csv", "date,A,B\n2020-01-02,0.5,0.5\n2020-01-03,0.6,0.4\n".to_string()),
        ("zoned.csv", long.replace("-02,", "-02 00:00:00+09:00,").replace("-03,", "-03 00:00:00+09:00,")),
        (
            "german.csv",
            long.replace(',', ";")
                .replace('.', ",")
                .replace("2020-01-02", "02.01.2020")
                .replace("2020-01-03", "03.01.2020"),
        ),
        (
            "counted.csv",
            long.lines()
                .enumerate()
                .map(|(k, line)| if k == 0 { format!(",{line}\n") } else { format!("{k},{line}\n") })
                .collect(),
        ),
    ] {
        assert_eq!(sorted(&folder.file(name, text)), expected, "{name}");
    }
    let rates = |text: &str| read_rates(&folder.file("rates.csv", text), &Options::default());
    let ascending = rates("observation_date,DFF\n2020-01-02,1.5\n2020-01-03,.\n2020-01-06,1.6\n").unwrap();
    let descending = rates("date;rate\n06.01.2020;1,6\n03.01.2020;\n02.01.2020;1,5\n").unwrap();
    assert_eq!((&ascending.dates, &ascending.percent), (&descending.dates, &descending.percent));
    let message = rates("date,a,b\n2020-01-02,1.5,1.6\n").err().unwrap().to_string();
    assert!(message.contains("columns a, b all hold numbers"), "{message}");
    let message = rates("date,a\n2020-01-02,1.5\n2020-01-02,1.6\n").err().unwrap().to_string();
    assert!(message.contains("row 3: the date 2020-01-02 is already in row 2"), "{message}");
}

#[test]
fn a_file_of_dates_and_closes_is_one_symbol_named_by_its_file() {
    let folder = Folder::new();
    let rows: String = iso().iter().zip(&prices()[0]).map(|(date, price)| format!("{date},{price}\n")).collect();
    let panel = import(&folder.file("AAPL.csv", format!("Date,Close\n{rows}")), &Options::default()).unwrap().panel;
    assert_eq!(panel.assets()[0].symbol, "AAPL");
}

#[test]
fn holes_count_inside_the_window_alone() {
    let folder = Folder::new();
    let mut columns = returns();
    let whole = folder.file("whole.csv", wide(&iso(), &columns));
    columns[1][9] = f64::NAN;
    let path = folder.file("hole.csv", wide(&iso(), &columns).replace("NaN", ""));
    let read = |path: &Path, window: Option<usize>| read_returns(path, &Options::default(), window);
    let (found, expected) = (read(&path, Some(60)).unwrap(), read(&whole, Some(60)).unwrap());
    let last = |read: &ReadReturns| read.returns.matrix.rows(&(10..N_DAYS).collect::<Vec<_>>());
    assert_eq!(last(&found), last(&expected));
    assert!(
        found.returns.matrix[(9, 1)].is_nan()
            && found.notes.contains(&"1 returns before the window are missing".to_string())
    );
    for window in [None, Some(61)] {
        let message = read(&path, window).unwrap_err().to_string();
        let place = format!("asset AAA, {}: return is missing", weekdays()[9]);
        assert!(message.contains(&place) && message.contains("the last 60 rows are complete"), "{message}");
    }
    let message = read(&path, Some(71)).unwrap_err().to_string();
    assert!(message.contains("a window of 71 rows is longer than the file, which has 70"), "{message}");
}

/// Forty days of two random walks, as lines that follow their dates.
fn lines_of(header: &str, row: impl Fn(&str, f64, f64) -> String) -> String {
    let (dates, p) = (iso(), prices());
    let rows: String = (0..40).map(|t| row(&dates[t], p[0][t], p[1][t]) + "\n").collect();
    format!("{header}\n{rows}")
}

#[test]
fn a_header_that_does_not_fit_is_refused_and_never_shifts_the_columns() {
    let folder = Folder::new();
    let refuse = |text: String, expected: &str| {
        let path = folder.file("x.csv", text);
        refused(&path, &Options::default(), expected);
        let message = read_returns(&path, &Options::default(), None).err().unwrap().to_string();
        assert!(message.contains(expected), "{message}");
    };
    refuse(lines_of("Date,AAA", |d, a, b| format!("{d},{a},{b}")), "a name is missing");
    refuse(lines_of("date,symbol,close", |d, a, _| format!("{d},AAA,{a},100")), "a name is missing");
    refuse(
        lines_of("Date,AAA", |d, a, _| format!("{d},{}", a.to_string().replace('.', ","))),
        "contains the separator",
    );
    for first in
        ["05/01/2019,100.4,50.2", "2019-05-01,NA,50.2", "2019-05-01,$100.44,$50", "2019-05-01,0.5%,1%", "20190501,5,6"]
    {
        refuse(lines_of(first, |d, a, b| format!("{d},{a},{b}")), "the first line holds values");
    }
    refuse(lines_of("2019-05-01,AAA,100.4", |d, a, _| format!("{d},AAA,{a}")), "the first line holds values");
    let won = |_: &str, a: f64, b: f64| format!("{},{}", (500.0 * a).round(), (400.0 * b).round());
    refuse_undated(&folder, &lines_of("50100,40200", won), "the first line holds values");
    refuse_undated(
        &folder,
        "symbol,2019-05-01,2019-05-02\n1,0.01,0.02\n2,0.01,-0.02\n",
        "the dates are in the header line",
    );
    // Permanent numbers are names; so are R's row names, which have no header.
    let kept = read_returns(
        &folder.file("x.csv", lines_of("10001,10002", |d, a, b| format!("{d},{a},{b}"))),
        &Options::default(),
        None,
    );
    assert_eq!(kept.unwrap().returns.names, ["10001", "10002"]);
}

fn refuse_undated(folder: &Folder, text: &str, expected: &str) {
    let message = read_returns(&folder.file("u.csv", text), &Options::default(), None).err().unwrap().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn numbers_of_rows_and_of_the_calendar_are_no_assets_and_weights_are_no_calendar() {
    let folder = Folder::new();
    let names = |header: &str, of: fn(usize, jiff::civil::Date) -> String| {
        let (days, p) = (weekdays(), prices());
        let rows: String =
            (0..60).map(|t| format!("{},{},{},{}\n", days[t], of(t, days[t]), p[0][t], p[1][t])).collect();
        let path = folder.file("x.csv", format!("Date,{header},AAA,BBB\n{rows}"));
        read_returns(&path, &Options::default(), None).unwrap().returns.names
    };
    let expected = ["AAA", "BBB"];
    assert_eq!(names("quarter", |_, d| ((d.month() + 2) / 3).to_string()), expected);
    assert_eq!(names("w", |_, d| d.iso_week_date().week().to_string()), expected);
    assert_eq!(names("yw", |_, d| format!("{}{:02}", d.year(), d.iso_week_date().week())), expected);
    assert_eq!(names("t", |_, d| (f64::from(d.year()) + f64::from(d.day_of_year()) / 365.25).to_string()), expected);
    assert_eq!(names("Unnamed: 0", |t, _| (t % 30).to_string()), expected);
    assert_eq!(names("index", |t, _| ((t * 7) % 60).to_string()), expected);
    let serial = lines_of("Date,AAA,BBB", |_, a, b| format!("43586.5,{a},{b}"));
    refuse_undated(&folder, &serial, "'43586.5' in column Date is not a date");
    // Two days of whole prices.
    let two = folder.file("two.csv", "Date,AAA,BBB\n2019-05-01,100,50\n2019-05-02,101,51\n");
    assert_eq!(read_returns(&two, &Options::default(), None).unwrap().returns.names, expected);
    // Weights of 1 on Mondays are weights, not weekdays, and a rate of 1 % is a rate.
    let mondays: Vec<String> =
        weekdays().iter().filter(|d| d.weekday().to_monday_one_offset() == 1).map(|d| d.to_string()).collect();
    let rows = |of: fn(usize) -> String| {
        mondays.iter().enumerate().map(|(k, d)| format!("{d},{}\n", of(k))).collect::<String>()
    };
    let weights = folder.file("w.csv", format!("Date,AAA,BBB\n{}", rows(|k| format!("1,{}", k % 2))));
    assert_eq!(read_weights(&weights, &Options::default()).unwrap().weights.len(), 2 * mondays.len());
    let rates = folder.file("r.csv", format!("Date,rate\n{}", rows(|_| "1".to_string())));
    assert!(read_rates(&rates, &Options::default()).unwrap().percent.iter().all(|rate| *rate == 1.0));
    // Weights of 1 on Mondays and 2 on Tuesdays are weights, too, although they equal the number of the weekday.
    let early: Vec<String> = weekdays()
        .iter()
        .map(|d| (d.weekday().to_monday_one_offset(), d))
        .filter(|(n, _)| *n < 3)
        .map(|(n, d)| format!("{d},{n},0.5\n"))
        .collect();
    let weights = folder.file("w.csv", format!("Date,AAA,BBB\n{}", early.concat()));
    assert_eq!(read_weights(&weights, &Options::default()).unwrap().weights.len(), 2 * early.len());
    // A number with a percent sign and one without are the same rate; a day of empty cells holds nothing.
    let rates = folder.file("r.csv", format!("Date,rate,note\n{}", rows(|_| "1.5%,x".to_string())));
    let read = read_rates(&rates, &Options::default()).unwrap();
    assert!(read.percent.iter().all(|rate| (rate - 1.5).abs() < 1e-12), "{:?}", read.percent);
    assert!(read.notes.iter().any(|note| note.contains("note (words)")), "{:?}", read.notes);
    let empty = folder.file("w.csv", "Date,AAA,BBB\n2019-05-01,0.5,0.5\n2019-05-06,,\n");
    let read = read_weights(&empty, &Options::default()).unwrap();
    assert_eq!((read.dates.len(), read.weights[2]), (3, 0.0));
}

#[test]
fn text_in_parquet_is_read_as_text_in_csv_and_odd_types_are_named() {
    let folder = Folder::new();
    let values = returns();
    let words: Vec<String> = values[0].iter().map(|x| x.to_string().replace('.', ",")).collect();
    let dates = Series::new("Date".into(), iso());
    let text = Series::new("AAA".into(), words);
    let path = folder.0.path().join("text.parquet");
    let mut frame = DataFrame::new_infer_height(vec![dates.into_column(), text.into_column()]).unwrap();
    ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
    let read = read_returns(&path, &Options::default(), None).unwrap();
    assert_eq!(read.returns.matrix.column(0), values[0]);
    for (name, column, kind) in [
        ("decimals", "AAA", "decimals"),
        ("half", "AAA", "numbers of half precision"),
        ("periods", "Date", "values of an extension type, such as pandas' periods"),
    ] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/odd/{name}.parquet"));
        refused(&path, &Options::default(), &format!("column {column} holds {kind}"));
    }
}

#[test]
fn a_time_of_day_that_may_mean_the_day_after_is_told_with_the_dates() {
    let folder = Folder::new();
    let fridays = jiff::civil::date(2019, 5, 2).series(jiff::Span::new().days(7)).take(N_DAYS);
    let dates: Vec<String> = fridays.map(|day| format!("{day} 15:00:00+00:00")).collect();
    let weekly = import(&folder.file("tokyo.csv", wide(&dates, &prices())), &Options::default()).unwrap();
    assert!(
        weekly.notes.iter().any(|note| note.contains("the time 15:00 and is taken as written")),
        "{:?}",
        weekly.notes
    );
    let closes: Vec<String> = iso().iter().map(|day| format!("{day} 16:00:00-04:00")).collect();
    let daily = import(&folder.file("closes.csv", wide(&closes, &prices())), &Options::default()).unwrap();
    assert!(!daily.notes.iter().any(|note| note.contains("taken as written")), "{:?}", daily.notes);
}

#[test]
fn options_that_a_layout_does_not_take_are_refused() {
    let folder = Folder::new();
    let path = folder.file("each/AAA.csv", "Date,Close\n2019-05-01,100\n2019-05-02,101\n");
    let each = path.parent().unwrap();
    let wide = Options { layout: Some(Layout::Wide), ..Options::default() };
    refused(each, &wide, "--layout wide is for a file, but this is a folder");
    let indexed = Options { layout: Some(Layout::Indexed), ..Options::default() };
    refused(&path, &indexed, "this layout is for a folder, but this is a file");
    let with_column = Options { date_column: Some("when".to_string()), ..indexed.clone() };
    refused(each, &with_column, "--date-column, --date-format, --values and --missing do not apply to it");
    let french = "CRSP\n\n  Average Value Weighted Returns -- Daily\n,NoDur\n19260701,   0.07\n19260702,   0.02\n";
    let french = folder.file("10_Industry_Portfolios_Daily.csv", french);
    let with_unit = Options { values: ValueKind::Prices, ..Options::default() };
    refused(&french, &with_unit, "--values");
}

#[test]
fn a_symbol_over_two_lines_is_one_name_and_a_missing_volume_of_crsp_is_no_volume() {
    let folder = Folder::new();
    let text = wide(&iso(), &prices()).replacen("BBB", "\"BBB\nLtd\"", 1);
    let panel = import(&folder.file("two.csv", text), &Options::default()).unwrap().panel;
    assert!(panel.assets().iter().any(|asset| asset.symbol == "BBB Ltd"), "{:?}", panel.assets());
    let crsp = "PERMNO,date,PRC,VOL,RET\n1,20200102,20,-99,0.01\n1,20200103,21,100,0.05\n";
    let panel = import(&folder.file("crsp.csv", crsp), &Options::default()).unwrap().panel;
    let volume = panel.field(minvar::panel::Field::DollarVolume, 0).unwrap();
    assert!(volume[0].is_nan() && volume[1] == 2100.0, "{volume:?}");
}

#[test]
fn symbols_called_like_fields_and_duplicate_fields() {
    let folder = Folder::new();
    let row = |d: &str, a: f64, _: f64| format!("{d},{a},{a},{a},{a},1000");
    let flat = folder.file("flat.csv", lines_of("Date,Close_LOW,High_LOW,Low_LOW,Open_LOW,Volume_LOW", row));
    let lines = "Price,Close,High,Low,Open,Volume\nTicker,LOW,LOW,LOW,LOW,LOW\nDate,,,,,";
    let three = folder.file("three.csv", lines_of(lines, row));
    for path in [flat, three] {
        let panel = import(&path, &Options::default()).unwrap().panel;
        assert_eq!((panel.n_assets(), panel.assets()[0].symbol.as_str()), (1, "LOW"), "{}", path.display());
    }
    let numbered = "timestamp,1. open,2. high,3. low,4. close,5. volume";
    let alpha = folder.file("AV.csv", lines_of(numbered, |d, a, _| format!("{d},{a},{a},{a},{a},1000")));
    assert_eq!(import(&alpha, &Options::default()).unwrap().panel.assets()[0].symbol, "AV");
    let twice = folder.file("long.csv", lines_of("date,symbol,close,Close", |d, a, b| format!("{d},AAA,{a},{b}")));
    refused(&twice, &Options::default(), "columns 3 and 4, close and Close, may both be the close");
    let codes =
        folder.file("codes.csv", lines_of("date,code,close", |d, a, b| format!("{d},600000,{a}\n{d},600001,{b}")));
    assert_eq!(import(&codes, &Options::default()).unwrap().panel.n_assets(), 2);
    let long = lines_of("date,symbol,close,Adj_Close_Price (USD)", |d, a, b| format!("{d},AAA,{a},{b}"));
    let read = import(&folder.file("long.csv", long), &Options::default()).unwrap();
    assert!(read.notes[1].contains("prices from the adjusted close"), "{:?}", read.notes);
    let one = folder.file("one.csv", "Date,AAA\n2019-05-01,100\n");
    refused(&one, &Options::default(), "no returns: two days with prices are needed");
}

#[test]
fn assets_that_live_in_another_zone_are_named() {
    let folder = Folder::new();
    let (days, values) = (weekdays(), prices());
    let mut text = "date,symbol,close\n".to_string();
    for k in 0..16 {
        for (day, price) in days.iter().zip(&values[k % 4]) {
            let (zone, hour) = if k == 2 { ("Asia/Tokyo", 0) } else { ("America/New_York", 16) };
            let stamp = day.at(hour, 0, 0, 0).in_tz(zone).unwrap().timestamp();
            text += &format!("{stamp},S{k},{price}\n");
        }
    }
    let path = folder.file("mixed.csv", text);
    refused(&path, &Options::default(), "asset S2: time stamps in column date fall on Sundays instead of Fridays");
}

#[test]
fn days_that_a_file_lacks_for_all_bridge_no_return() {
    let folder = Folder::new();
    let without = |kept: &dyn Fn(usize) -> bool| {
        let dates: Vec<String> = iso().into_iter().enumerate().filter(|(k, _)| kept(*k)).map(|(_, day)| day).collect();
        let values: Vec<Vec<f64>> = prices()
            .iter()
            .map(|column| column.iter().enumerate().filter(|(k, _)| kept(*k)).map(|(_, x)| *x).collect())
            .collect();
        let read = import(&folder.file("holes.csv", wide(&dates, &values)), &Options::default()).unwrap();
        (0..read.panel.n_assets())
            .map(|asset| read.panel.returns(asset).iter().filter(|r| r.is_nan()).count())
            .sum::<usize>()
    };
    // The first day has no return. After a gap of one week there is a return, after three weeks none.
    assert_eq!(without(&|_| true), 4);
    assert_eq!(without(&|k| !(20..25).contains(&k)), 4);
    assert_eq!(without(&|k| !(20..35).contains(&k)), 8);
}

#[test]
fn assets_without_any_return_are_told_and_no_loss_of_everything_happens_twice() {
    let folder = Folder::new();
    let mut text = "Date,AAA,BBB\n".to_string();
    for (k, day) in iso().iter().enumerate() {
        let second = if k % 20 == 0 { format!("{}", 50 + k) } else { String::new() };
        text += &format!("{day},{},{second}\n", 100 + k % 7);
    }
    let read = import(&folder.file("sparse.csv", text), &Options::default()).unwrap();
    assert!(
        read.notes.iter().any(|note| note.contains("1 of 2 assets have no return") && note.contains("BBB")),
        "{:?}",
        read.notes
    );
    let mut values = returns();
    (values[1][30], values[1][31]) = (-1.0, -1.0);
    refused(
        &folder.file("lost.csv", wide(&iso(), &values)),
        &Options::default(),
        "a loss of everything on two days in a row",
    );
}
