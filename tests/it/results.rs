//! Products of finished runs: figures, tables, tests, pages, comparisons.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use minvar::experiment::{self, Experiment, Inputs, Job, MarketData};
use minvar::render::Page;
use minvar::results::{
    Drawn, FIGURES, Results, Side, compare, draw, evidence, write_evidence, write_page, write_tables,
};

use crate::program::{fails, says};
use crate::support::say_skipped;

const EXPERIMENT: &str = r#"
about = "a run with accounts & <angles>"
[data.synthetic]
n_assets = 40
n_days = 500
[universe]
rules = "none"
size = 25
rank_min_values = 20
rank_frequency = "decision"
[walk_forward]
lookback = 100
[compare]
estimators = ["sample", "lw_identity", "qis", { name = "ewma", decay = 0.97, label = "ewma" }, "oracle"]
allocators = ["gmv", "gmv_long_only", "equal"]
[simulation]
profiles = ["paper"]
capital_usd = [1e6]
[figures]
eigenvalues = ["lw_identity", "qis"]
"#;

/// Runs an experiment with its accounts into `root/name`.
fn run(root: &Path, name: &str, text: &str) -> PathBuf {
    let folder = root.join(name);
    let experiment = Experiment::parse(text, "test.toml").unwrap();
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    let market = MarketData { panel, truth: Some(truth) };
    let stop = AtomicBool::new(false);
    experiment::run(Job::new(&experiment, &market, &folder).stopped_by(&stop)).unwrap();
    if experiment.simulation.is_some() {
        let inputs = Inputs { weights: folder.join("weights.parquet"), data: folder.clone(), foreign: None };
        experiment::simulate(Job::new(&experiment, &market, &folder.join("simulation")).stopped_by(&stop), &inputs)
            .unwrap();
    }
    folder
}

/// A finished run that all tests may read but not change.
fn finished() -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    &RUN.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        let folder = run(root.path(), "small", EXPERIMENT);
        (root, folder)
    })
    .1
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Figures, formatted tables and pages, by their paths.
fn made(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            let extension = entry.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
            if entry.is_dir() {
                folders.push(entry);
            } else if ["svg", "tex", "html"].contains(&extension.as_str()) || entry.ends_with("table.md") {
                let place = entry.strip_prefix(folder).unwrap().display().to_string();
                found.insert(place, std::fs::read(&entry).unwrap());
            }
        }
    }
    found
}

#[test]
fn figures_and_tables_that_were_lost_come_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    copy(finished(), folder.path());
    let before = made(folder.path());
    for place in ["equity.svg", "calibration.svg", "eigenvalues.svg", "simulation/bridge.svg", "table.tex"] {
        assert!(before.contains_key(place), "{place} is not among {:?}", before.keys());
    }
    before.keys().for_each(|place| std::fs::remove_file(folder.path().join(place)).unwrap());
    let results = Results::open(folder.path()).unwrap();
    write_tables(&results).unwrap();
    let (_, missing) = draw(&results, &[], &[]).unwrap();
    assert!(missing.is_empty());
    let after = made(folder.path());
    assert!(before.keys().eq(after.keys()), "{:?} became {:?}", before.keys(), after.keys());
    before.iter().for_each(|(place, bytes)| assert!(after[place] == *bytes, "{place} differs"));
}

/// The committed results of these experiments contain everything that their figures and pages need.
#[test]
fn committed_figures_are_what_the_committed_results_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    for name in [
        "quick",
        "us_network",
        "us_sim_long",
        "us_sim",
        "us_gmv",
        "us_leverage",
        "us_leverage_parity",
        "us_zoo",
        "us_parts",
        "us_ablation",
    ] {
        let committed = made(&root.join(name));
        let copied = tempfile::tempdir().unwrap();
        copy(&root.join(name), &copied.path().join(name));
        let results = Results::open(&copied.path().join(name)).unwrap();
        write_tables(&results).unwrap();
        let (files, missing) = draw(&results, &[], &[]).unwrap();
        assert!(missing.is_empty(), "{name}: {:?}", missing.iter().map(|m| m.0.to_string()).collect::<Vec<_>>());
        let again = made(&copied.path().join(name));
        for place in files {
            assert!(committed.get(&place) == again.get(&place), "results/{name}/{place}: run 'minvar figures {name}'");
        }
    }
}

#[test]
fn committed_tests_of_significance_are_what_the_committed_returns_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    for name in ["us_gmv", "us_network"] {
        let copied = tempfile::tempdir().unwrap();
        copy(&root.join(name), &copied.path().join(name));
        let results = Results::open(&copied.path().join(name)).unwrap();
        write_evidence(&results, &evidence(&results, 0).unwrap()).unwrap();
        for file in ["significance.csv", "significance.md", "periods.csv"] {
            let of = |folder: &Path| std::fs::read_to_string(folder.join(name).join(file)).unwrap();
            assert_eq!(of(copied.path()), of(&root), "results/{name}/{file}: run 'minvar report {name}'");
        }
    }
}

#[test]
fn a_prediction_is_held_against_the_days_after_its_decision_until_the_next() {
    let results = Results::open(finished()).unwrap();
    let courses = results.daily_returns().unwrap();
    let groups = results.predictions().unwrap();
    assert_eq!(groups.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["gmv", "gmv_long_only"]);
    for (allocator, predictions) in &groups {
        for prediction in predictions {
            let find = |c: &&minvar::results::PortfolioReturns| {
                c.name.short() == prediction.label && c.name.allocator == *allocator
            };
            let course = courses.portfolios.iter().find(find).unwrap();
            let together: Vec<f64> = prediction.periods.iter().flat_map(|(_, days)| days.clone()).collect();
            assert!(together == course.returns, "{allocator} {}: days are lost or counted twice", prediction.label);
            let lengths: Vec<usize> = prediction.periods.iter().map(|(_, days)| days.len()).collect();
            let (last, whole) = lengths.split_last().unwrap();
            assert!(whole.iter().all(|days| *days == 5) && *last <= 5, "{lengths:?}");
        }
    }
    // With the true covariance the predicted volatility is realised.
    let oracle = groups[0].1.iter().find(|p| p.label == "oracle").unwrap().bias(252.0);
    assert!((0.85..1.15).contains(&oracle), "bias {oracle}");
    let sample = groups[0].1.iter().find(|p| p.label == "sample").unwrap().bias(252.0);
    assert!(sample > oracle, "the sample covariance promises too little risk: {sample}");
}

#[test]
fn the_committed_paper_check_is_what_the_committed_results_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checks = minvar::results::check_paper(&root.join("paper/expected.toml"), &root.join("results")).unwrap();
    let committed = std::fs::read_to_string(root.join("paper/check.md")).unwrap();
    let again = format!("{}\n", minvar::results::paper_table(&checks).markdown());
    assert!(committed == again, "run 'minvar paper check --write paper'");
    assert!(checks.len() > 40, "all of the published targets");
}

#[test]
fn a_missing_file_is_named_and_takes_only_its_own_figures_along() {
    let folder = tempfile::tempdir().unwrap();
    copy(finished(), folder.path());
    std::fs::remove_file(folder.path().join("diagnostics.parquet")).unwrap();
    let results = Results::open(folder.path()).unwrap();
    let (files, missing) = draw(&results, &[], &[]).unwrap();
    assert!(files.contains(&"equity.svg".to_string()) && !files.contains(&"calibration.svg".to_string()), "{files:?}");
    assert_eq!(missing[0].1, ["calibration", "exposure"]);
    assert!(missing[0].0.to_string().contains("diagnostics.parquet is missing"), "{}", missing[0].0);
    std::fs::remove_file(folder.path().join("run.toml")).unwrap();
    std::fs::remove_dir_all(folder.path().join("simulation")).unwrap();
    assert!(Results::open(folder.path()).err().unwrap().to_string().contains("run.toml is missing"));
}

#[test]
fn figures_are_valid_for_screen_and_print_and_the_same_every_time() {
    let results = Results::open(finished()).unwrap();
    let kind = FIGURES.iter().find(|kind| kind.name == "equity").unwrap();
    let Drawn::Figures(figures) = kind.of(&results).unwrap() else { panic!("no equity figure") };
    let figure = &figures[0].1;
    let svg = figure.svg();
    assert!(svg.contains("a run with accounts &amp; &lt;angles&gt;"), "the title is not escaped");
    assert!(svg.contains("@font-face") && svg.contains("prefers-color-scheme:dark"));
    assert!(!svg.contains("href"), "a figure refers to nothing outside");
    let (light, dark) = (figure.png(Page::Light), figure.png(Page::Dark));
    assert!(light.starts_with(b"\x89PNG") && light != dark);
    assert_eq!(light, figure.png(Page::Light));
    // Bytes 16 to 24 hold width and height: at least 300 dots per inch over 17 cm.
    let width = u32::from_be_bytes(light[16..20].try_into().unwrap());
    assert!(width >= 2000, "{width} pixels");
}

#[test]
fn tests_of_a_run_are_deterministic_and_know_the_truth_from_a_competitor() {
    let results = Results::open(finished()).unwrap();
    let first = evidence(&results, 3).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(format!("{first:?}"), format!("{:?}", pool.install(|| evidence(&results, 3).unwrap())));
    let gmv = first.groups.iter().find(|group| group.group == "gmv, before costs").unwrap();
    assert_ne!(gmv.reference, "oracle");
    let oracle = first.findings.iter().find(|f| f.group == gmv.group && f.portfolio == "oracle").unwrap();
    assert!(oracle.confidence_set.0 > 0.05, "the true covariance is among the best: {oracle:?}");
    let variance = oracle.against_reference.unwrap().variance;
    assert!(variance.bootstrap.estimate < 0.0 && (variance.bootstrap.p_value - variance.hac_p).abs() < 0.1);
    assert!(first.groups.iter().any(|group| group.group.ends_with("1 M dollars, net")), "accounts are tested too");
    let sheet = &first.sheets()[0];
    assert!(sheet.rows.iter().any(|row| row[2] == "reference"), "{sheet:?}");
}

#[test]
fn a_page_holds_everything_and_asks_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    copy(finished(), folder.path());
    let results = Results::open(folder.path()).unwrap();
    let left_out = write_page(&results, Some(&evidence(&results, 1).unwrap())).unwrap();
    assert!(left_out.is_empty(), "{left_out:?}");
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    for part in [
        "Tests of significance",
        "<figcaption>Growth of 1 before costs</figcaption>",
        "Ledoit",
        "figure-equity",
        "figure-simulation-bridge",
        "Universe certificate",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    for part in ["data hash", "minvar figures", "a synthetic market", "run.toml", "removed by each rule"] {
        assert!(page.contains(part), "{part} is missing");
    }
    assert!(page.contains("a run with accounts &amp; &lt;angles&gt;"));
    let outside = page.match_indices("http").filter(|(at, _)| !page[*at..].starts_with("http://www.w3.org/2000/svg"));
    assert_eq!(outside.count(), 0, "the page refers to the network");
}

/// Runs headless Chromium and returns the document after its scripts, and what it wrote to the console.
fn in_chromium(program: &str, page: &Path) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files"])
        .args(["--virtual-time-budget=8000", "--enable-logging=stderr", "--window-size=1400,900", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Loads the page twice, at the width of a desktop and of a telephone, uses it, and records what it finds.
const HARNESS: &str = r#"<!doctype html><body>
<iframe id="wide" src="report.html" width="1400" height="900"></iframe>
<iframe id="narrow" src="report.html" width="380" height="800"></iframe>
<pre id="found"></pre>
<script>
window.addEventListener("load", () => {
  const found = {};
  for (const name of ["wide", "narrow"]) {
    const page = document.getElementById(name).contentDocument;
    const view = document.getElementById(name).contentWindow;
    const root = page.documentElement;
    const text = page.querySelector("figure svg text").getBoundingClientRect();
    const button = page.querySelector(".keys button");
    button.click();
    const hidden = [...page.querySelectorAll(".series.off")].every(s => view.getComputedStyle(s).display === "none");
    const off = page.querySelectorAll(".series.off").length;
    button.click();
    const line = page.querySelector(".plot .series polyline");
    const [x, y] = line.getAttribute("points").trim().split(" ")[40].split(",").map(Number);
    line.scrollIntoView();
    const at = new view.DOMPoint(x, y).matrixTransform(line.getScreenCTM());
    const move = new view.PointerEvent("pointermove", { clientX: at.x, clientY: at.y, bubbles: true });
    line.ownerSVGElement.dispatchEvent(move);
    found[name] = {
      overflow: root.scrollWidth - root.clientWidth,
      figures: [...page.querySelectorAll("figure svg")].filter(s => s.getBoundingClientRect().width > 250).length,
      svgs: page.querySelectorAll("figure svg").length,
      text: text.height, off, hidden, restored: page.querySelectorAll(".series.off").length === 0,
      tip: page.getElementById("tip").textContent,
    };
  }
  document.getElementById("found").textContent = "FOUND " + JSON.stringify(found) + " END";
});
</script>"#;

#[derive(serde::Deserialize, Debug)]
struct Found {
    overflow: f64,
    figures: usize,
    svgs: usize,
    text: f64,
    off: usize,
    hidden: bool,
    restored: bool,
    tip: String,
}

#[test]
fn a_browser_shows_the_page_at_the_width_of_a_desk_and_of_a_telephone() {
    let known = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let found =
        known.iter().find(|name| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success()));
    let Some(program) = found else { return say_skipped("chromium for the page", Path::new("PATH")) };
    let folder = tempfile::tempdir().unwrap();
    copy(finished(), folder.path());
    write_page(&Results::open(folder.path()).unwrap(), None).unwrap();
    let harness = folder.path().join("harness.html");
    std::fs::write(&harness, HARNESS).unwrap();
    let (document, console) = in_chromium(program, &harness);
    let messages: Vec<&str> = console.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(messages.is_empty(), "{messages:?}");
    let text = document.split("FOUND ").nth(1).and_then(|rest| rest.split(" END").next());
    let text = text.unwrap_or_else(|| panic!("the page did not load:\n{console}"));
    let found: BTreeMap<String, Found> =
        serde_json::from_str(&text.replace("&lt;", "<").replace("&amp;", "&")).unwrap();
    for (width, page) in &found {
        assert!(page.overflow <= 0.0, "{width}: the page is {} pixels too wide", page.overflow);
        assert!(page.svgs >= 10 && page.figures == page.svgs, "{width}: {page:?}");
        assert!(page.text >= 8.0, "{width}: texts of figures are {} pixels high", page.text);
        assert!(page.off >= 1 && page.hidden && page.restored, "{width}: a name does not hide its series: {page:?}");
        assert!(page.tip.contains(": ") && page.tip.contains(" at 20"), "{width}: pointing shows '{}'", page.tip);
    }
}

fn side(folder: &Path, portfolio: Option<&str>) -> Side {
    Side { results: Results::open(folder).unwrap(), portfolio: portfolio.map(str::to_string) }
}

#[test]
fn runs_are_compared_on_the_days_they_share_and_their_differences_are_named() {
    let root = tempfile::tempdir().unwrap();
    let shorter = EXPERIMENT.replace("lookback = 100", "lookback = 150").replace("\"sample\", ", "");
    let shorter = shorter.split("[simulation]").next().unwrap();
    let other = run(root.path(), "shorter", shorter);
    let compared = compare(&[side(finished(), None), side(&other, None)], 1).unwrap();
    // Four estimators with two allocators, and equal weights once. Equal weights are the same in both runs except for
    // their rebalance days.
    assert!(compared.pairings.len() >= 8, "{}", compared.pairings.len());
    assert_eq!(compared.days.2, 500 - 151);
    let notes = compared.notes.join("\n");
    assert!(notes.contains("50 of 399 days of small are not in all runs"), "{notes}");
    assert!(notes.contains("the windows differ: small has horizon = 5, lookback = 100"), "{notes}");
    assert!(notes.contains("have no partner"), "{notes}");
    let chosen = compare(&[side(finished(), Some("qis/gmv")), side(&other, Some("ewma/gmv"))], 1).unwrap();
    assert_eq!(chosen.pairings.len(), 1);
    let pair = &chosen.pairings[0];
    let (ours, theirs) =
        (side(finished(), None).results.daily_returns().unwrap(), side(&other, None).results.daily_returns().unwrap());
    let qis = ours.portfolios.iter().find(|c| c.name.estimator_cell() == "qis" && c.name.allocator == "gmv").unwrap();
    let days = ours.dates.iter().zip(&qis.returns).filter(|(date, _)| theirs.dates.contains(date)).map(|(_, r)| *r);
    let expected = minvar::metrics::volatility_annual(&days.collect::<Vec<_>>(), 252.0);
    assert!((pair.volatility.0 - expected).abs() < 1e-12, "the days compared are not those of the same dates");
    let ratio = (pair.volatility.0 / pair.volatility.1).ln() * 2.0;
    // The test divides by T, the volatility by T − 1; the ratio is the same.
    assert!((pair.variance_test.bootstrap.estimate - ratio).abs() < 1e-9, "{pair:?}");

    let error = compare(&[side(finished(), Some("qiss/gmv")), side(&other, None)], 1).unwrap_err().to_string();
    assert!(error.contains("small:qiss/gmv") && error.contains("did you mean 'qis/gmv'"), "{error}");
    let few = run(root.path(), "few", &shorter.replace("n_days = 500", "n_days = 190"));
    let error = compare(&[side(&other, None), side(&few, None)], 1).unwrap_err().to_string();
    assert!(error.contains("39 days are too few, at least 60"), "{error}");
}

#[test]
fn the_command_line_lists_draws_reports_and_suggests() {
    let folder = tempfile::tempdir().unwrap();
    copy(finished(), &folder.path().join("results/small"));
    let succeeds = |arguments: &[&str]| says(folder.path(), arguments);
    let fails = |arguments: &[&str], expected: &str| fails(folder.path(), arguments, expected);
    let list = succeeds(&["figures", "--list"]);
    assert!(list.contains("small") && list.contains("calibration"), "{list}");
    let out = succeeds(&["figures", "small", "equity", "--png", "--dark"]);
    assert!(out.contains("equity.svg, equity.png, equity-dark.png") && out.contains("3 files"), "{out}");
    fails(&["figures", "equty"], "did you mean 'equity'?");
    let out = succeeds(&["report", "small"]);
    assert!(out.contains("reference") && out.contains("report.html"), "{out}");
    assert!(folder.path().join("results/small/significance.csv").exists());
    fails(&["report", "smal"], "unknown run 'smal', did you mean 'small'?");
    let out = succeeds(&["compare", "small:qis/gmv", "small:sample/gmv"]);
    assert!(out.contains("small: qis / gmv") && out.contains("common days"), "{out}");
    fails(&["compare", "small:qis", "small"], "unknown portfolio 'small:qis', did you mean 'qis/gmv'?");
    fails(&["figures", "--out", "nowhere"], "holds no finished run");
}

#[test]
fn published_numbers_are_checked_against_cells_and_reasons() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.csv"), "estimator,n,volatility\na,1,0.10\nb,1,0.12\nb,2,0.13\n").unwrap();
    let claims = |body: &str| {
        let file = folder.path().join("expected.toml");
        std::fs::write(&file, body).unwrap();
        minvar::results::check_paper(&file, folder.path()).map(|checks| {
            checks.into_iter().map(|c| (c.verdict.words().to_string(), c.ours, c.note)).collect::<Vec<_>>()
        })
    };
    let claim = |rest: &str| format!("[[claim]]\nclaim = \"c\"\nsource = \"s\"\n{rest}\n");
    let cell = |w: &str| format!("{{ file = \"m.csv\", where = {{ {w} }}, column = \"volatility\", scale = 100.0 }}");
    let (a, b) = (cell("estimator = \"a\""), cell("estimator = \"b\", n = 1"));
    let number = |p: f64| claim(&format!("published = {p}\ntolerance = 0.5\nours = {a}"));
    let all = [
        number(10.4),
        number(10.6),
        claim(&format!("published = \"a < b\"\norder = [{a}, {b}]")),
        claim(&format!("published = \"b < a\"\norder = [{b}, {a}]")),
        claim("published = 1.0\nnot_testable = \"no data\""),
        claim(&format!("published = 1.0\ntolerance = 1.0\nours = {}", a.replace("m.csv", "none.csv"))),
        claim(&format!("published = \"p < 11\"\nbelow = 11.0\nours = {a}")),
        number(10.4).replace("ours =", "circular = \"it begins there\"\nours ="),
    ];
    let checks = claims(&all.concat()).unwrap();
    let verdicts: Vec<&str> = checks.iter().map(|c| c.0.as_str()).collect();
    let not = "not testable here";
    assert_eq!(verdicts, ["agrees", "differs", "agrees", "differs", not, not, "agrees", "circular"]);
    assert_eq!((checks[7].1.as_str(), checks[7].2.as_str()), (checks[0].1.as_str(), "it begins there"));
    assert!(checks[5].2.contains("none.csv is missing"), "{}", checks[5].2);
    let ambiguous = claims(&claim(&format!("published = 1.0\ntolerance = 1.0\nours = {}", cell("estimator = \"b\""))));
    assert!(ambiguous.unwrap_err().to_string().contains("2 rows have estimator"), "two rows answer");
    assert!(claims(&claim("published = 1.0\ntolerence = 1")).unwrap_err().to_string().contains("tolerence"));
}
