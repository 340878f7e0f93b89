//! Reads back what figures are drawn from: predictions, exposures, differences, learned curves.

#[cfg(feature = "figures")]
use crate::calendar::Date;
use crate::data::NotANumber;
use crate::description::PortfolioName;
use crate::error::Result;
use crate::grouping::grouped;
use crate::nn::Lag;
#[cfg(feature = "figures")]
use crate::render::{EigenvalueCurve, Exposure, ExposureGroup, ForestGroup, ForestRow, LearningCurve};
use crate::render::{Learned, Prediction};
#[cfg(feature = "figures")]
use crate::results::evidence::BEFORE_COSTS;
#[cfg(feature = "figures")]
use crate::results::read::blocks;
use crate::results::{PortfolioReturns, Results};
use crate::train::Model;

impl Results {
    /// The eigenvalue curves with the label of each estimator, from `eigenvalues.csv`.
    #[cfg(feature = "figures")]
    pub(super) fn eigenvalues(&self) -> Result<Vec<EigenvalueCurve>> {
        let columns = self.columns("eigenvalues.csv")?;
        let labels = columns.texts("estimator")?;
        let (sample, cleaned) =
            (columns.numbers("sample", NotANumber::Missing)?, columns.numbers("cleaned", NotANumber::Missing)?);
        let blocks = blocks(std::slice::from_ref(&labels), labels.len());
        let curve = |block: std::ops::Range<usize>| {
            let label = labels[block.start].clone();
            (label, block.map(|row| (sample[row], cleaned[row])).collect())
        };
        Ok(blocks.into_iter().map(curve).collect())
    }

    /// Predicted and subsequently realised volatility by allocator, from `diagnostics.parquet` and `returns.parquet`.
    pub fn predictions(&self) -> Result<Vec<(String, Vec<Prediction>)>> {
        let columns = self.columns("diagnostics.parquet")?;
        let (dates, estimators, allocators) =
            (columns.dates("date")?, columns.texts("estimator")?, columns.texts("allocator")?);
        let predicted = columns.numbers("predicted_volatility_annual", NotANumber::Missing)?;
        let daily = self.daily_returns()?;
        // An allocator without a covariance makes no prediction.
        let is_shown = |series: &&PortfolioReturns| {
            series.is_defined() && series.ruin().is_none() && series.name.estimator.is_some()
        };
        let prediction = |series: &PortfolioReturns| {
            let rows: Vec<usize> = (0..dates.len())
                .filter(|row| PortfolioName::new(&estimators[*row], &allocators[*row]) == series.name)
                .collect();
            let day_after = |row: usize| daily.dates.partition_point(|date| *date <= dates[row]);
            let ends = rows.iter().skip(1).map(|row| day_after(*row)).chain([daily.dates.len()]);
            let periods: Vec<(f64, Vec<f64>)> = rows
                .iter()
                .zip(ends)
                .map(|(&row, end)| (predicted[row], series.returns[day_after(row).min(end)..end].to_vec()))
                .collect();
            (series.name.allocator.clone(), Prediction { label: series.name.short().to_string(), periods })
        };
        Ok(grouped(daily.portfolios.iter().filter(is_shown).map(prediction)))
    }

    /// The differences of a forest plot by group (those before costs, if there are any), with its reference and the days of a holding period, from `significance.csv`.
    #[cfg(feature = "figures")]
    pub(super) fn forest(&self) -> Result<Vec<ForestGroup>> {
        let columns = self.columns("significance.csv")?;
        let texts = |name: &str| columns.texts(&columns.require(&[name])?);
        let percent = |name: &str| -> Result<Vec<f64>> {
            let numbers = columns.numbers(&columns.require(&[name])?, NotANumber::Missing)?;
            Ok(numbers.into_iter().map(|d| 100.0 * ((d / 2.0).exp() - 1.0)).collect())
        };
        let of = |prefix: &str| -> Result<[Vec<f64>; 3]> {
            let each = ["difference", "low", "high"].map(|end| percent(&format!("{prefix}log_variance_{end}")));
            let [estimate, low, high] = each;
            Ok([estimate?, low?, high?])
        };
        let (groups, labels, references) = (texts("group")?, texts("portfolio")?, texts("reference")?);
        let holding = columns.numbers(&columns.require(&["holding_days"])?, NotANumber::Refused)?;
        let (daily, held) = (of("")?, of("holding_")?);
        // The reference has no difference from itself.
        let tested = (0..groups.len()).filter(|row| daily[0][*row].is_finite());
        let at = |of: &[Vec<f64>; 3], row: usize| (of[0][row], of[1][row], of[2][row]);
        let row = |row: usize| {
            let shown = ForestRow { label: labels[row].clone(), daily: at(&daily, row), holding: at(&held, row) };
            ((groups[row].clone(), references[row].clone(), holding[row] as usize), shown)
        };
        let mut groups = grouped(tested.map(row));
        let is_gross = |group: &str| group.contains(BEFORE_COSTS);
        if groups.iter().any(|((group, ..), _)| is_gross(group)) {
            groups.retain(|((group, ..), _)| is_gross(group));
        }
        let group =
            |((name, reference, holding), rows): (_, Vec<ForestRow>)| ForestGroup { name, reference, holding, rows };
        Ok(groups.into_iter().map(group).collect())
    }

    /// Rebalancing dates, and what portfolios of estimators hold on them by allocator, from `diagnostics.parquet`.
    #[cfg(feature = "figures")]
    pub(super) fn exposures(&self) -> Result<(Vec<Date>, Vec<ExposureGroup>)> {
        let columns = self.columns("diagnostics.parquet")?;
        let (estimators, allocators) = (columns.texts("estimator")?, columns.texts("allocator")?);
        let numbers = |name: &str| columns.numbers(name, NotANumber::Missing);
        let (n_eff, gross, short) = (numbers("n_eff")?, numbers("gross")?, numbers("short_share")?);
        let mut dates = columns.dates("date")?;
        dates.dedup();
        let name = |row: usize| PortfolioName::new(&estimators[row], &allocators[row]);
        let rows = grouped((0..estimators.len()).map(|row| (name(row), row)));
        let exposure = |(name, rows): (PortfolioName, Vec<usize>)| {
            let of = |values: &[f64]| rows.iter().map(|row| values[*row]).collect();
            let label = name.short().to_string();
            (name.allocator, Exposure { label, n_eff: of(&n_eff), gross: of(&gross), short_share: of(&short) })
        };
        let known = rows.into_iter().filter(|(name, _)| name.estimator.is_some()).map(exposure);
        Ok((dates, grouped(known)))
    }

    /// Names of the folders of trained models, such as `compact-0`.
    pub(super) fn model_folders(&self) -> Vec<String> {
        super::subfolders(&self.folder.join("models"))
    }

    /// The models in a folder, with the year in which each is used.
    fn models(&self, folder: &str) -> Result<Vec<(String, Model)>> {
        let folder = self.folder.join("models").join(folder);
        let mut files = crate::data::list_folder(&folder)?;
        files.retain(|name| name.ends_with(".safetensors") && name.matches('.').count() == 1);
        files.sort();
        let open =
            |file: &String| Ok((file.trim_end_matches(".safetensors").to_string(), Model::open(&folder.join(file))?));
        files.iter().map(open).collect()
    }

    /// The learned curves of the networks in a folder; if there are many, only the first and the last are in colour.
    pub(super) fn learned(&self, folder: &str) -> Result<Vec<Learned>> {
        let models = self.models(folder)?;
        let last = models.len().saturating_sub(1);
        let learned = |(k, (label, model)): (usize, (String, Model))| {
            let imposes_power_law = model.header.network.lag == Lag::Compact;
            Ok(Learned { label, curves: model.curves()?, is_named: k == 0 || k == last, imposes_power_law })
        };
        models.into_iter().enumerate().map(learned).collect()
    }

    /// Training and validation losses of the networks in a folder.
    #[cfg(feature = "figures")]
    pub(super) fn learning(&self, folder: &str) -> Result<Vec<LearningCurve>> {
        let mut start = 0;
        let mut curves = Vec::new();
        for (label, model) in self.models(folder)? {
            let header = model.header;
            start = if header.continued_from.is_some() { start } else { 0 };
            curves.push(LearningCurve {
                label,
                start,
                training: header.record.iter().map(|point| (point.step, point.loss)).collect(),
                validation: header.record.iter().filter_map(|point| Some((point.step, point.validation?))).collect(),
                rival: header.validation_qis,
            });
            start += header.steps;
        }
        Ok(curves)
    }
}
