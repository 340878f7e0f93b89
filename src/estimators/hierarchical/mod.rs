//! Hierarchical clustering of correlations.

pub(super) mod hierarchy;
