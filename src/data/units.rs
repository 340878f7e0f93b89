//! Decides what the values of a table are: prices, or returns as fractions, in percent or as logarithms.

use crate::data::evidence::{ENOUGH_ROWS, Evidence, FRACTIONS, NO_LEVELS, ROUGH, SOME_NEGATIVE, Verdict, short};

/// Kind of the values of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum), value(rename_all = "snake_case"))]
pub enum ValueKind {
    /// Recognised from level, dispersion and trend, and reported
    #[default]
    Guess,
    /// Prices
    Prices,
    /// Simple returns as fractions: 0.01 is one percent
    Returns,
    /// Simple returns in percent
    Percent,
    /// Logarithms of gross returns
    LogReturns,
}

impl ValueKind {
    /// The description shown to the user.
    pub fn name(self) -> &'static str {
        match self {
            ValueKind::Guess => "guessed",
            ValueKind::Prices => "prices",
            ValueKind::Returns => "returns as fractions",
            ValueKind::Percent => "returns in percent",
            ValueKind::LogReturns => "logarithmic returns",
        }
    }

    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            ValueKind::Guess => "guess",
            ValueKind::Prices => "prices",
            ValueKind::Returns => "returns",
            ValueKind::Percent => "percent",
            ValueKind::LogReturns => "log_returns",
        }
    }
}

/// Fewest rows with which a single asset is judged against the others.
const ENOUGH_ROWS_OF_ONE: usize = 30;
/// Annual volatility from which returns must be in percent even if the user calls them fractions.
const SURELY_PERCENTS: f64 = 3.0;
/// Annual volatility below which returns must be fractions even if the user calls them percent.
const SURELY_FRACTIONS: f64 = 0.35;

/// The first asset whose values are of another kind than those of the other assets, and the message that says why.
pub(super) fn odd_one(assets: &[Vec<f64>], kind: ValueKind, periods: f64) -> Option<(usize, String)> {
    if assets.len() < 2 {
        return None;
    }
    let all = Evidence::of(assets.iter().map(Vec::as_slice), periods);
    let looks = |values: &Vec<f64>| {
        let one = Evidence::of(std::iter::once(values.as_slice()), periods);
        let fractions = matches!(kind, ValueKind::Returns | ValueKind::LogReturns);
        let rough = one.persistence > NO_LEVELS && one.roughness > ROUGH;
        match kind {
            _ if values.len() < ENOUGH_ROWS_OF_ONE => None,
            ValueKind::Prices if one.is_gross() && one.roughness > ROUGH => Some("gross returns, 1 + r"),
            ValueKind::Prices if rough && one.level < 1.0 && all.level > 2.0 => Some("returns"),
            ValueKind::Prices if one.are_logarithms() && !all.are_logarithms() && all.level > 4.0 * one.level => {
                Some("logarithms of prices")
            }
            ValueKind::Prices => None,
            _ if rough && one.is_gross() && one.negative < SOME_NEGATIVE => Some("gross returns, 1 + r"),
            ValueKind::Percent
                if one.negative >= SOME_NEGATIVE && one.annual > 0.0 && 40.0 * one.annual < all.annual =>
            {
                Some("fractions")
            }
            _ if one.negative < SOME_NEGATIVE && one.persistence < 0.5 && one.level > 20.0 * all.level => {
                Some("prices or rates")
            }
            _ if fractions
                && one.negative >= SOME_NEGATIVE
                && one.annual >= SURELY_PERCENTS
                && all.annual <= FRACTIONS[1] =>
            {
                Some("percent")
            }
            _ => None,
        }
        .map(|looks| (looks, one.level))
    };
    let (asset, (looks, level)) = assets.iter().enumerate().find_map(|(k, values)| Some((k, looks(values)?)))?;
    Some((
        asset,
        format!(
            "its values look like {looks} (median size {}), but those of the others are {} (median size {}); leave it \
             out or convert it",
            short(level),
            kind.name(),
            short(all.level)
        ),
    ))
}

/// Decides what the values are, with a line for the user. `wanted` is the kind that the user states, `hint` the kind
/// that the column's name suggests. Refuses values that contradict it or that are unclear.
pub(super) fn settle(
    evidence: &Evidence,
    wanted: ValueKind,
    hint: Option<ValueKind>,
) -> std::result::Result<(ValueKind, String), String> {
    let seen = evidence.told();
    let verdict = evidence.verdict();
    let (subject, said) = match (wanted, hint) {
        (ValueKind::Guess, Some(hint)) => (hint, "by the name of the column"),
        (ValueKind::Guess, None) => (ValueKind::Guess, "guessed"),
        (wanted, _) => (wanted, "as stated"),
    };
    // The annual volatility that the values would have shows whether the unit can be right.
    let volatility = |kind: ValueKind| {
        let percent = match kind {
            ValueKind::Returns | ValueKind::LogReturns => 100.0 * evidence.annual,
            ValueKind::Percent => evidence.annual,
            ValueKind::Prices | ValueKind::Guess => return String::new(),
        };
        if evidence.is_long() { format!(", volatility {} % a year", short(percent)) } else { String::new() }
    };
    let taken = |kind: ValueKind, how: &str| {
        Ok((kind, format!("values taken as {} ({how}: {seen}{})", kind.name(), volatility(kind))))
    };
    let looks = match verdict {
        Verdict::Prices => "prices",
        Verdict::Returns => "returns as fractions",
        Verdict::Percent => "returns in percent",
        Verdict::Gross => "gross returns (1 + r, or 100 + r in percent)",
        Verdict::Unclear => "neither",
    };
    let refuse =
        |way_out: &str| Err(format!("the values look like {looks} ({seen}), not {}; {way_out}", subject.name()));
    let gross = "subtract 1, or 100, or give prices";
    let asked = || {
        Err(format!(
            "the values may be prices, returns, percent or something else, such as logarithms of prices (give their \
             exponential) or basis points ({seen}); say which with --values prices, returns, percent or log_returns"
        ))
    };
    match (subject, verdict) {
        (ValueKind::Returns | ValueKind::LogReturns | ValueKind::Percent, Verdict::Unclear)
            if evidence.are_levels() =>
        {
            refuse("they move like levels; give returns, or prices (the exponential of their logarithms)")
        }
        (ValueKind::Prices, _) if evidence.are_logarithms() => {
            refuse("they vary as little as logarithms of prices; give their exponential")
        }
        (ValueKind::Guess, Verdict::Prices) => taken(ValueKind::Prices, "guessed, --values overrides it"),
        (ValueKind::Guess, Verdict::Returns) => taken(ValueKind::Returns, "guessed, --values overrides it"),
        (ValueKind::Guess, Verdict::Percent) => taken(ValueKind::Percent, "guessed, --values overrides it"),
        (ValueKind::Guess, Verdict::Gross) => Err(format!("the values look like {looks} ({seen}); {gross}")),
        (ValueKind::Guess, Verdict::Unclear) => asked(),
        // A column name that says returns does not fix the unit.
        (ValueKind::Returns | ValueKind::LogReturns, Verdict::Unclear)
            if wanted == ValueKind::Guess && evidence.is_long() && evidence.annual > FRACTIONS[1] =>
        {
            asked()
        }
        (ValueKind::Returns | ValueKind::LogReturns | ValueKind::Percent, Verdict::Prices) => {
            refuse("say --values prices, or give returns")
        }
        (ValueKind::Returns | ValueKind::LogReturns | ValueKind::Percent, Verdict::Gross) => refuse(gross),
        // A column called return does not say in which unit.
        (ValueKind::Returns, Verdict::Percent) if hint == Some(ValueKind::Returns) && wanted == ValueKind::Guess => {
            taken(ValueKind::Percent, "guessed, --values overrides it")
        }
        (ValueKind::Returns | ValueKind::LogReturns, Verdict::Percent) if evidence.annual >= SURELY_PERCENTS => {
            refuse("say --values percent, or divide by 100")
        }
        (ValueKind::Percent, Verdict::Returns)
            if evidence.n_rows >= ENOUGH_ROWS && evidence.annual < SURELY_FRACTIONS =>
        {
            refuse("say --values returns, or multiply by 100")
        }
        (ValueKind::Prices, Verdict::Gross) if evidence.persistence > NO_LEVELS => refuse("subtract 1, or give prices"),
        (ValueKind::Prices, Verdict::Gross) if wanted == ValueKind::Guess => {
            refuse("subtract 1, or say --values prices")
        }
        (ValueKind::Prices, Verdict::Returns | Verdict::Percent) if evidence.negative >= SOME_NEGATIVE => {
            refuse("say --values returns or percent, or give prices")
        }
        (kind, _) => taken(kind, said),
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    use super::*;
    use ValueKind::{Guess, LogReturns, Percent, Prices, Returns};

    /// Four assets whose returns have a daily standard deviation of `sd`.
    fn returns(sd: f64, n_rows: usize) -> Vec<Vec<f64>> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let mut value = || sd * random.sample::<f64, _>(StandardNormal);
        (0..4).map(|_| (0..n_rows).map(|_| value()).collect()).collect()
    }

    fn prices(returns: &[Vec<f64>], start: f64) -> Vec<Vec<f64>> {
        let walk = |r: &Vec<f64>| {
            r.iter()
                .scan(start, |p, r| {
                    *p *= 1.0 + r;
                    Some(*p)
                })
                .collect()
        };
        returns.iter().map(walk).collect()
    }

    #[track_caller]
    fn settled(assets: &[Vec<f64>], wanted: ValueKind, hint: Option<ValueKind>) -> Result<ValueKind, String> {
        let evidence = Evidence::of(assets.iter().map(Vec::as_slice), 252.0);
        settle(&evidence, wanted, hint).map(|(kind, _)| kind)
    }

    #[test]
    fn every_kind_is_recognised_at_the_usual_levels() {
        for sd in [0.002, 0.01, 0.04] {
            let r = returns(sd, 70);
            assert_eq!(settled(&r, Guess, None), Ok(Returns), "{sd}");
            for start in [0.5, 1.0, 100.0, 4e5] {
                let mut p = prices(&r, start);
                assert_eq!(settled(&p, Guess, None), Ok(Prices), "{sd} {start}");
                assert!(settled(&p, Returns, None).unwrap_err().contains("look like prices"));
                // A single wrong sign does not turn prices into returns.
                p[1][30] *= -1.0;
                assert_eq!(settled(&p, Guess, None), Ok(Prices), "{sd} {start}");
            }
            let gross: Vec<Vec<f64>> = r.iter().map(|r| r.iter().map(|r| 1.0 + r).collect()).collect();
            assert!(settled(&gross, Guess, None).unwrap_err().contains("gross returns"), "{sd}");
            assert!(settled(&gross, Returns, None).unwrap_err().contains("gross returns"), "{sd}");
            assert!(settled(&gross, Prices, None).unwrap_err().contains("subtract 1"), "{sd}");
        }
        // Assets that trade on every day of the week may move more.
        let crypto = returns(0.05, 70);
        let evidence = Evidence::of(crypto.iter().map(Vec::as_slice), 365.0);
        assert_eq!(settle(&evidence, Guess, None).unwrap().0, Returns);
        for sd in [0.2, 1.0, 3.0] {
            assert_eq!(settled(&returns(sd, 70), Guess, None), Ok(Percent), "{sd}");
            assert!(settled(&returns(sd, 70), Returns, None).unwrap_err().contains("--values percent"), "{sd}");
        }
    }

    #[test]
    fn what_is_unclear_is_asked_and_the_answer_taken() {
        let r = returns(0.1, 70);
        assert!(settled(&r, Guess, None).unwrap_err().contains("say which with --values"));
        for kind in [Returns, Percent, LogReturns] {
            assert_eq!(settled(&r, kind, None), Ok(kind));
        }
        assert!(settled(&returns(0.01, 70), Percent, None).unwrap_err().contains("--values returns"));
        assert!(settled(&returns(0.01, 70), Prices, None).unwrap_err().contains("not prices"));
    }

    #[test]
    fn what_is_neither_prices_nor_returns_is_asked() {
        let map = |r: &[Vec<f64>], of: fn(f64) -> f64| r.iter().map(|r| r.iter().map(|r| of(*r)).collect()).collect();
        let r = returns(0.012, 80);
        let unclear: [Vec<Vec<f64>>; 6] = [
            map(&r, |r| 1e3 * r),
            map(&r, |r| 1e4 * r),
            map(&prices(&r, 100.0), f64::ln),
            map(&r, |r| 0.018 + 0.01 * r.abs()),
            map(&returns(0.05, 80), |r| r),
            map(&returns(0.35, 10), |r| r),
        ];
        for (k, values) in unclear.iter().enumerate() {
            assert!(settled(values, Guess, None).unwrap_err().contains("say which with --values"), "{k}");
        }
        let relatives: Vec<Vec<f64>> = map(&r, |r| 100.0 * (1.0 + r));
        assert!(settled(&relatives, Guess, None).unwrap_err().contains("gross returns"));
        assert!(settled(&relatives, Prices, None).unwrap_err().contains("gross returns"));
    }

    #[test]
    fn a_column_of_another_kind_is_named() {
        let (r, p) = (returns(0.012, 80), prices(&returns(0.012, 80), 100.0));
        let among = |assets: &[Vec<f64>], odd: &[f64]| [assets, &[odd.to_vec()]].concat();
        let odd = |assets: &[Vec<f64>], kind| odd_one(assets, kind, 252.0).map(|(asset, _)| asset);
        let gross: Vec<f64> = r[0].iter().map(|r| 1.0 + r).collect();
        let percent: Vec<f64> = r[0].iter().map(|r| 100.0 * r).collect();
        assert_eq!((odd(&r, Returns), odd(&p, Prices)), (None, None));
        assert_eq!(odd(&among(&r, &p[0]), Returns), Some(4));
        assert_eq!(odd(&among(&r, &percent), Returns), Some(4));
        assert_eq!(odd(&among(&p, &gross), Prices), Some(4));
        assert_eq!(odd(&among(&r, &gross), Returns), Some(4));
        let positive: Vec<f64> = r[0].iter().map(|r| r.abs()).collect();
        assert_eq!(odd(&among(&p, &positive), Prices), Some(4));
        let logarithms: Vec<f64> = p[0].iter().map(|p| p.ln()).collect();
        assert_eq!(odd(&among(&p, &logarithms), Prices), Some(4));
        let percents: Vec<Vec<f64>> = r.iter().map(|r| r.iter().map(|r| 100.0 * r).collect()).collect();
        assert_eq!((odd(&percents, Percent), odd(&among(&percents, &r[0]), Percent)), (None, Some(4)));
        let logs: Vec<Vec<f64>> = p.iter().map(|p| p.iter().map(|p| p.ln()).collect()).collect();
        for kind in [Prices, Returns, Percent, LogReturns] {
            assert!(settled(&logs, kind, None).unwrap_err().contains("exponential"), "{kind:?}");
        }
        // Returns among prices: the prices win, and the first negative one is refused by its row.
        assert_eq!(settled(&among(&p, &r[0]), Guess, None), Ok(Prices));
    }

    #[test]
    fn the_name_of_a_column_decides_only_what_the_values_leave_open() {
        assert_eq!(settled(&returns(1.0, 70), Guess, Some(Returns)), Ok(Percent));
        assert!(settled(&returns(12.0, 70), Guess, Some(Returns)).unwrap_err().contains("say which"));
        assert!(settled(&prices(&returns(0.01, 70), 50.0), Guess, Some(Returns)).unwrap_err().contains("prices"));
        assert!(settled(&returns(0.01, 70), Guess, Some(Prices)).unwrap_err().contains("not prices"));
        assert_eq!(settled(&[vec![1.0, 1.1]], Guess, Some(Prices)), Ok(Prices));
    }
}
