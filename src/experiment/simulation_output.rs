//! The files of a finished simulation.
//!
//! ```text
//! results/<name>/simulation/accounts.csv     one row per portfolio, profile, capital and leverage: measures and the bridge
//!                           equity.parquet   date, account, growth of 1 (null before it was opened); profile `frictionless`
//!                                            before costs; single precision
//!                           events.parquet   forced liquidations, endings, ruin
//!                           ledger/*.parquet every posting of an account
//!                           leverage.csv, accounts.parquet instead, with a grid of leverages
//!                           run.toml         configuration and provenance, with the assumptions made
//!                           table.md, table.tex, *.svg   made from these files by `results`
//! ```

use std::collections::HashSet;
use std::path::Path;

use crate::data::Table;
use crate::error::Result;
use crate::experiment::accounts::{Bench, FRICTIONLESS, StoredAccount};
use crate::render::{AccountRow, account_table, leverage_csv};

impl Bench<'_> {
    /// Writes the tables of numbers.
    pub(super) fn write(&self, finished: &[StoredAccount], rows: &[AccountRow], folder: &Path) -> Result<()> {
        if self.is_grid {
            account_table(rows).write_parquet(&folder.join("accounts.parquet"))?;
            leverage_csv(rows).write_csv(&folder.join("leverage.csv"))?;
        } else {
            account_table(rows).write_csv(&folder.join("accounts.csv"))?;
            self.write_equity(finished, folder)?;
        }
        let events = || finished.iter().flat_map(|account| account.events.iter().map(|event| (&account.row, event)));
        let text = |k: usize| events().map(move |(_, event)| &event[k]);
        Table::default()
            .with_texts("estimator", events().map(|(row, _)| row.name.estimator_cell()))
            .with_texts("allocator", events().map(|(row, _)| &row.name.allocator))
            .with_texts("profile", events().map(|(row, _)| &row.profile))
            .with_numbers("capital_usd", events().map(|(row, _)| row.capital_usd))
            .with_numbers("leverage", events().map(|(row, _)| row.leverage))
            .with_texts("date", text(0))
            .with_texts("event", text(1))
            .with_texts("asset", text(2))
            .with_texts("detail", text(3))
            .write_parquet(&folder.join("events.parquet"))
    }

    /// Writes the equity of every account. Before these come the curves before costs, once for each portfolio and
    /// leverage.
    fn write_equity(&self, finished: &[StoredAccount], folder: &Path) -> Result<()> {
        let dates = &self.panel.calendar().dates()[self.first + 1..self.end];
        let mut known = HashSet::new();
        let mut curves: Vec<(&AccountRow, &str, f64, &[f64])> = Vec::new();
        for StoredAccount { row, gross, .. } in finished {
            if known.insert((&row.name, row.leverage.to_bits())) {
                curves.push((row, FRICTIONLESS, f64::NAN, &gross[1..]));
            }
        }
        curves.extend(finished.iter().map(|f| (&f.row, f.row.profile.as_str(), f.row.capital_usd, &f.net[1..])));
        // The equity is null before the account is opened.
        let since_opened = |equity: &'_ [f64]| -> Vec<f64> {
            std::iter::repeat_n(f64::NAN, dates.len() - equity.len()).chain(equity.iter().copied()).collect()
        };
        let each = || curves.iter().flat_map(|curve| std::iter::repeat_n(curve, dates.len()));
        Table::default()
            .with_dates("date", curves.iter().flat_map(|_| dates.iter().copied()))
            .with_texts("estimator", each().map(|curve| curve.0.name.estimator_cell()))
            .with_texts("allocator", each().map(|curve| &curve.0.name.allocator))
            .with_texts("profile", each().map(|curve| curve.1))
            .with_numbers("capital_usd", each().map(|curve| curve.2))
            .with_numbers("leverage", each().map(|curve| curve.0.leverage))
            .with_singles("equity", curves.iter().flat_map(|curve| since_opened(curve.3)))
            .write_parquet(&folder.join("equity.parquet"))
    }
}
