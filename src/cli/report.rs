//! `minvar report`: tests of significance, and one page for a finished run.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::output::say;
use crate::data::hash_file;
use crate::description::{Experiment, RunFile};
use crate::error::Error;
use crate::results::{Evidence, Results, discard_tests, draw, evidence, redraw, write_evidence, write_page};

/// Test the findings of a finished run, and put them on one self-contained page
///
/// Writes significance.csv, significance.md, periods.csv and report.html into the folder of the run. The page works offline. It has
/// tables, figures that show the values of their lines, the universe, provenance, deviations from the paper, and how
/// to reproduce it.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Runs or their simulations (RUN/simulation): names below OUT, or folders
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Random seed of the resampling
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Leave out the tests
    #[arg(long)]
    no_tests: bool,
    /// Take about, [figures] and [evidence] of this experiment, which must be that of the run in all else, and keep them in run.toml
    #[arg(long, value_name = "FILE")]
    experiment: Option<PathBuf>,
    /// Folder of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let mut pages = Vec::new();
    for name in &arguments.runs {
        let mut results = super::open_results(&arguments.out, name)?;
        check_accounts(&results.home)?;
        if let Some(file) = &arguments.experiment {
            describe_again(&mut results, file)?;
        }
        let tested = if arguments.no_tests { None } else { tests(&results, arguments.seed)? };
        let left_out = write_page(&results, tested.as_ref())?;
        left_out.iter().for_each(|line| say!("not drawn: {line}"));
        let page = results.home.join("report.html");
        say!("{}", page.display());
        let tests = tested.as_ref().map(Evidence::sheets);
        let notes = tested.as_ref().map_or(&[][..], |evidence| &evidence.notes);
        pages.push(json!({ "run": results.name, "page": page, "tests": tests, "notes": notes, "left_out": left_out }));
    }
    Ok(json!({ "reports": pages }))
}

/// Takes what an experiment says of its figures and tests, without running it again.
fn describe_again(results: &mut Results, file: &Path) -> anyhow::Result<()> {
    let mut experiment = Experiment::read(file)?;
    let own = &results.run.experiment;
    // The span that was found stands in run.toml.
    experiment.walk_forward.first = experiment.walk_forward.first.or(own.walk_forward.first);
    experiment.walk_forward.last = experiment.walk_forward.last.or(own.walk_forward.last);
    if !results.has_run || !own.decides_as(&experiment) {
        let message =
            format!("it is not the experiment of {}: run it again, or name the one that was run", results.name);
        return Err(Error::Config { file: file.display().to_string(), message }.into());
    }
    results.about.clone_from(&experiment.about);
    let own = &mut results.run.experiment;
    (own.about, own.figures, own.evidence) = (experiment.about, experiment.figures, experiment.evidence);
    results.run.write(&results.folder.join("run.toml"))?;
    discard_tests(&results.folder)?;
    redraw(results)?;
    Ok(())
}

/// Refuses accounts that traded other weights than those of the run beside them.
fn check_accounts(folder: &Path) -> anyhow::Result<()> {
    let (weights, file) = (folder.join("weights.parquet"), folder.join("simulation/run.toml"));
    let (Ok(accounts), true) = (RunFile::read(&file), weights.exists()) else { return Ok(()) };
    if accounts.provenance.weights_hash.is_some_and(|hash| hash_file(&weights).is_ok_and(|ours| ours != hash)) {
        let message = "these accounts traded other weights than those of the run; 'minvar simulate' makes them again, or \
                       remove their folder";
        return Err(Error::Config { file: file.display().to_string(), message: message.to_string() }.into());
    }
    Ok(())
}

/// The tests of a run; `None`, with a note, if there is nothing to test.
fn tests(results: &Results, seed: u64) -> anyhow::Result<Option<Evidence>> {
    let tested = tested(results, seed)?;
    if let Some(evidence) = &tested {
        evidence.sheets().iter().for_each(|sheet| say!("{}\n", sheet.markdown()));
        evidence.headlines().iter().chain(&evidence.seed_lines()).for_each(|line| say!("{line}"));
        evidence.notes.iter().for_each(|line| say!("{line}"));
    }
    Ok(tested)
}

/// Tests a run, and writes and draws what is found; `None`, with a note, if there is nothing to test.
pub(super) fn tested(results: &Results, seed: u64) -> anyhow::Result<Option<Evidence>> {
    match evidence(results, seed) {
        Ok(evidence) => {
            write_evidence(results, &evidence)?;
            draw(results, &["forest".to_string()], &[])?;
            Ok(Some(evidence))
        }
        Err(error) => {
            say!("no tests: {error}");
            Ok(None)
        }
    }
}
