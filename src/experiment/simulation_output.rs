//! The files of a finished simulation.
//!
//! ```text
//! results/<name>/simulation/accounts.csv     one row per portfolio, profile, capital and leverage: measures and the bridge
//!                           table.md         the same, readable, with what had to be assumed
//!                           equity.parquet   date, account, growth of 1 net and gross
//!                           events.parquet   forced liquidations, endings, ruin
//!                           ledger/*.parquet every posting of an account
//!                           bridge.svg, equity.svg, drawdown.svg
//!                           leverage.csv, leverage.svg, accounts.parquet instead, with a grid of leverages
//!                           run.toml         configuration and provenance
//! ```

use std::path::Path;

use crate::calendar::Date;
use crate::data::{Table, TableStream, write_text};
use crate::error::Result;
use crate::experiment::Experiment;
use crate::experiment::accounts::{Bench, Finished};
use crate::report::{
    AccountRow, Curve, LeverageSeries, account_table, account_tables, bridge_figure, dollars, drawdown_figure,
    equity_figure, leverage_csv, leverage_figure, leverage_table,
};

impl Bench<'_> {
    /// Tables and figures; returns the tables in Markdown.
    pub(super) fn write(
        &self,
        experiment: &Experiment,
        finished: &[Finished],
        rows: &[AccountRow],
        assumed: &[String],
        folder: &Path,
    ) -> Result<String> {
        let about = &experiment.about;
        let highlight = &experiment.figures.highlight;
        let table = match self.is_grid {
            true => self.write_leverage(about, highlight, rows, folder)?,
            false => self.write_courses(about, highlight, finished, rows, folder)?,
        };
        let events = || finished.iter().flat_map(|account| account.events.iter().map(|event| (&account.row, event)));
        let text = |k: usize| events().map(move |(_, event)| &event[k]);
        Table::default()
            .with_texts("estimator", events().map(|(row, _)| &row.estimator))
            .with_texts("allocator", events().map(|(row, _)| &row.allocator))
            .with_texts("profile", events().map(|(row, _)| &row.profile))
            .with_numbers("capital_usd", events().map(|(row, _)| row.capital_usd))
            .with_numbers("leverage", events().map(|(row, _)| row.leverage))
            .with_texts("date", text(0))
            .with_texts("event", text(1))
            .with_texts("asset", text(2))
            .with_texts("detail", text(3))
            .write_parquet(&folder.join("events.parquet"))?;
        let notes: Vec<String> = assumed.iter().map(|note| format!("- {note}")).collect();
        let page = format!("{about}\n\n{table}\n\nAssumed where the panel does not know:\n\n{}\n", notes.join("\n"));
        write_text(&folder.join("table.md"), &page)?;
        Ok(table)
    }

    fn write_leverage(&self, about: &str, highlight: &[String], rows: &[AccountRow], folder: &Path) -> Result<String> {
        account_table(rows).write_parquet(&folder.join("accounts.parquet"))?;
        leverage_csv(rows).write_csv(&folder.join("leverage.csv"))?;
        let series = LeverageSeries::group(rows);
        write_text(&folder.join("leverage.svg"), &leverage_figure(about, &series, highlight))?;
        Ok(leverage_table(&series))
    }

    fn write_courses(
        &self,
        about: &str,
        highlight: &[String],
        finished: &[Finished],
        rows: &[AccountRow],
        folder: &Path,
    ) -> Result<String> {
        account_table(rows).write_csv(&folder.join("accounts.csv"))?;
        let dates = &self.panel.calendar().dates()[self.first..self.end];
        let mut file = TableStream::new(&folder.join("equity.parquet"));
        for account in finished {
            let (row, n) = (&account.row, dates.len());
            file.append(
                Table::default()
                    .with_dates("date", dates.iter().copied())
                    .with_texts("estimator", std::iter::repeat_n(&row.estimator, n))
                    .with_texts("allocator", std::iter::repeat_n(&row.allocator, n))
                    .with_texts("profile", std::iter::repeat_n(&row.profile, n))
                    .with_numbers("capital_usd", std::iter::repeat_n(row.capital_usd, n))
                    .with_numbers("leverage", std::iter::repeat_n(row.leverage, n))
                    .with_numbers("net", account.net[1..].iter().copied())
                    .with_numbers("gross", account.gross[1..].iter().copied()),
            )?;
        }
        file.finish()?;

        let name = |row: &AccountRow| {
            let label =
                if row.estimator == "none" || row.estimator.is_empty() { &row.allocator } else { &row.estimator };
            if row.leverage == 1.0 { label.clone() } else { format!("{label}, {:.2}", row.leverage) }
        };
        let is_shown =
            |row: &AccountRow| highlight.is_empty() || row.estimator == "none" || highlight.contains(&row.estimator);
        let shown: Vec<&Finished> = finished.iter().filter(|account| is_shown(&account.row)).collect();
        // Curves of neighbouring capitals look alike: the smallest and the largest are drawn.
        let capitals = || rows.iter().map(|row| row.capital_usd);
        let ends = [capitals().fold(f64::INFINITY, f64::min), capitals().fold(0.0, f64::max)];
        let mut net: Vec<(String, Vec<Curve>)> = Vec::new();
        let mut gross: Vec<Curve> = Vec::new();
        for account in shown.iter().filter(|account| ends.contains(&account.row.capital_usd)) {
            let row = &account.row;
            let frame = format!("{}, {} dollars", row.profile, dollars(row.capital_usd));
            if net.last().is_none_or(|(last, _)| *last != frame) {
                net.push((frame, Vec::new()));
            }
            let curve = |equity: &[f64]| Curve { label: name(row), equity: equity.to_vec() };
            net.last_mut().expect("a frame was pushed").1.push(curve(&account.net));
            if net.len() == 1 {
                gross.push(curve(&account.gross));
            }
        }
        // The day before the first stands for the capital.
        let before = self.panel.calendar().dates()[self.first.saturating_sub(1)];
        let dates: Vec<Date> = std::iter::once(before).chain(dates.iter().copied()).collect();
        write_text(&folder.join("drawdown.svg"), &drawdown_figure(about, &dates, &net))?;
        // The first frame shows what there was before costs.
        let mut frames = vec![("weights times returns: growth of 1, before costs (log scale)".to_string(), gross)];
        frames.extend(net.into_iter().map(|(name, curves)| (format!("{name}: growth of 1, net (log scale)"), curves)));
        write_text(&folder.join("equity.svg"), &equity_figure(about, &dates, &frames))?;
        let shown: Vec<AccountRow> = shown.iter().map(|account| account.row.clone()).collect();
        write_text(&folder.join("bridge.svg"), &bridge_figure(about, &shown, name))?;
        Ok(account_tables(rows))
    }
}
