//! `minvar figures`: redraws the figures and tables of finished runs from their files.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::output::say;
use crate::error::Error;
use crate::render::Page;
use crate::results::{self, FIGURES, Results, draw, write_tables};

/// Redraw the figures and tables of finished runs without computing anything
///
/// Figures are drawn from the tables in the folder of a run: SVG files that adapt to a light or dark page, and with
/// --png also files for print. Tables are written as Markdown and LaTeX. The same input gives the same bytes.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Runs and kinds of figures to draw [default: all]; --list shows them
    names: Vec<String>,
    /// List runs and kinds of figures
    #[arg(long)]
    list: bool,
    /// Also write PNG files at print resolution
    #[arg(long)]
    png: bool,
    /// Also write PNG files for a dark page
    #[arg(long)]
    dark: bool,
    /// Folder of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let runs: Vec<Results> =
        results::find(&arguments.out).iter().map(|f| Results::open(f)).collect::<Result<_, _>>()?;
    if arguments.list {
        say!("runs in {}:", arguments.out.display());
        runs.iter().for_each(|run| say!("  {:<24} {}", run.name, run.about));
        say!("\nkinds of figures:");
        FIGURES.iter().for_each(|kind| say!("  {:<24} {}", kind.name, kind.about));
        let runs: Vec<Value> = runs.iter().map(|run| json!({ "name": run.name, "about": run.about })).collect();
        let kinds: Vec<Value> = FIGURES.iter().map(|kind| json!({ "name": kind.name, "about": kind.about })).collect();
        return Ok(json!({ "runs": runs, "kinds": kinds }));
    }
    if runs.is_empty() {
        let rule = "holds no finished run; 'minvar run quick' makes one";
        return Err(Error::data(arguments.out.display().to_string(), rule).into());
    }
    let is_kind = |name: &&String| FIGURES.iter().any(|kind| kind.name == **name);
    let kinds: Vec<String> = arguments.names.iter().filter(is_kind).cloned().collect();
    let wanted: Vec<&String> = arguments.names.iter().filter(|name| !is_kind(name)).collect();
    for name in &wanted {
        if !runs.iter().any(|run| belongs(run, name)) {
            let known = runs.iter().map(|run| run.name.as_str()).chain(FIGURES.iter().map(|kind| kind.name));
            return Err(Error::unknown("run or figure", name, known).into());
        }
    }
    let pages: Vec<Page> =
        [(arguments.png, Page::Light), (arguments.dark, Page::Dark)].iter().filter(|p| p.0).map(|p| p.1).collect();
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    for run in runs.iter().filter(|run| wanted.is_empty() || wanted.iter().any(|name| belongs(run, name))) {
        let mut written = if kinds.is_empty() { write_tables(run)? } else { Vec::new() };
        let (figures, missing) = draw(run, &kinds, &pages)?;
        written.extend(figures);
        say!("{}: {}", run.name, if written.is_empty() { "nothing to draw".to_string() } else { written.join(", ") });
        missing.iter().for_each(|(error, kinds)| say!("  not redrawn: {}; {error}", kinds.join(", ")));
        files.extend(written.iter().map(|file| run.folder.join(file)));
        left_out.extend(missing.iter().map(|(error, kinds)| format!("{}: {}; {error}", run.name, kinds.join(", "))));
    }
    say!("{} files", files.len());
    Ok(json!({ "files": files, "left_out": left_out }))
}

/// Whether the run has this name, or is one size of the sweep of this name.
fn belongs(run: &Results, name: &str) -> bool {
    run.name == name || run.name.split('/').next() == Some(name)
}
