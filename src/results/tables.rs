//! Formatted tables of a run, Markdown and LaTeX, from its files.

use crate::data::{Table, write_text};
use crate::error::Result;
use crate::render::{
    Learned, LeverageSeries, Sheet, account_sheets, leverage_sheet, leverage_summary, performance_sheet, power_law,
    swept_sheets,
};
use crate::results::{FORECASTS_EXPLAINED, Results};

impl Results {
    /// The tables of the run itself: its portfolios, or those of all runs of a sweep; none if there are only
    /// simulations.
    pub fn sheets(&self) -> Result<Vec<Sheet>> {
        if !self.has_run {
            return Ok(Vec::new());
        }
        match self.is_sweep() {
            true => Ok(swept_sheets(&self.swept_series()?)),
            false => Ok(vec![performance_sheet("", &self.performances()?)]),
        }
    }

    /// The tables of a simulation.
    pub fn simulation_sheets(&self, simulation: &str) -> Result<Vec<Sheet>> {
        if self.has(&format!("{simulation}/leverage.csv")) {
            return Ok(vec![leverage_sheet(&LeverageSeries::group(&self.leverages(simulation)?))]);
        }
        Ok(account_sheets(&self.accounts(simulation)?))
    }

    /// Assumptions that a simulation made where the panel has no data.
    pub fn assumed(&self, simulation: &str) -> Result<Vec<String>> {
        Ok(Results::open_simulation(&self.folder.join(simulation))?.run.provenance.stand_ins)
    }
}

/// Writes `table.md` and `table.tex` of a run and of its simulations, and `forecasts.md`. Returns the files written.
pub fn write_tables(results: &Results) -> Result<Vec<String>> {
    let mut written = Vec::new();
    let mut write = |place: &str, sheets: &[Sheet], notes: &[String]| -> Result<()> {
        if sheets.is_empty() {
            return Ok(());
        }
        let about = &results.about;
        let tables: Vec<String> = sheets.iter().map(Sheet::markdown).collect();
        let mut page = format!("{about}\n\n{}\n", tables.join("\n\n"));
        if !notes.is_empty() {
            let notes: Vec<String> = notes.iter().map(|note| format!("- {note}")).collect();
            page += &format!("\nAssumptions where the panel has no data:\n\n{}\n", notes.join("\n"));
        }
        let captioned = |sheet: &Sheet| match sheet.caption.is_empty() {
            true => Sheet { caption: about.clone(), ..sheet.clone() },
            false => sheet.clone(),
        };
        let latex: Vec<String> = sheets.iter().map(|sheet| captioned(sheet).latex()).collect();
        for (file, text) in [("table.md", page), ("table.tex", latex.join("\n"))] {
            let file = format!("{place}{file}");
            write_text(&results.folder.join(&file), &text)?;
            written.push(file);
        }
        Ok(())
    };
    write("", &results.sheets()?, &[])?;
    for simulation in &results.simulations {
        if results.has(&format!("{simulation}/leverage.csv")) {
            let file = format!("{simulation}/summary.csv");
            let points = results.leverages(simulation)?;
            leverage_summary(&LeverageSeries::group(&points)).write_csv(&results.folder.join(&file))?;
        }
        let sheets = results.simulation_sheets(simulation)?;
        write(&format!("{simulation}/"), &sheets, &results.assumed(simulation)?)?;
    }
    let forecasts: Vec<String> = results.forecast_sheets()?.iter().map(Sheet::markdown).collect();
    if !forecasts.is_empty() {
        let page = format!("{}\n\n{FORECASTS_EXPLAINED}\n\n{}\n", results.about, forecasts.join("\n\n"));
        write_text(&results.folder.join("forecasts.md"), &page)?;
        written.push("forecasts.md".to_string());
    }
    let learned = learned_table(results)?;
    if let Some(table) = learned {
        table.write_csv(&results.folder.join("learned.csv"))?;
        written.push("learned.csv".to_string());
    }
    Ok(written)
}

/// Numbers of newest days whose shares are reported: a month and a year.
const NEWEST: [usize; 2] = [21, 252];

/// The content of `learned.csv`, for every network and year: the power law nearest to α, and whether the form imposes one; the share
/// of the newest 252 days in Σ α², the weight of a day in the covariance of unclipped returns; the shares of the newest days in the
/// effective weights, of α and β together, and the number of effective days; and β of the newest and of the oldest day.
fn learned_table(results: &Results) -> Result<Option<Table>> {
    let mut rows: Vec<(String, Learned)> = Vec::new();
    for network in results.model_folders() {
        rows.extend(results.learned(&network)?.into_iter().map(|learned| (network.clone(), learned)));
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let fit = |learned: &Learned| {
        let ages = learned.curves.age.iter().map(|age| *age as f64);
        power_law(&ages.zip(learned.curves.alpha.iter().copied()).collect::<Vec<_>>())
    };
    let newest = |weights: &[f64], days: usize| weights[..days.min(weights.len())].iter().sum::<f64>();
    let share_of_alpha = |learned: &Learned| {
        let squares: Vec<f64> = learned.curves.alpha.iter().map(|a| a * a).collect();
        newest(&squares, NEWEST[1]) / newest(&squares, squares.len())
    };
    let effective = |days: usize| move |learned: &Learned| newest(&learned.effective_weights(), days);
    let imposed = |learned: &Learned| if learned.imposes_power_law { "imposed" } else { "fitted" };
    let end = |learned: &Learned, last: bool| {
        let beta = &learned.curves.beta;
        if last { beta.last() } else { beta.first() }.copied().unwrap_or(f64::NAN)
    };
    let each = || rows.iter().map(|(_, learned)| learned);
    Ok(Some(
        Table::default()
            .with_texts("network", rows.iter().map(|(network, _)| network))
            .with_texts("year", each().map(|learned| &learned.label))
            .with_numbers("alpha_scale", each().map(|learned| fit(learned).0))
            .with_numbers("alpha_exponent", each().map(|learned| fit(learned).1))
            .with_texts("power_law", each().map(imposed))
            .with_numbers("alpha_squared_newest_252", each().map(share_of_alpha))
            .with_numbers("effective_newest_21", each().map(effective(NEWEST[0])))
            .with_numbers("effective_newest_252", each().map(effective(NEWEST[1])))
            .with_numbers("effective_days", each().map(Learned::effective_days))
            .with_numbers("beta_newest", each().map(|learned| end(learned, false)))
            .with_numbers("beta_oldest", each().map(|learned| end(learned, true))),
    ))
}
