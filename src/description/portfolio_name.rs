//! Names of portfolios in files, tables and figures.

use serde::{Deserialize, Serialize};

/// The estimator's cell in a file, for an allocator that needs no estimator.
const NO_ESTIMATOR: &str = "none";

/// The name of a portfolio: the labels of its estimator and allocator.
///
/// ```
/// use minvar::description::PortfolioName;
///
/// let (cleaned, equal) = (PortfolioName::new("qis", "gmv"), PortfolioName::new("none", "equal"));
/// assert_eq!((cleaned.short(), equal.short()), ("qis", "equal"));
/// assert_eq!((cleaned.title(), equal.title()), ("gmv of qis".to_string(), "equal".to_string()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct PortfolioName {
    /// Label of the estimator; `None` for an allocator that needs no estimator.
    pub estimator: Option<String>,
    /// Label of the allocator.
    pub allocator: String,
}

/// The name as two columns of a file.
#[derive(Clone, Serialize, Deserialize)]
struct Written {
    estimator: String,
    allocator: String,
}

impl From<Written> for PortfolioName {
    fn from(written: Written) -> Self {
        Self::new(&written.estimator, &written.allocator)
    }
}

impl From<PortfolioName> for Written {
    fn from(name: PortfolioName) -> Self {
        Self { estimator: name.estimator_cell().to_string(), allocator: name.allocator }
    }
}

impl PortfolioName {
    /// The name from the cells of a file, in which `none` or an empty cell means no estimator.
    pub fn new(estimator: &str, allocator: &str) -> Self {
        let estimator = Some(estimator).filter(|label| !label.is_empty() && *label != NO_ESTIMATOR);
        Self { estimator: estimator.map(str::to_string), allocator: allocator.to_string() }
    }

    /// The estimator's cell in a file.
    pub fn estimator_cell(&self) -> &str {
        self.estimator.as_deref().unwrap_or(NO_ESTIMATOR)
    }

    /// The name among portfolios of one allocator: the estimator, or the allocator if there is no estimator.
    pub fn short(&self) -> &str {
        self.estimator.as_deref().unwrap_or(&self.allocator)
    }

    /// The name among portfolios of any allocator, in few words: `qis gmv`.
    pub fn words(&self) -> String {
        self.estimator.as_ref().map_or_else(|| self.allocator.clone(), |label| format!("{label} {}", self.allocator))
    }

    /// The shortest unique name: with the allocator if several allocators appear together.
    pub fn among(&self, several_allocators: bool) -> String {
        if several_allocators { self.words() } else { self.short().to_string() }
    }

    /// The name in a sentence: `gmv of qis`.
    pub fn title(&self) -> String {
        self.estimator.as_ref().map_or_else(|| self.allocator.clone(), |label| format!("{} of {label}", self.allocator))
    }

    /// The name on a command line: `qis/gmv`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.estimator_cell(), self.allocator)
    }

    /// Whether the portfolios have several allocators; those without an estimator do not count.
    pub fn several_allocators<'a>(names: impl Iterator<Item = &'a PortfolioName>) -> bool {
        let mut allocators = names.filter(|name| name.estimator.is_some()).map(|name| &name.allocator);
        let first = allocators.next();
        allocators.any(|allocator| Some(allocator) != first)
    }
}
