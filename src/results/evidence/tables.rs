//! Tables of the tests of a run.

use crate::data::Table;
use crate::metrics;
use crate::render::Sheet;
use crate::results::evidence::{Against, Evidence, Finding, GroupFinding, Named, SeedFinding, Tested};
use crate::significance::{Difference, SeededDifference};

/// Stars for a p-value: `*` below 5 %, `**` below 1 %, `***` below 0.1 %.
pub fn stars(p_value: f64) -> &'static str {
    match p_value {
        p if p < 0.001 => "***",
        p if p < 0.01 => "**",
        p if p < 0.05 => "*",
        _ => "",
    }
}

impl Named {
    fn word(self) -> &'static str {
        match self {
            Named::Before => "before the run",
            Named::After => "after the run",
            Named::No => "no",
        }
    }
}

/// A row of `significance.csv`: a portfolio, or the mean over the seeds of a network.
pub(super) struct Row<'a> {
    pub finding: Option<&'a Finding>,
    pub seeds: Option<&'a SeedFinding>,
    group: &'a GroupFinding,
}

impl Row<'_> {
    pub fn portfolio(&self) -> String {
        match (self.finding, self.seeds) {
            (Some(finding), _) => finding.portfolio.clone(),
            (None, Some(seeds)) => seeds.label(),
            (None, None) => unreachable!("a row is a portfolio or several seeds"),
        }
    }

    fn number(&self, of: impl Fn(&Finding) -> f64) -> f64 {
        self.finding.map_or(f64::NAN, of)
    }

    fn tested(&self, of: impl Fn(&Against) -> Option<Tested>) -> Option<Tested> {
        self.finding.and_then(|finding| finding.against_reference.as_ref()).and_then(of)
    }
}

/// Estimate, interval and p-value of a difference.
pub(super) type Shown = (f64, (f64, f64), f64);

fn of_pair(d: Difference) -> Shown {
    (d.estimate, d.interval, d.p_value)
}

pub(super) fn of_seeds(d: SeededDifference) -> Shown {
    (d.estimate, d.interval, d.p_value)
}

impl Row<'_> {
    /// The difference of log variances of daily returns, or of returns over holding periods.
    pub fn variance(&self, holding: bool) -> Option<Shown> {
        match (self.finding, self.seeds, holding) {
            (Some(_), _, false) => self.tested(|t| Some(t.variance)).map(|t| of_pair(t.bootstrap)),
            (Some(_), _, true) => self.tested(|t| t.holding_variance).map(|t| of_pair(t.bootstrap)),
            (None, Some(seeds), false) => Some(of_seeds(seeds.variance)),
            (None, Some(seeds), true) => seeds.holding_variance.map(of_seeds),
            (None, None, _) => None,
        }
    }

    fn sharpe(&self) -> Option<Shown> {
        match self.seeds {
            Some(seeds) => Some(of_seeds(seeds.sharpe)),
            None => self.tested(|t| Some(t.sharpe)).map(|t| of_pair(t.bootstrap)),
        }
    }
}

impl SeedFinding {
    pub(super) fn label(&self) -> String {
        format!("{}, mean of {} seeds", self.network, self.n_seeds)
    }
}

/// A log variance ratio as a difference of volatilities, as a fraction.
pub(super) fn of_volatility(log_variance: f64) -> f64 {
    (log_variance / 2.0).exp() - 1.0
}

impl Evidence {
    /// The portfolios of a group with the lowest volatility first, means over seeds before them.
    pub(super) fn rows<'a>(&'a self, group: &'a GroupFinding) -> Vec<Row<'a>> {
        let seeds = self.seeds.iter().filter(|seeds| seeds.group == group.group);
        let mut rows: Vec<&Finding> = self.findings.iter().filter(|row| row.group == group.group).collect();
        rows.sort_by(|a, b| a.volatility.total_cmp(&b.volatility));
        let of_seeds = seeds.map(|seeds| Row { finding: None, seeds: Some(seeds), group });
        of_seeds.chain(rows.into_iter().map(|finding| Row { finding: Some(finding), seeds: None, group })).collect()
    }
}

/// The content of `significance.csv`.
pub fn evidence_table(evidence: &Evidence) -> Table {
    let rows: Vec<Row<'_>> = evidence.groups.iter().flat_map(|group| evidence.rows(group)).collect();
    let rows = || rows.iter();
    let shown = |of: fn(&Row<'_>) -> Option<Shown>, part: fn(Shown) -> f64| -> Vec<f64> {
        rows().map(|row| of(row).map_or(f64::NAN, part)).collect()
    };
    let tested = |of: fn(&Against) -> Option<Tested>, part: fn(Tested) -> f64| -> Vec<f64> {
        rows().map(|row| row.tested(of).map_or(f64::NAN, part)).collect()
    };
    let network = |part: fn(&Against) -> f64| -> Vec<f64> {
        rows().map(|row| row.number(|finding| finding.network_against.as_ref().map_or(f64::NAN, part))).collect()
    };
    let number = |of: fn(&Finding) -> f64| rows().map(move |row| row.number(of)).collect::<Vec<f64>>();
    let kind = |row: &Row<'_>| match row.finding {
        None => "seeds",
        Some(finding) if finding.is_network => "network",
        Some(_) => "",
    };
    let copy = |row: &Row<'_>| row.finding.and_then(|finding| finding.copy_of.clone()).unwrap_or_default();
    let daily: fn(&Row<'_>) -> Option<Shown> = |row| row.variance(false);
    let held: fn(&Row<'_>) -> Option<Shown> = |row| row.variance(true);
    let sharpe: fn(&Row<'_>) -> Option<Shown> = |row| row.sharpe();
    let mut table = Table::default()
        .with_texts("group", rows().map(|row| &row.group.group))
        .with_texts("portfolio", rows().map(Row::portfolio))
        .with_texts("kind", rows().map(kind))
        .with_texts("copy_of", rows().map(copy))
        .with_texts("reference", rows().map(|row| &row.group.reference))
        .with_texts("reference_named", rows().map(|row| row.group.named.word()))
        .with_counts("holding_days", rows().map(|row| row.group.holding))
        .with_numbers("volatility_annual", number(|f| f.volatility))
        .with_numbers("holding_volatility_annual", number(|f| f.holding_volatility))
        .with_numbers("sharpe", number(|f| f.sharpe))
        .with_numbers("sharpe_excess", number(|f| f.sharpe_excess))
        .with_numbers("sharpe_autocorrelated", number(|f| f.sharpe_autocorrelated))
        .with_numbers("max_drawdown", number(|f| f.max_drawdown))
        .with_numbers("log_variance_difference", shown(daily, |d| d.0))
        .with_numbers("log_variance_low", shown(daily, |d| d.1.0))
        .with_numbers("log_variance_high", shown(daily, |d| d.1.1))
        .with_numbers("variance_p_bootstrap", shown(daily, |d| d.2))
        .with_numbers("variance_p_hac", tested(|t| Some(t.variance), |t| t.hac_p))
        .with_numbers("variance_block_length", tested(|t| Some(t.variance), |t| t.bootstrap.block_length as f64))
        .with_numbers("holding_log_variance_difference", shown(held, |d| d.0))
        .with_numbers("holding_log_variance_low", shown(held, |d| d.1.0))
        .with_numbers("holding_log_variance_high", shown(held, |d| d.1.1))
        .with_numbers("holding_variance_p_bootstrap", shown(held, |d| d.2))
        .with_numbers("daily_sharpe_difference", shown(sharpe, |d| d.0))
        .with_numbers("daily_sharpe_low", shown(sharpe, |d| d.1.0))
        .with_numbers("daily_sharpe_high", shown(sharpe, |d| d.1.1))
        .with_numbers("sharpe_p_bootstrap", shown(sharpe, |d| d.2))
        .with_numbers("sharpe_p_hac", tested(|t| Some(t.sharpe), |t| t.hac_p))
        .with_numbers("network_log_variance_difference", network(|t| t.variance.bootstrap.estimate))
        .with_numbers("network_variance_p_bootstrap", network(|t| t.variance.bootstrap.p_value))
        .with_numbers("network_daily_sharpe_difference", network(|t| t.sharpe.bootstrap.estimate))
        .with_numbers("network_sharpe_p_bootstrap", network(|t| t.sharpe.bootstrap.p_value))
        .with_numbers("confidence_set_block_length", rows().map(|row| row.group.block_length))
        .with_numbers("confidence_set_p_range", number(|f| f.confidence_set.0))
        .with_numbers("confidence_set_p_max", number(|f| f.confidence_set.1))
        .with_numbers("probabilistic_sharpe", number(|f| f.probabilistic_sharpe))
        .with_numbers("deflated_sharpe", number(|f| f.deflated_sharpe))
        .with_numbers("training_log_variance_sd", rows().map(|row| row.seeds.map_or(f64::NAN, |seeds| seeds.training)))
        .with_numbers("sampling_log_variance_se", rows().map(|row| row.seeds.map_or(f64::NAN, |seeds| seeds.sampling)));
    if evidence.findings.iter().any(|finding| finding.tracking.is_some()) {
        let tracked = |part: fn((f64, f64, f64)) -> f64| -> Vec<f64> {
            rows().map(|row| row.number(|finding| finding.tracking.map_or(f64::NAN, part))).collect()
        };
        table = table
            .with_numbers("tracking_error", tracked(|t| t.0))
            .with_numbers("beta", tracked(|t| t.1))
            .with_numbers("information_ratio", tracked(|t| t.2));
    }
    table
}

/// The content of `periods.csv`.
pub fn periods_table(evidence: &Evidence) -> Table {
    let rows = || evidence.periods.iter();
    Table::default()
        .with_texts("group", rows().map(|row| &row.group))
        .with_texts("portfolio", rows().map(|row| &row.portfolio))
        .with_texts("period", rows().map(|row| &row.period))
        .with_counts("n_days", rows().map(|row| row.n_days))
        .with_numbers("volatility_annual", rows().map(|row| row.volatility))
        .with_numbers("against_reference", rows().map(|row| row.against_reference))
}

/// A p-value as text, never zero.
pub(in crate::results) fn p_value(p: f64) -> String {
    if p.is_nan() {
        String::new()
    } else if p < 0.0005 {
        "< 0.001".to_string()
    } else {
        format!("{p:.3}")
    }
}

/// `-2.6 %*`
pub(super) fn ratio((estimate, _, p): Shown) -> String {
    format!("{:+.2} %{}", 100.0 * of_volatility(estimate), stars(p))
}

/// `-5.4 to +3.1`
pub(super) fn interval((_, (low, high), _): Shown) -> String {
    format!("{:+.1} to {:+.1}", 100.0 * of_volatility(low), 100.0 * of_volatility(high))
}

impl Evidence {
    /// One table per group.
    pub fn sheets(&self) -> Vec<Sheet> {
        self.groups.iter().map(|group| self.sheet(group)).collect()
    }

    fn sheet(&self, group: &GroupFinding) -> Sheet {
        let h = group.holding;
        let has_periods = self.rows(group).iter().any(|row| row.variance(true).is_some());
        let is_tracked = self.findings.iter().any(|finding| finding.tracking.is_some());
        let mut header: Vec<String> =
            ["portfolio", "volatility", "against the reference", "95 %", "p"].map(str::to_string).to_vec();
        if has_periods {
            let held =
                [format!("{h}-day volatility"), "over daily".to_string(), format!("{h}-day, against the reference")];
            header.extend(held.into_iter().chain(["95 %".to_string()]));
        }
        header.extend(
            [
                "Sharpe",
                "excess Sharpe",
                "difference",
                "p",
                "max drawdown",
                "set p, T_R",
                "set p, T_max",
                "deflated Sharpe",
                "network's volatility against it",
                "Sharpe",
            ]
            .map(str::to_string),
        );
        if is_tracked {
            header.extend(["tracking error", "beta", "information ratio"].map(str::to_string));
        }
        let caption = format!(
            "{}: {} days, blocks of {:.0}, reference {}{}; any better one: p {} ({}){}",
            group.group,
            group.n_days,
            group.block_length,
            group.reference,
            match group.named {
                Named::Before => "",
                Named::After => ", named after the run",
                Named::No => ", not named beforehand",
            },
            p_value(group.against_reference.superior.consistent),
            group.against_reference.best,
            group.against_network.as_ref().map_or(String::new(), |(network, rivals)| {
                let (p, best) = (p_value(rivals.superior.consistent), &rivals.best);
                format!("; any analytic one better than {network}: p {p} ({best})")
            }),
        );
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut sheet = Sheet::new(caption, &header, 1);
        for row in self.rows(group) {
            let number =
                |of: fn(&Finding) -> f64, write: fn(f64) -> String| row.finding.map_or(String::new(), |f| write(of(f)));
            let percent = |x: f64| format!("{:.2} %", 100.0 * x);
            let two = |x: f64| format!("{x:.2}");
            let gap = |d: Shown| format!("{:+.2}{}", metrics::annual(d.0, self.per_year), stars(d.2));
            let text = |shown: Option<Shown>, write: fn(Shown) -> String| shown.map_or(String::new(), write);
            let (daily, held, sharpe) = (row.variance(false), row.variance(true), row.sharpe());
            let network = row.finding.and_then(|finding| finding.network_against.as_ref());
            let of_network = |of: fn(&Against) -> Tested| network.map(|against| of_pair(of(against).bootstrap));
            let mut cells = vec![
                row.name(),
                number(|f| f.volatility, percent),
                daily.map_or("reference".to_string(), ratio),
                text(daily, interval),
                text(daily, |d| p_value(d.2)),
            ];
            if has_periods {
                cells.push(number(|f| f.holding_volatility, percent));
                cells.push(number(|f| f.holding_volatility / f.volatility, two));
                cells.push(text(held, ratio));
                cells.push(text(held, interval));
            }
            cells.extend([
                number(|f| f.sharpe, two),
                number(|f| f.sharpe_excess, two),
                sharpe.map_or(String::new(), gap),
                text(sharpe, |d| p_value(d.2)),
                number(|f| f.max_drawdown, |x| format!("{:.1} %", 100.0 * x)),
                number(|f| f.confidence_set.0, p_value),
                number(|f| f.confidence_set.1, p_value),
                number(|f| f.deflated_sharpe, two),
                text(of_network(|t| t.variance), ratio),
                of_network(|t| t.sharpe).map_or(String::new(), gap),
            ]);
            if is_tracked {
                let tracked = |part: fn((f64, f64, f64)) -> f64, write: fn(f64) -> String| {
                    row.finding.and_then(|f| f.tracking).map_or(String::new(), |t| write(part(t)))
                };
                cells.extend([tracked(|t| t.0, percent), tracked(|t| t.1, two), tracked(|t| t.2, two)]);
            }
            sheet.rows.push(cells);
        }
        sheet
    }
}

impl Row<'_> {
    /// The name in a formatted table, with that of the portfolio that it copies.
    fn name(&self) -> String {
        match self.finding.and_then(|finding| finding.copy_of.as_ref()) {
            Some(original) => format!("{} (as {original})", self.portfolio()),
            None => self.portfolio(),
        }
    }
}
