//! The tests of a run in sentences, and what a page says about them.

use crate::data::write_text;
use crate::error::Result;
use crate::grouping::grouped;
use crate::metrics;
use crate::render::Sheet;
use crate::results::Results;
use crate::results::evidence::tables::{
    Row, evidence_table, interval, of_seeds, of_volatility, p_value, periods_table, ratio,
};
use crate::results::evidence::{BEFORE_COSTS, Evidence, GroupFinding, Named, PeriodFinding, SeedFinding};

impl Evidence {
    /// One table per group: volatility against that of the reference in every period.
    pub fn period_sheets(&self) -> Vec<Sheet> {
        let groups = grouped(self.periods.iter().map(|row| (row.group.as_str(), row)));
        let sheet = |(group, rows): (&str, Vec<&PeriodFinding>)| {
            let periods = grouped(rows.iter().map(|row| (row.period.as_str(), *row)));
            let mut header = vec!["portfolio"];
            header.extend(periods.iter().map(|(period, _)| *period));
            let caption = format!("{group}: volatility against that of the reference, %, in every year and period");
            let mut sheet = Sheet::new(caption, &header, 1);
            for (portfolio, rows) in grouped(rows.iter().map(|row| (row.portfolio.as_str(), *row))) {
                let cells = rows.iter().map(|row| format!("{:+.1}", 100.0 * row.against_reference));
                sheet.rows.push(std::iter::once(portfolio.to_string()).chain(cells).collect());
            }
            sheet
        };
        // A run of a single period has nothing to compare.
        let several = |sheet: &Sheet| sheet.header.len() > 2;
        groups.into_iter().map(sheet).filter(several).collect()
    }

    /// One sentence for each group before costs (or for each, if there are accounts only): what the network, or the best of the
    /// others, does against the reference.
    pub fn headlines(&self) -> Vec<String> {
        let is_gross = |group: &&GroupFinding| group.group.contains(BEFORE_COSTS);
        let gross: Vec<&GroupFinding> = self.groups.iter().filter(is_gross).collect();
        let shown = if gross.is_empty() { self.groups.iter().collect() } else { gross };
        shown.into_iter().filter_map(|group| self.headline(group)).collect()
    }

    fn headline(&self, group: &GroupFinding) -> Option<String> {
        let rows = self.rows(group);
        let is_network = |row: &&Row<'_>| row.finding.is_some_and(|finding| finding.is_network);
        let subject = rows.iter().find(|row| row.seeds.is_some()).or_else(|| rows.iter().find(is_network));
        let subject = match subject {
            Some(row) => row,
            None => rows.iter().find(|row| row.variance(false).is_some())?,
        };
        let (estimate, (low, high), _) = subject.variance(false)?;
        let change = 100.0 * of_volatility(estimate);
        let direction = if change < 0.0 { "less" } else { "more" };
        let chance = match low <= 0.0 && high >= 0.0 {
            true => "chance can explain that",
            false => "chance does not explain that",
        };
        let years = (group.days.0.year(), group.days.1.year());
        let years = if years.0 == years.1 { years.0.to_string() } else { format!("{} to {}", years.0, years.1) };
        let sets = match subject.seeds {
            Some(_) => String::new(),
            None => match subject.finding.map(|finding| finding.confidence_set) {
                Some((range, max)) if range > 0.05 && max > 0.05 => "; both confidence sets keep it".to_string(),
                Some((range, max)) if range <= 0.05 && max <= 0.05 => "; both confidence sets drop it".to_string(),
                Some((range, _)) if range > 0.05 => {
                    "; the confidence set by T_R keeps it, that by T_max does not".to_string()
                }
                _ => "; the confidence set by T_max keeps it, that by T_R does not".to_string(),
            },
        };
        let held = subject.variance(true).map_or(String::new(), |held| {
            format!("; by {}-day returns {} ({} %)", group.holding, ratio(held).trim_end_matches('*'), interval(held))
        });
        let named = match group.named {
            Named::Before => "",
            Named::After => ", named after the run",
            Named::No => ", the best of the analytic ones on these days",
        };
        Some(format!(
            "{}, {years}: the portfolio of {} was {:.1} % {direction} volatile than that of {}{named}; {chance} (95 % interval {} %){held}{sets}.",
            group.group,
            subject.portfolio(),
            change.abs(),
            group.reference,
            interval((estimate, (low, high), 0.0)),
        ))
    }

    /// One sentence per network with several seeds.
    pub fn seed_lines(&self) -> Vec<String> {
        let line = |s: &SeedFinding| {
            let annual = |daily: f64| metrics::annual(daily, self.per_year);
            let (v, sharpe) = (of_seeds(s.variance), &s.sharpe);
            format!(
                "{}: {}, days and seeds resampled: volatility {} % against the reference (95 %: {} %; p {}), Sharpe ratio {:+.2} ({:+.2} to \
                 {:+.2}; p {}). Another training moves this by {:.1} % (standard deviation over seeds), other days by {:.1} % (standard \
                 error).",
                s.group,
                s.label(),
                ratio(v).trim_end_matches('*').trim_end_matches(" %"),
                interval(v),
                p_value(v.2),
                annual(sharpe.estimate),
                annual(sharpe.interval.0),
                annual(sharpe.interval.1),
                p_value(sharpe.p_value),
                50.0 * s.training,
                50.0 * s.sampling,
            )
        };
        self.seeds.iter().map(line).collect()
    }
}

/// Explanation of the columns.
pub const EXPLAINED: &str = "Against the reference: volatility relative to that of the reference, by the test of Ledoit and Wolf (2011) on log \
    variances of daily returns, and of returns compounded over holding periods; unconstrained portfolios of some estimators have \
    autocorrelated returns, so the two can differ. Difference: annual Sharpe ratio, Ledoit and Wolf (2008), zero risk-free rate; excess Sharpe: of \
    returns over the federal funds rate. Intervals and p from 4,999 studentised circular block resamples; stars: * p < 0.05, ** p < 0.01, *** \
    p < 0.001, not adjusted for the number of portfolios. A mean over seeds: days and seeds resampled together. Sets (Hansen, Lunde, Nason \
    2011; squared daily returns, 100,000 stationary resamples), by the range and by the maximum statistic: portfolios with p > 0.05 cannot be \
    distinguished from the best; near copies (a difference below 0.1 % a year) count once, and have the p of the first. \
    At no more than a turnover: each portfolio goes only that share of the way to its targets, the same on all dates and \
    chosen with hindsight, at which it trades no more than the reference. Any better one: superior ability, Hansen (2005), consistent p. Deflated Sharpe (Bailey, López de Prado 2014): probability that the Sharpe ratio is \
    above what the best of that many worthless portfolios would show. Network's volatility against it: the first network of the list minus \
    each portfolio, by the same tests.";

/// `significance.md`.
pub fn evidence_markdown(results: &Results, evidence: &Evidence) -> String {
    let lines = |lines: Vec<String>| lines.iter().map(|line| format!("- {line}\n")).collect::<String>();
    let tables = |sheets: Vec<Sheet>| sheets.iter().map(Sheet::markdown).collect::<Vec<_>>().join("\n\n");
    let mut page = format!("{}\n\n{}\n{EXPLAINED}\n\n", results.about, lines(evidence.headlines()));
    page += &format!("{}\n", tables(evidence.sheets()));
    for line in evidence.seed_lines().iter().chain(&evidence.notes) {
        page += &format!("\n- {line}\n");
    }
    let periods = evidence.period_sheets();
    if !periods.is_empty() {
        page += &format!("\n{}\n", tables(periods));
    }
    page
}

/// Writes `significance.csv`, `significance.md` and `periods.csv`.
pub fn write_evidence(results: &Results, evidence: &Evidence) -> Result<()> {
    evidence_table(evidence).write_csv(&results.home.join("significance.csv"))?;
    periods_table(evidence).write_csv(&results.home.join("periods.csv"))?;
    write_text(&results.home.join("significance.md"), &evidence_markdown(results, evidence))
}
