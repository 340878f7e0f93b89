//! Description of a panel: its coverage, and findings on what looks wrong with it.
//!
//! A [`Finding`] names a place that deserves a look and the number that says why. [`Kind::rule`] gives the rules; the
//! files of this folder implement them. Findings use the whole panel, also its future, so they must not serve as a
//! rule of a universe.

mod copies;
mod coverage;
mod gaps;
mod moves;
mod scale;
mod still;
mod suspects;
mod week;

pub use coverage::YearCoverage;
pub use suspects::{Suspects, write_suspects};

use crate::panel::{AssetId, Field, Panel};

/// Kind of finding, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The same returns under two names.
    Duplicate,
    /// A jump that is taken back.
    Spike,
    /// A jump by a ratio that is usual for splits.
    Split,
    /// A jump after which volatility or volume look like those of another company.
    AnotherCompany,
    /// Days on which the panel should not trade, such as weekends, or on which prices are only carried forward.
    Calendar,
    /// Days missing in many assets at once.
    Gap,
    /// Prices that do not move, or hardly.
    Still,
    /// Near copies.
    Twin,
    /// A jump that the market does not share.
    Jump,
    /// A day on which a source seems to end.
    End,
}

impl Kind {
    /// Every kind, the worst first.
    pub const ALL: [Kind; 10] = [
        Kind::Duplicate,
        Kind::Spike,
        Kind::Split,
        Kind::AnotherCompany,
        Kind::Calendar,
        Kind::Gap,
        Kind::Still,
        Kind::Twin,
        Kind::Jump,
        Kind::End,
    ];

    /// The name used in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Duplicate => "duplicates",
            Kind::Spike => "spikes",
            Kind::Split => "splits",
            Kind::AnotherCompany => "another company?",
            Kind::Calendar => "calendar",
            Kind::Gap => "gaps of a source",
            Kind::Still => "still prices",
            Kind::Twin => "twins",
            Kind::Jump => "jumps",
            Kind::End => "ends of a source",
        }
    }

    /// The rule in words.
    pub fn rule(self) -> &'static str {
        match self {
            Kind::Duplicate => copies::DUPLICATES,
            Kind::Spike => moves::SPIKES,
            Kind::Split => moves::SPLITS,
            Kind::AnotherCompany => moves::OTHER_COMPANIES,
            Kind::Calendar => week::RULE,
            Kind::Gap => gaps::GAPS,
            Kind::Still => still::RULE,
            Kind::Twin => copies::TWINS,
            Kind::Jump => moves::JUMPS,
            Kind::End => gaps::ENDS,
        }
    }
}

/// All rules in words, one paragraph per kind.
pub fn rules() -> String {
    Kind::ALL.iter().map(|kind| format!("{}: {}", kind.name(), kind.rule())).collect::<Vec<_>>().join("\n")
}

/// A place in the panel that deserves a look.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Kind of finding.
    pub kind: Kind,
    /// The assets concerned; empty for a finding on the panel as a whole.
    pub assets: Vec<AssetId>,
    /// The first day.
    pub first: usize,
    /// The last day.
    pub last: usize,
    /// How bad the finding is among its kind; larger is worse.
    pub number: f64,
    /// Description of the finding, with its numbers.
    pub text: String,
}

/// How the listings of the panel end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Assets that end with a delisting return.
    pub announced: Vec<AssetId>,
    /// Number of assets that end without one on a day on which many others do.
    pub source: usize,
    /// Number of assets that are listed to the end of the panel.
    pub panel: usize,
    /// Assets that end alone and for an unknown reason, in the order of their last days.
    pub alone: Vec<AssetId>,
}

/// A summary of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Coverage by year.
    pub years: Vec<YearCoverage>,
    /// Longest runs of missing days inside a life: symbol, date of the start, days.
    pub longest_holes: Vec<(String, String, usize)>,
    /// Findings: the worst kind first, within a kind the largest number.
    pub findings: Vec<Finding>,
    /// How listings end.
    pub ends: Ends,
    /// For each field, the share of the returns that have a value of it.
    pub fields: Vec<(&'static str, f64)>,
    /// Picture of the returns present, oldest day on the left, first-listed asset at the top: `#` all, `+` most, `.`
    /// some, blank none.
    pub picture: Vec<String>,
}

/// Describes a panel.
pub fn describe(panel: &Panel) -> Description {
    let n_returns = panel.n_returns().max(1) as f64;
    let known = |field: Field| {
        let series = (0..panel.n_assets()).filter_map(|asset| panel.field(field, asset));
        series.flatten().filter(|x| !x.is_nan()).count() as f64 / n_returns
    };
    Description {
        years: coverage::years(panel),
        longest_holes: coverage::longest_holes(panel),
        findings: findings(panel),
        ends: gaps::ends(panel).0,
        fields: panel.fields().map(|field| (field.name(), known(field))).collect(),
        picture: coverage::picture(panel),
    }
}

/// Everything that deserves a look: the worst kind first, within a kind the largest number.
pub fn findings(panel: &Panel) -> Vec<Finding> {
    let scales = scale::scales(panel);
    let mut found = moves::moves(panel, &scales);
    found.extend(still::still(panel, &scales));
    found.extend(week::calendar(panel));
    found.extend(gaps::gaps(panel));
    found.extend(gaps::ends(panel).1);
    found.extend(copies::copies(panel));
    found.sort_by(|a, b| {
        let place = |finding: &Finding| (finding.first, finding.assets.first().copied());
        a.kind.cmp(&b.kind).then(b.number.total_cmp(&a.number)).then(place(a).cmp(&place(b)))
    });
    found
}

/// One line for each of the `n` worst kinds of findings: how many there are, and the worst of them.
pub fn worst_findings(panel: &Panel, n: usize) -> Vec<String> {
    worst_of(panel, &findings(panel), n)
}

/// Findings for a table without dates: copies, the only kind that needs no dates.
pub(super) fn undated_findings(panel: &Panel, n: usize) -> Vec<String> {
    let line = |finding: &Finding| format!("{}: {}: {}", finding.kind.name(), finding.names(panel), finding.text);
    copies::copies(panel).iter().map(line).take(n).collect()
}

/// [`worst_findings`] from findings already computed.
pub fn worst_of(panel: &Panel, findings: &[Finding], n: usize) -> Vec<String> {
    let kinds = findings.chunk_by(|a, b| a.kind == b.kind);
    let line = |group: &[Finding]| match group {
        [only] => format!("{}: {}", only.kind.name(), only.sentence(panel)),
        [worst, ..] => format!("{}: {}, such as {}", worst.kind.name(), group.len(), worst.sentence(panel)),
        [] => String::new(),
    };
    kinds.map(line).take(n).collect()
}

impl Finding {
    /// `AAA, 2020-01-02 to 2020-01-31: what was found`.
    pub fn sentence(&self, panel: &Panel) -> String {
        let assets = self.names(panel);
        let dates = panel.calendar().dates();
        let span = match (dates.get(self.first), dates.get(self.last)) {
            (Some(first), Some(last)) if first < last => format!("{first} to {last}"),
            (Some(first), _) => first.to_string(),
            _ => String::new(),
        };
        let place = if assets.is_empty() { span } else { format!("{assets}, {span}") };
        format!("{place}: {}", self.text)
    }

    /// The symbols of the first few assets.
    fn names(&self, panel: &Panel) -> String {
        const MOST: usize = 4;
        let names: Vec<&str> =
            self.assets.iter().take(MOST).map(|&asset| panel.assets()[asset].symbol.as_str()).collect();
        let more = match self.assets.len().saturating_sub(MOST) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", names.join(", "))
    }
}

/// A return in percent, for findings.
fn percent(fraction: f64) -> String {
    let x = 100.0 * fraction;
    if x.abs() < 0.995 { format!("{x:+.2} %") } else { format!("{x:+.1} %") }
}

/// The size of moves in percent, for findings.
fn size(fraction: f64) -> String {
    format!("{:.2} %", 100.0 * fraction)
}
