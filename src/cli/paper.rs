//! `minvar paper`: published numbers beside our own.

use std::path::PathBuf;

use clap::Subcommand;

use serde_json::{Value, json};

use crate::cli::output::say;
use crate::results::{Verdict, check_paper, paper_table};

/// Check the published numbers against the results
#[derive(Subcommand)]
pub(super) enum Command {
    /// Print every published claim with our number and whether they agree
    ///
    /// The claims are in paper/expected.toml, with their tolerances and the cells of the result tables to compare them
    /// with. A number that differs is a finding, not an error.
    Check {
        /// File of the claims
        #[arg(long, value_name = "FILE", default_value = "paper/expected.toml")]
        expected: PathBuf,
        /// Folder of results
        #[arg(long, value_name = "DIR", default_value = "results")]
        out: PathBuf,
        /// Also write check.csv and check.md into this folder
        #[arg(long, value_name = "DIR")]
        write: Option<PathBuf>,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<Value> {
    let Command::Check { expected, out, write } = command;
    let checks = check_paper(expected, out)?;
    let sheet = paper_table(&checks);
    if let Some(folder) = write {
        let column = |k: usize| sheet.rows.iter().map(move |row| &row[k]);
        let table = sheet
            .header
            .iter()
            .enumerate()
            .fold(crate::data::Table::default(), |table, (k, name)| table.with_texts(name, column(k)));
        table.write_csv(&folder.join("check.csv"))?;
        crate::data::write_text(&folder.join("check.md"), &format!("{}\n", sheet.markdown()))?;
    }
    say!("{}", sheet.markdown());
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    say!(
        "\n{} claims: {} agree, {} differ, {} cannot be tested here, {} are circular",
        checks.len(),
        count(Verdict::Agrees),
        count(Verdict::Differs),
        count(Verdict::NotTestable),
        count(Verdict::Circular)
    );
    Ok(json!({ "checks": checks }))
}
