//! The guide: its generated pages agree with the code, every link leads somewhere, and every command in it works.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use minvar::data::{NamedRows, Table, write_matrix};
use minvar::linalg::Matrix;
use minvar::registry::Choice;
use minvar::synthetic::SyntheticMarket;
use minvar::{costs, estimators};

use crate::program::{minvar, text};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The module documentation of a file without its example.
fn documentation(path: &str) -> String {
    let text = read(path);
    let lines =
        text.lines().map_while(|line| line.strip_prefix("//!")).map(|line| line.strip_prefix(' ').unwrap_or(line));
    let (mut kept, mut in_example) = (Vec::new(), false);
    for line in lines {
        match line {
            "```" if in_example => in_example = false,
            "```" if !kept.iter().any(|line: &&str| line.starts_with("```text")) || is_closed(&kept) => {
                in_example = true
            }
            _ if in_example => {}
            _ => kept.push(line),
        }
    }
    kept.join("\n").trim().to_string()
}

/// Whether every block of formulas is closed.
fn is_closed(lines: &[&str]) -> bool {
    lines.iter().filter(|line| line.starts_with("```")).count() % 2 == 0
}

/// Names that share a file, with the file, in the order of a registry, from its lines `Registered… { name: "qis", …, fit:
/// a::b::fit }`.
fn by_file(registry: &str, key: &str, folder: &str) -> Vec<(String, Vec<String>)> {
    let text = read(registry);
    let mut files: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines().filter(|line| line.contains(" { name: \"")) {
        let name = line.split('"').nth(1).unwrap().to_string();
        let path = line.split(&format!("{key}: ")).nth(1).unwrap().trim_end_matches([' ', '}', ',']);
        let parts: Vec<&str> = path.split("::").collect();
        let file = format!("{folder}/{}.rs", parts[..parts.len() - 1].join("/"));
        match files.iter_mut().find(|(known, _)| *known == file) {
            Some((_, names)) => names.push(name),
            None => files.push((file, vec![name])),
        }
    }
    files
}

/// A heading, a row for every name, and the documentation of the file they share.
fn section(names: &[String], row: impl Fn(&str) -> String, file: &str) -> String {
    let heading = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let rows: String = names.iter().map(|name| row(name)).collect();
    let table = format!("| name | parameters and defaults | source |\n|---|---|---|\n{rows}");
    format!("\n## {heading}\n\n{table}\n{}\n", documentation(file).replace("[`", "`").replace("`]", "`"))
}

fn estimators_page(experiment_page: &str) -> String {
    let mut page = "# Estimators\n\n\
        Each turns a complete window of daily returns, T days by n assets, oldest first, into a covariance (n by n, daily), or says why there is \
        none. In an experiment they are names, or tables with parameters: `{ name = \"poet\", factors = 3, label = \"three factors\" }`; on a \
        command line `poet,factors=3`. Notation: S sample covariance, E sample correlation, λ and v its eigenvalues and eigenvectors, q = n/T, Y \
        the returns less their means. The page is made from the code.\n"
        .to_string();
    let row = |name: &str| {
        let line = experiment_page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        format!("{}\n", line.unwrap_or_else(|| panic!("{name} is not in docs/experiment.md")))
    };
    for (file, names) in by_file("src/estimators/mod.rs", "fit", "src/estimators") {
        page += &section(&names, row, &file);
    }
    page += &format!("\n# Parts\n\n{}\n", documentation("src/estimators/composition.rs"));
    page += &format!("{}\n", documentation("src/estimators/modules.rs"));
    page += &format!("{}\n", documentation("src/estimators/combination.rs"));
    for folder in ["memory", "volatility"] {
        let home = format!("src/estimators/{folder}");
        for (file, names) in by_file(&format!("{home}/mod.rs"), "build", &home) {
            let row = |name: &str| {
                let line = experiment_page.lines().find(|line| line.starts_with(&format!("| {folder} | `{name}` |")));
                let cells = line.unwrap_or_else(|| panic!("{name} is not in docs/experiment.md"));
                format!("{}\n", cells.trim_start_matches(&format!("| {folder} ")))
            };
            page += &section(&names, row, &file);
        }
    }
    page
}

fn costs_page() -> String {
    let mut page = "# Cost models\n\n\
        A profile of `[simulation]` is a list of these, with rules for orders, shares and margin; `minvar list --schedules` prints the built-in \
        profiles and every dated rate with its source, as a file to be edited. Amounts are dollars. The page is made from the code.\n"
        .to_string();
    for (file, names) in by_file("src/costs/mod.rs", "build", "src/costs") {
        let row = |name: &str| {
            let entry = costs::named(name).unwrap();
            let parameters: Vec<String> =
                (entry.parameters)().iter().map(|(key, value)| format!("`{key} = {value}`")).collect();
            format!("| `{name}` | {} | {} |\n", parameters.join(", "), entry.reference)
        };
        page += &section(&names, row, &file);
    }
    page
}

#[test]
fn pages_of_reference_are_made_from_the_code() {
    let experiment = minvar::cli::schema::page();
    let estimators = estimators_page(&experiment);
    let pages =
        [("docs/experiment.md", experiment), ("docs/estimators.md", estimators), ("docs/costs.md", costs_page())];
    for (path, page) in pages {
        if std::env::var_os("MINVAR_WRITE_GUIDE").is_some() {
            std::fs::write(root().join(path), &page).unwrap();
        }
        assert!(
            read(path) == page,
            "{path} is older than the code: MINVAR_WRITE_GUIDE=1 cargo test --release --test it -- guide"
        );
    }
    let page = read("docs/estimators.md");
    for entry in estimators::ALL {
        assert!(page.contains(&format!("| `{}` |", entry.name)), "{}", entry.name);
    }
    assert!(page.matches("```text").count() >= 25 && !page.contains("use minvar::"), "formulas, no programs");
    assert!(Choice::from_words("poet,factors=3").is_ok());
}

/// The pages written for people.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![];
    for folder in ["", "docs", "data", "results", "results/benchmarks", "fuzz", "tests/odd"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            pages.extend(Some(path).filter(|path| path.extension().is_some_and(|ending| ending == "md")));
        }
    }
    pages.sort();
    pages
}

/// A heading as a link target: lower case, dashes for spaces, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(page: &str) -> Vec<String> {
    page.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut n_links = 0;
    for path in pages() {
        let page = std::fs::read_to_string(&path).unwrap();
        let mut in_code = false;
        for line in page.lines() {
            if line.starts_with("```") {
                in_code = !in_code;
            }
            if in_code {
                continue;
            }
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                n_links += 1;
                let (file, heading) =
                    link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
                let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
                assert!(target.exists(), "{}: {link} leads nowhere", path.display());
                if let Some(heading) = heading {
                    let there = anchors(&std::fs::read_to_string(&target).unwrap());
                    assert!(there.iter().any(|known| known == heading), "{}: no heading {link}", path.display());
                }
            }
        }
    }
    assert!(n_links > 80, "{n_links}");
    let summary = read("docs/SUMMARY.md");
    for path in pages().iter().filter(|path| path.parent() == Some(&root().join("docs"))) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is not in docs/SUMMARY.md");
    }
}

/// Lines in code blocks that call the program.
fn commands(page: &str) -> Vec<String> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code && line.starts_with("minvar ") {
            found.push(line.split("  #").next().unwrap().trim().to_string());
        }
    }
    found
}

/// Number of assets of the small data.
const N_ASSETS: usize = 24;

/// Writes prices, newer prices, returns and weights as a user would have them.
fn small_data(folder: &Path) {
    let returns = SyntheticMarket { seed: 3, ..SyntheticMarket::complete(N_ASSETS, 300) }.returns().unwrap();
    let days = minvar::calendar::Calendar::weekdays(jiff::civil::date(2018, 1, 2), 300);
    let symbols: Vec<String> = (0..N_ASSETS).map(|k| format!("S{k:02}")).collect();
    let mut lines = vec![format!("date,{}", symbols.join(","))];
    let mut prices = [100.0; N_ASSETS];
    for (day, date) in days.dates().iter().enumerate() {
        prices.iter_mut().enumerate().for_each(|(asset, price)| *price *= 1.0 + returns[(day, asset)]);
        lines.push(format!("{date},{}", prices.map(|price| format!("{price:.4}")).join(",")));
    }
    std::fs::write(folder.join("prices.csv"), lines[..281].join("\n")).unwrap();
    let newer = [&lines[..1], &lines[280..]].concat();
    std::fs::write(folder.join("newer.csv"), newer.join("\n")).unwrap();
    let weights = |day: usize| {
        symbols.iter().map(move |symbol| format!("{},{symbol},{:.6}", days_of(day), 1.0 / N_ASSETS as f64))
    };
    let rows: Vec<String> = [200, 240].into_iter().flat_map(weights).collect();
    std::fs::write(folder.join("weights.csv"), format!("date,asset,weight\n{}\n", rows.join("\n"))).unwrap();
    std::fs::copy(folder.join("prices.csv"), folder.join("returns.csv")).unwrap();
    let column = |asset: usize| (0..280).map(|day| returns[(day, asset)]).collect::<Vec<f64>>();
    let table = Table::default().with_dates("date", days.dates()[..280].iter().copied());
    let table = (0..N_ASSETS).fold(table, |table, asset| table.with_numbers(&symbols[asset], column(asset)));
    table.write_parquet(&folder.join("returns.parquet")).unwrap();
    let values: Vec<f64> = (0..N_ASSETS).flat_map(column).collect();
    let matrix = Matrix::from_column_major(280, N_ASSETS, values);
    write_matrix(&folder.join("returns.npy"), &NamedRows { title: "", names: &[] }, &[], &matrix).unwrap();
}

fn days_of(day: usize) -> jiff::civil::Date {
    minvar::calendar::Calendar::weekdays(jiff::civil::date(2018, 1, 2), 300).date(day)
}

/// Turns on the network that `minvar init` writes in comments.
fn with_network(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let start = text.find("# [train.compact]").unwrap();
    let network = text[start..].replace("# ", "");
    std::fs::write(file, text[..start].replace("# { train", "{ train") + &network).unwrap();
}

/// What makes a command small, so that it takes only a second.
fn smaller(command: &str) -> &'static [&'static str] {
    const SHORT: [&str; 4] = [
        "train.compact.schedule.steps=3",
        "train.compact.schedule.warm_steps=2",
        "train.compact.schedule.n_days=[50, 100]",
        "train.compact.schedule.n_assets=[5, 10]",
    ];
    const QUICK: [&str; 8] = [
        "data.synthetic.n_assets=60",
        "data.synthetic.n_days=1150",
        "universe.size=20",
        "walk_forward.lookback=100",
        SHORT[0],
        SHORT[1],
        SHORT[2],
        SHORT[3],
    ];
    const TRAIN: [&str; 5] = ["walk_forward.first=2019-01-01", SHORT[0], SHORT[1], SHORT[2], SHORT[3]];
    match command {
        _ if command.starts_with("minvar run quick") => &QUICK,
        _ if command.starts_with("minvar train") => &TRAIN,
        _ => &[],
    }
}

#[test]
fn every_command_of_the_guide_and_the_readme_works_on_small_data() {
    let start = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    small_data(folder.path());
    let mut run: BTreeMap<String, &str> = BTreeMap::new();
    for page in ["docs/first-run.md", "docs/your-prices.md", "README.md"] {
        for command in commands(&read(page)) {
            if run.contains_key(&command) {
                continue;
            }
            // The small data end in 2019.
            let line = command.replace("2023", "2019");
            let mut words: Vec<&str> = line.split_whitespace().skip(1).collect();
            words.extend(smaller(&line).iter().flat_map(|change| ["--set", change]));
            if line.starts_with("minvar train") {
                with_network(&folder.path().join("mine.toml"));
            }
            let output = minvar(folder.path(), &words);
            assert!(output.status.success(), "{page}: {command}\n{}", text(&output.stderr));
            run.insert(command, page);
        }
    }
    let n = |page: &str| run.values().filter(|of| **of == page).count();
    assert!(n("docs/first-run.md") >= 5 && n("docs/your-prices.md") >= 9 && n("README.md") >= 6, "{run:?}");
    assert!(start.elapsed().as_secs() < 60, "the commands take more than a minute");
}
