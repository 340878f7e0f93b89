//! Tables of the tests of a run.

use crate::data::{Table, write_text};
use crate::error::Result;
use crate::metrics;
use crate::render::Sheet;
use crate::results::Results;
use crate::results::evidence::{Evidence, Finding, GroupFinding, SeedFinding, Tested};
use crate::significance::Difference;

/// Stars for a p-value: `*` below 5 %, `**` below 1 %, `***` below 0.1 %.
pub fn stars(p_value: f64) -> &'static str {
    match p_value {
        p if p < 0.001 => "***",
        p if p < 0.01 => "**",
        p if p < 0.05 => "*",
        _ => "",
    }
}

/// The content of `significance.csv`.
pub fn evidence_table(evidence: &Evidence) -> Table {
    let rows = || evidence.findings.iter();
    let tested = |f: &dyn Fn(&(Tested, Tested)) -> f64| -> Vec<f64> {
        rows().map(|row| row.against_reference.as_ref().map_or(f64::NAN, f)).collect()
    };
    let network = |f: &dyn Fn(&(Tested, Tested)) -> f64| -> Vec<f64> {
        rows().map(|row| row.network_against.as_ref().map_or(f64::NAN, f)).collect()
    };
    let group = |row: &Finding| evidence.groups.iter().find(|group| group.group == row.group);
    let reference = |row: &Finding| group(row).map_or(String::new(), |group| group.reference.clone());
    let set_blocks = |row: &Finding| group(row).map_or(f64::NAN, |group| group.block_length);
    Table::default()
        .with_texts("group", rows().map(|row| &row.group))
        .with_texts("portfolio", rows().map(|row| &row.portfolio))
        .with_texts("reference", rows().map(reference))
        .with_numbers("volatility_annual", rows().map(|row| row.volatility))
        .with_numbers("sharpe", rows().map(|row| row.sharpe))
        .with_numbers("sharpe_autocorrelated", rows().map(|row| row.sharpe_autocorrelated))
        .with_numbers("log_variance_difference", tested(&|t| t.0.bootstrap.estimate))
        .with_numbers("variance_p_bootstrap", tested(&|t| t.0.bootstrap.p_value))
        .with_numbers("variance_p_hac", tested(&|t| t.0.hac_p))
        .with_numbers("variance_block_length", tested(&|t| t.0.bootstrap.block_length as f64))
        .with_numbers("daily_sharpe_difference", tested(&|t| t.1.bootstrap.estimate))
        .with_numbers("sharpe_p_bootstrap", tested(&|t| t.1.bootstrap.p_value))
        .with_numbers("sharpe_p_hac", tested(&|t| t.1.hac_p))
        .with_numbers("network_log_variance_difference", network(&|t| t.0.bootstrap.estimate))
        .with_numbers("network_variance_p_bootstrap", network(&|t| t.0.bootstrap.p_value))
        .with_numbers("network_daily_sharpe_difference", network(&|t| t.1.bootstrap.estimate))
        .with_numbers("network_sharpe_p_bootstrap", network(&|t| t.1.bootstrap.p_value))
        .with_numbers("confidence_set_block_length", rows().map(set_blocks))
        .with_numbers("confidence_set_p_range", rows().map(|row| row.confidence_set.0))
        .with_numbers("confidence_set_p_max", rows().map(|row| row.confidence_set.1))
        .with_numbers("probabilistic_sharpe", rows().map(|row| row.probabilistic_sharpe))
        .with_numbers("deflated_sharpe", rows().map(|row| row.deflated_sharpe))
}

/// A p-value as text, never zero.
fn p_value(p: f64) -> String {
    if p.is_nan() {
        String::new()
    } else if p < 0.0005 {
        "< 0.001".to_string()
    } else {
        format!("{p:.3}")
    }
}

impl Evidence {
    /// One table per group.
    pub fn sheets(&self) -> Vec<Sheet> {
        let header = [
            "portfolio",
            "volatility",
            "against the reference",
            "p",
            "Sharpe",
            "difference",
            "p",
            "confidence set p",
            "deflated Sharpe",
            "best network's volatility",
            "Sharpe",
        ];
        let sheet = |group: &GroupFinding| {
            let caption = format!(
                "{}: {} days, blocks of {:.0}, reference {}; test for a better one: p {} ({})",
                group.group,
                group.n_days,
                group.block_length,
                group.reference,
                p_value(group.superior.consistent),
                group.best
            );
            let mut sheet = Sheet::new(caption, &header, 1);
            let mut rows: Vec<&Finding> = self.findings.iter().filter(|row| row.group == group.group).collect();
            rows.sort_by(|a, b| a.volatility.total_cmp(&b.volatility));
            for row in rows {
                let (variance, sharpe) = match &row.against_reference {
                    Some((variance, sharpe)) => (Some(variance.bootstrap), Some(sharpe.bootstrap)),
                    None => (None, None),
                };
                let ratio =
                    |d: Difference| format!("{:+.2} %{}", 100.0 * ((d.estimate / 2.0).exp() - 1.0), stars(d.p_value));
                let gap =
                    |d: Difference| format!("{:+.2}{}", metrics::annual(d.estimate, self.per_year), stars(d.p_value));
                let p = |d: Option<Difference>| d.map_or(String::new(), |d| p_value(d.p_value));
                sheet.rows.push(vec![
                    row.portfolio.clone(),
                    format!("{:.2} %", 100.0 * row.volatility),
                    variance.map_or("reference".to_string(), ratio),
                    p(variance),
                    format!("{:.2}", row.sharpe),
                    sharpe.map_or(String::new(), gap),
                    p(sharpe),
                    p_value(row.confidence_set.0),
                    format!("{:.2}", row.deflated_sharpe),
                    row.network_against.map_or(String::new(), |t| ratio(t.0.bootstrap)),
                    row.network_against.map_or(String::new(), |t| gap(t.1.bootstrap)),
                ]);
            }
            sheet
        };
        self.groups.iter().map(sheet).collect()
    }

    /// One sentence per network with several seeds.
    pub fn seed_lines(&self) -> Vec<String> {
        let line = |s: &SeedFinding| {
            let ratio = |x: f64| format!("{:+.2} %", 100.0 * ((x / 2.0).exp() - 1.0));
            let (v, sharpe) = (&s.variance, &s.sharpe);
            let annual = |daily: f64| metrics::annual(daily, self.per_year);
            format!(
                "{}: {}, mean of {} seeds, days and seeds resampled: volatility {} against the reference (95 %: {} to {}; p {}), \
                 Sharpe ratio {:+.2} ({:+.2} to {:+.2}; p {})",
                s.group,
                s.network,
                s.n_seeds,
                ratio(v.estimate),
                ratio(v.interval.0),
                ratio(v.interval.1),
                p_value(v.p_value),
                annual(sharpe.estimate),
                annual(sharpe.interval.0),
                annual(sharpe.interval.1),
                p_value(sharpe.p_value)
            )
        };
        self.seeds.iter().map(line).collect()
    }
}

/// Explanation of the columns.
pub const EXPLAINED: &str = "Against the reference: volatility relative to that of the best analytic competitor, by the test of \
    Ledoit and Wolf (2011) on log variances; difference: annual Sharpe ratio, Ledoit and Wolf (2008); p from 4,999 studentised circular \
    block resamples. Stars: * p < 0.05, ** p < 0.01, *** p < 0.001, not adjusted for the number of portfolios; the confidence set (Hansen, \
    Lunde, Nason 2011; squared returns, T_R, 100,000 stationary resamples) is: portfolios with p > 0.05 cannot be distinguished \
    from the best. Deflated Sharpe (Bailey, López de Prado 2014): probability that the Sharpe ratio is above what the best of that many \
    worthless portfolios would show. Last columns: the network with the lowest volatility against each portfolio, by the same tests.";

/// `significance.md`.
pub fn evidence_markdown(results: &Results, evidence: &Evidence) -> String {
    let tables: Vec<String> = evidence.sheets().iter().map(Sheet::markdown).collect();
    let mut page = format!("{}\n\n{EXPLAINED}\n\n{}\n", results.about, tables.join("\n\n"));
    for line in evidence.seed_lines().iter().chain(&evidence.notes) {
        page += &format!("\n- {line}\n");
    }
    page
}

/// Writes `significance.csv` and `significance.md`.
pub fn write_evidence(results: &Results, evidence: &Evidence) -> Result<()> {
    evidence_table(evidence).write_csv(&results.home.join("significance.csv"))?;
    write_text(&results.home.join("significance.md"), &evidence_markdown(results, evidence))
}
