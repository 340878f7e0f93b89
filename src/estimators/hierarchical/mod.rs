//! Hierarchical clustering of correlations.

pub mod hierarchy;
