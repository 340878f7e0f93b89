//! Other names that people use for estimators and allocators, for suggestions.

/// A registered name and other words for it.
type Synonyms = (&'static str, &'static [&'static str]);

/// Synonyms of estimators. Case and separators do not matter: `ledoit_wolf` also matches `LedoitWolf` and
/// `ledoit-wolf`.
#[rustfmt::skip]
const ESTIMATORS: &[Synonyms] = &[
    ("sample", &["sample_cov", "sample_covariance", "empirical", "empirical_covariance", "covariance", "cov", "mle", "historical", "raw", "none"]),
    ("ewma", &["exponential", "exponentially_weighted", "exponential_weights", "exponential_weighting", "exp", "ew", "ewm", "exp_cov", "riskmetrics", "riskmetrics_1994"]),
    ("rm2006", &["riskmetrics_2006", "zumbach"]),
    ("lw_identity", &["ledoit_wolf", "ledoit", "lw", "lw2004", "ledoit_wolf_2004", "ledoit_wolf_identity", "shrinkage", "linear", "linear_shrinkage", "shrunk", "shrunk_covariance", "identity"]),
    ("lw_const_corr", &["constant_correlation", "const_corr", "constant_corr", "ledoit_wolf_constant_correlation", "lw_constant_correlation", "lw_cc"]),
    ("lw_diagonal", &["ledoit_wolf_diagonal", "diagonal", "single_variance"]),
    ("lw_market", &["ledoit_wolf_market", "ledoit_wolf_single_factor", "lw_single_factor", "single_factor", "single_index", "lw2003", "ledoit_wolf_2003"]),
    ("lw_two_param", &["two_parameter", "two_parameters", "lw_two_parameter", "cov2para"]),
    ("oas", &["oracle_approximating", "oracle_approximating_shrinkage"]),
    ("rblw", &["rao_blackwell", "rao_blackwell_ledoit_wolf"]),
    ("nls_analytical", &["nls", "nonlinear", "nonlinear_shrinkage", "analytical", "analytical_shrinkage", "analytical_nonlinear_shrinkage", "analytic", "nonlinshrink", "lw2020", "ledoit_wolf_2020", "ledoit_wolf_nonlinear"]),
    ("qis", &["quadratic_inverse", "quadratic_inverse_shrinkage", "quest", "lw2022", "ledoit_wolf_2022"]),
    ("lis", &["linear_inverse", "linear_inverse_shrinkage"]),
    ("gis", &["geometric_inverse", "geometric_inverse_shrinkage"]),
    ("stein_haff", &["stein", "haff"]),
    ("rie", &["rotation_invariant", "rotationally_invariant", "rotationally_invariant_estimator", "bun_bouchaud_potters", "bouchaud_potters", "rmt", "random_matrix"]),
    ("clip", &["clipping", "clipped", "eigenvalue_clipping", "laloux", "marchenko_pastur", "marcenko_pastur", "mp"]),
    ("mp_denoise", &["denoise", "denoised", "denoising", "lopez_de_prado"]),
    ("target_shrink", &["target_shrinkage", "targeted_shrinkage"]),
    ("detone", &["detoned", "detoning"]),
    ("spiked", &["donoho", "spike", "spiked_model", "optimal_shrinkage"]),
    ("hard_threshold", &["threshold", "thresholding", "hard_thresholding", "gavish_donoho"]),
    ("power_map", &["power", "power_mapping"]),
    ("average_oracle", &["ao", "oracle", "time_average_oracle"]),
    ("cv_oracle", &["cv", "cross_validation", "cross_validated", "cvc"]),
    ("nercome", &["lam"]),
    ("hc_average", &["hierarchical", "hierarchical_clustering", "hca", "alca", "upgma", "average_linkage"]),
    ("hc_single", &["slca", "single_linkage", "minimum_spanning_tree"]),
    ("hc_complete", &["clca", "complete_linkage"]),
    ("bahc", &["bootstrap_average_hierarchical_clustering", "bootstrapped_hierarchical_clustering"]),
    ("pca_k", &["pca", "principal_components", "factor", "factors", "factor_model", "statistical_factors"]),
    ("efm", &["market_model", "capm", "one_factor", "sharpe"]),
    ("gerber", &["gerber_statistic", "gerber_covariance"]),
    ("glasso", &["graphical_lasso", "graph_lasso", "lasso"]),
    ("dcc_qis", &["dcc", "dcc_nl", "dcc_nls", "dcc_garch", "garch"]),
    ("model=FILE", &["network", "net", "nn", "neural", "neural_net", "neural_network", "rienet", "rnn", "lstm", "gru", "deep", "deep_learning", "trained", "learned", "ml"]),
];

/// Synonyms of allocators, matched in the same way.
#[rustfmt::skip]
const ALLOCATORS: &[Synonyms] = &[
    ("equal", &["equal_weight", "equal_weights", "equally_weighted", "equal_weighted", "ew", "1/n", "one_over_n", "naive", "uniform"]),
    ("cap_weighted", &["cap", "cap_weight", "capitalisation", "capitalization", "market", "market_cap", "market_portfolio", "market_value", "value_weighted", "vw"]),
    ("inverse_volatility", &["inverse_vol", "inv_vol", "naive_risk_parity", "volatility_parity"]),
    ("inverse_variance", &["inverse_var", "inv_var", "ivp"]),
    ("gmv", &["min_variance", "minimum_variance", "min_var", "mvp", "mv", "gmvp", "global_minimum_variance", "min_vol", "min_volatility", "minimum_volatility", "markowitz", "mean_variance"]),
    ("gmv_long_only", &["long_only", "min_variance_long_only", "minimum_variance_long_only", "long_only_min_variance", "gmv_lo", "gmv_long", "no_short"]),
    ("gmv_box", &["box", "bounds", "bounded", "capped", "min_variance_box"]),
    ("gmv_gross", &["gross", "gross_exposure", "130/30"]),
    ("gmv_turnover", &["turnover", "turnover_constrained"]),
    ("gmv_sector", &["sector", "sectors", "sector_cap"]),
    ("erc", &["risk_parity", "rp", "equal_risk", "equal_risk_contribution", "equal_risk_contributions"]),
    ("risk_budget", &["risk_budgeting", "budget", "rb"]),
    ("max_diversification", &["mdp", "max_div", "most_diversified", "most_diversified_portfolio", "maximum_diversification"]),
    ("max_decorrelation", &["maximum_decorrelation", "decorrelation"]),
    ("hrp", &["hierarchical_risk_parity", "hierarchical"]),
    ("herc", &["hierarchical_equal_risk_contribution", "hierarchical_equal_risk"]),
];

/// All names that may be suggested for a kind.
pub fn suggested(kind: &str) -> impl Iterator<Item = &'static str> {
    table(kind).iter().map(|(name, _)| *name)
}

fn table(kind: &str) -> &'static [Synonyms] {
    match kind {
        "estimator" => ESTIMATORS,
        "allocator" => ALLOCATORS,
        _ => &[],
    }
}

/// The registered name of a kind that a word means.
pub(super) fn meant(kind: &str, word: &str) -> Option<&'static str> {
    let (word, is_same) = (bare(word), |word: &str, other: &str| bare(other) == word);
    table(kind)
        .iter()
        .find(|(name, others)| is_same(&word, name) || others.iter().any(|o| is_same(&word, o)))
        .map(|e| e.0)
}

/// A word without case and separators.
fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric() || *c == '/').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_for_two_names() {
        for table in [ESTIMATORS, ALLOCATORS] {
            let mut seen = std::collections::BTreeSet::new();
            let words = table.iter().flat_map(|(name, others)| others.iter().chain([name]));
            words.for_each(|word| assert!(seen.insert(bare(word)), "{word} is given twice"));
        }
    }

    #[test]
    fn a_word_is_known_in_every_spelling() {
        for word in ["ledoit_wolf", "LedoitWolf", "ledoit-wolf", "Ledoit Wolf", "lw"] {
            assert_eq!(meant("estimator", word), Some("lw_identity"), "{word}");
        }
        assert_eq!(meant("allocator", "1/N"), Some("equal"));
        assert_eq!(meant("panel", "lw"), None);
    }
}
