//! What a portfolio is called in files, tables and figures.

use serde::{Deserialize, Serialize};

/// What files write for an allocator that needs no estimator.
const NO_ESTIMATOR: &str = "none";

/// The labels of a portfolio.
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
    /// Label of the estimator; nothing for an allocator that needs none.
    pub estimator: Option<String>,
    /// Label of the allocator.
    pub allocator: String,
}

/// The two columns of a file.
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
    /// From the cells of a file, in which `none` or nothing stands for no estimator.
    pub fn new(estimator: &str, allocator: &str) -> Self {
        let estimator = Some(estimator).filter(|label| !label.is_empty() && *label != NO_ESTIMATOR);
        Self { estimator: estimator.map(str::to_string), allocator: allocator.to_string() }
    }

    /// The cell of the estimator in a file.
    pub fn estimator_cell(&self) -> &str {
        self.estimator.as_deref().unwrap_or(NO_ESTIMATOR)
    }

    /// Among portfolios of one allocator: the estimator, or the allocator where there is none.
    pub fn short(&self) -> &str {
        self.estimator.as_deref().unwrap_or(&self.allocator)
    }

    /// Among portfolios of any allocator, in few words: `qis gmv`.
    pub fn words(&self) -> String {
        self.estimator.as_ref().map_or_else(|| self.allocator.clone(), |label| format!("{label} {}", self.allocator))
    }

    /// The shortest name that is unique where several allocators stand beside each other, or not.
    pub fn among(&self, several_allocators: bool) -> String {
        if several_allocators { self.words() } else { self.short().to_string() }
    }

    /// In a sentence: `gmv of qis`.
    pub fn title(&self) -> String {
        self.estimator.as_ref().map_or_else(|| self.allocator.clone(), |label| format!("{} of {label}", self.allocator))
    }

    /// As a command line names it: `qis/gmv`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.estimator_cell(), self.allocator)
    }

    /// Whether portfolios of several allocators stand beside each other; those without an estimator do not count.
    pub fn several_allocators<'a>(names: impl Iterator<Item = &'a PortfolioName>) -> bool {
        let mut allocators = names.filter(|name| name.estimator.is_some()).map(|name| &name.allocator);
        let first = allocators.next();
        allocators.any(|allocator| Some(allocator) != first)
    }
}
