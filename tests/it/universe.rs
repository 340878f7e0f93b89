//! Each universe rule on a panel made for it, and the completion of windows.

use std::collections::BTreeMap;

use minvar::calendar::Calendar;
use minvar::linalg::Matrix;
use minvar::panel::{Asset, Field, Panel};
use minvar::universe::{Frequency, GapDays, Missing, RankBy, RuleSet, Rules, Selection, Universe};

const N_DAYS: usize = 300;
const N_ASSETS: usize = 8;

/// A panel under construction: volatile returns, dollar volume 1000 − asset, price 50.
struct Maker {
    assets: Vec<Asset>,
    returns: Matrix,
    fields: BTreeMap<Field, Vec<f32>>,
}

impl Maker {
    fn new() -> Self {
        let noise = |t: usize, i: usize| (((t * t * 13 + t * (i + 3) * 7 + i * 5) % 101) as f64 - 50.0) / 2000.0;
        let constant =
            |value: fn(usize) -> f32| (0..N_ASSETS).flat_map(|i| vec![value(i); N_DAYS]).collect::<Vec<f32>>();
        Self {
            assets: (0..N_ASSETS).map(|i| Asset { symbol: format!("A{i}"), ..Asset::default() }).collect(),
            returns: Matrix::from_fn(N_DAYS, N_ASSETS, noise),
            fields: [
                (Field::DollarVolume, constant(|i| 1000.0 - i as f32)),
                (Field::Price, constant(|_| 50.0)),
                (Field::SharesOutstanding, constant(|_| 1e7)),
                (Field::MarketValue, constant(|i| 1e4 * (1.0 + i as f32))),
            ]
            .into(),
        }
    }

    fn set(mut self, field: Field, asset: usize, days: std::ops::Range<usize>, value: f32) -> Self {
        let series = self.fields.get_mut(&field).unwrap();
        days.for_each(|day| series[asset * N_DAYS + day] = value);
        self
    }

    fn returns(mut self, asset: usize, days: std::ops::Range<usize>, value: f64) -> Self {
        days.for_each(|day| self.returns[(day, asset)] = value);
        self
    }

    fn build(self) -> Panel {
        let calendar = Calendar::weekdays(jiff::civil::date(2020, 1, 1), N_DAYS);
        Panel::new(calendar, self.assets, self.returns, self.fields).unwrap()
    }
}

/// Rules with everything off except the history; the decision is on day 280.
fn rules() -> Rules {
    Rules { size: N_ASSETS, rank_by: RankBy::PanelOrder, one_per_issuer: false, ..Rules::default() }
}

fn select(panel: &Panel, rules: &Rules) -> Selection {
    rules.over(100).unwrap().select(panel.past(280)).unwrap()
}

/// Checks that exactly these assets are removed, and by this rule.
#[track_caller]
fn removes(maker: Maker, rules: Rules, rule: &str, expected: &[usize]) {
    let selection = select(&maker.build(), &rules);
    let gone: Vec<usize> = (0..N_ASSETS).filter(|asset| !selection.members.contains(asset)).collect();
    assert_eq!(gone, expected, "{:?}", selection.removed);
    let counted: Vec<_> = selection.removed.iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(counted, [&(rule, expected.len())]);
}

#[test]
fn an_asset_needs_enough_returns_and_movement() {
    let few = Maker::new().returns(1, 200..204, f64::NAN).returns(2, 200..203, f64::NAN);
    removes(few, rules(), "history", &[1]); // 29 of 30 by default: 97 of 100
    removes(Maker::new().returns(3, 0..300, 0.01), rules(), "constant", &[3]);
    let strict = Rules { min_returns: Some(100), ..rules() };
    removes(Maker::new().returns(2, 200..201, f64::NAN), strict, "history", &[2]);
}

#[test]
fn an_asset_without_a_return_on_the_last_day_is_out_whatever_comes_later() {
    let maker = Maker::new().returns(4, 279..300, f64::NAN).returns(5, 278..285, f64::NAN);
    // Asset 4 last traded on day 278, before the last known day 279; asset 5 trades again later, which nobody knows.
    removes(maker, rules(), "listed", &[4, 5]);
    let lasts = Maker::new().returns(4, 280..300, f64::NAN);
    assert_eq!(select(&lasts.build(), &rules()).members.len(), N_ASSETS, "it traded on the last known day");
}

#[test]
fn an_announced_end_is_a_reason_within_the_public_notice_only() {
    // Its last day is 283, four days after the last known one.
    let with = |left: Option<bool>| {
        let mut maker = Maker::new().returns(4, 284..300, f64::NAN);
        maker.assets[4].left = left;
        maker
    };
    let maker = || with(Some(true));
    let five = || Rules { delisting_within: Some(5), ..rules() };
    for unknown in [None, Some(false)] {
        assert_eq!(select(&with(unknown).build(), &five()).members.len(), N_ASSETS, "the series ends, not the listing");
    }
    let mut paid = with(None);
    paid.assets[4].delisting_return = Some(-0.3);
    removes(paid, five(), "announced_end", &[4]);
    removes(maker(), Rules { delisting_within: Some(5), ..rules() }, "announced_end", &[4]);
    let short = Rules { delisting_within: Some(3), ..rules() };
    assert_eq!(select(&maker().build(), &short).members.len(), N_ASSETS);
    let mut far = Maker::new().returns(4, 295..300, f64::NAN);
    far.assets[4].left = Some(true);
    let long = Rules { delisting_within: Some(100), ..rules() };
    assert_eq!(select(&far.build(), &long).members.len(), N_ASSETS, "nobody knows of it yet");
}

#[test]
fn rolling_years_and_recent_days_need_trading() {
    // Two missing days of 100 pass the look-back, but not a share of 99 % of it.
    let maker = Maker::new().returns(2, 220..222, f64::NAN);
    removes(maker, Rules { min_traded_share: Some(0.99), ..rules() }, "rolling_year", &[2]);
    let maker = Maker::new().returns(3, 277..278, f64::NAN);
    removes(maker, Rules { recent_days: Some(5), min_recent_turnover: 0.0, ..rules() }, "recent_trading", &[3]);
    // Five days of about 1,000 dollars are less than 1 % of 1e6.
    let maker = Maker::new().set(Field::SharesOutstanding, 0, 0..300, f32::NAN);
    let maker = (1..N_ASSETS).fold(maker, |maker, i| maker.set(Field::SharesOutstanding, i, 0..300, 1.0));
    let maker = maker.set(Field::MarketValue, 6, 0..300, 1e6);
    removes(maker, Rules { recent_days: Some(5), ..rules() }, "recent_trading", &[6]);
}

#[test]
fn prices_and_shares_have_limits_at_their_newest_known_value() {
    let maker = Maker::new().set(Field::Price, 1, 279..280, 5.0).set(Field::Price, 2, 280..281, 5.0);
    let maker = maker.set(Field::Price, 3, 0..300, 2500.0);
    removes(maker, Rules { price_range: Some([10.0, 2000.0]), ..rules() }, "price", &[1, 3]);
    let maker = Maker::new().set(Field::SharesOutstanding, 7, 0..300, 4e6);
    removes(maker, Rules { min_shares_outstanding: Some(5e6), ..rules() }, "shares_outstanding", &[7]);
}

#[test]
fn an_asset_that_has_stopped_moving_on_both_windows_is_dropped() {
    let still = |maker: Maker, days: std::ops::Range<usize>| {
        days.fold(maker, |maker, day| maker.returns(5, day..day + 1, 1e-6 * (day % 3) as f64))
    };
    let fence = || Rules { volatility_fence: Some(1.5), ..rules() };
    removes(still(Maker::new(), 255..280), fence(), "still_prices", &[5]);
    let short = still(Maker::new(), 274..280).build();
    assert_eq!(select(&short, &fence()).members.len(), N_ASSETS, "still for five days only");
}

#[test]
fn the_largest_of_an_issuer_and_of_a_collinear_pair_stays() {
    let by_volume = || Rules { rank_by: RankBy::DollarVolume, rank_frequency: Frequency::Decision, ..rules() };
    let mut maker = Maker::new().set(Field::DollarVolume, 6, 0..300, 5000.0);
    maker.assets[2].issuer = "X".into();
    maker.assets[6].issuer = "X".into();
    removes(maker, Rules { one_per_issuer: true, ..by_volume() }, "issuer", &[2]);

    let mut maker = Maker::new().set(Field::DollarVolume, 6, 0..300, 5000.0);
    for day in 0..N_DAYS {
        maker.returns[(day, 1)] = maker.returns[(day, 6)] * 2.0 + 1e-5 * (day % 2) as f64;
    }
    removes(maker, Rules { max_correlation: Some(0.95), ..by_volume() }, "collinearity", &[1]);
}

#[test]
fn the_ranking_is_renewed_when_it_says_so() {
    // Asset 7 becomes the largest in the decision year (day 262 is 2021-01-01).
    let maker = || Maker::new().set(Field::DollarVolume, 7, 262..300, 1e6);
    let rules = |rank_frequency, rank_days| Rules {
        size: 2,
        rank_by: RankBy::DollarVolume,
        rank_frequency,
        rank_days,
        rank_min_values: 10,
        ..rules()
    };
    assert_eq!(select(&maker().build(), &rules(Frequency::Year, 20)).members, [0, 1]);
    assert_eq!(select(&maker().build(), &rules(Frequency::Decision, 20)).members, [0, 7]);
    let by_value = Rules { rank_by: RankBy::MarketValue, ..rules(Frequency::Decision, 20) };
    assert_eq!(select(&maker().build(), &by_value).members, [6, 7]);
    let unknown = Maker::new().set(Field::DollarVolume, 0, 0..300, f32::NAN).build();
    assert_eq!(
        select(&unknown, &rules(Frequency::Decision, 20)).members,
        [1, 2],
        "an asset without volumes has no rank"
    );
}

#[test]
fn a_rule_on_a_field_that_the_panel_lacks_is_refused() {
    let mut maker = Maker::new();
    maker.fields.clear();
    let panel = maker.build();
    let priced = Rules { price_range: Some([1.0, 100.0]), ..rules() };
    let message = priced.over(100).unwrap().select(panel.past(280)).unwrap_err().to_string();
    assert!(message.contains("no price") && message.contains("panel_order"), "{message}");
}

#[test]
fn without_volume_the_market_value_ranks_and_without_both_the_order_of_the_panel() {
    let mut maker = Maker::new();
    maker.fields.retain(|field, _| *field == Field::MarketValue);
    let by_volume = || Rules { size: 2, rank_by: RankBy::DollarVolume, rank_frequency: Frequency::Decision, ..rules() };
    let by_value = Rules { rank_by: RankBy::MarketValue, ..by_volume() };
    let panel = maker.build();
    assert_eq!(select(&panel, &by_volume()).members, select(&panel, &by_value).members);
    let mut maker = Maker::new();
    maker.fields.clear();
    let panel = maker.build();
    assert_eq!(select(&panel, &by_volume()).members, [0, 1]);
    assert_eq!(select(&panel, &by_value).members, [0, 1]);
}

#[test]
fn default_rank_windows_are_a_year_of_the_panel_and_written_ones_are_kept() {
    let usual = Rules::default();
    assert_eq!(usual.rank_window(252.0), (252, 200));
    assert_eq!(usual.rank_window(12.0), (12, 10));
    assert_eq!(usual.rank_window(365.0), (365, 290));
    assert_eq!(Rules { rank_days: 60, rank_min_values: 40, ..Rules::default() }.rank_window(12.0), (60, 40));
}

#[test]
fn parameters_out_of_range_are_refused_by_name() {
    for (rules, name) in [
        (Rules { size: 0, ..rules() }, "universe.size"),
        (Rules { min_returns: Some(101), ..rules() }, "universe.min_returns"),
        (Rules { max_correlation: Some(1.5), ..rules() }, "universe.max_correlation"),
        (Rules { price_range: Some([9.0, 8.0]), ..rules() }, "universe.price_range"),
        (Rules { rank_min_values: 300, ..rules() }, "universe.rank_min_values"),
    ] {
        let message = rules.over(100).err().unwrap().to_string();
        assert!(message.starts_with(name), "{message}");
    }
}

#[test]
fn missing_returns_become_zero_or_the_mean_of_the_others_and_are_counted() {
    let panel = Maker::new().returns(1, 250..252, f64::NAN).build();
    let zero = Missing::Zero.window(panel.past(280), &[0, 1, 2], 100).unwrap();
    assert_eq!((zero.n_filled, zero.returns[(70, 1)]), (2, 0.0));
    let market = Missing::Market.window(panel.past(280), &[0, 1, 2], 100).unwrap();
    let mean = (panel.returns(0)[250] + panel.returns(2)[250]) / 2.0;
    assert_eq!(market.returns[(70, 1)], mean);
    assert_eq!(market.returns[(99, 0)], panel.returns(0)[279], "the newest row is the day before the decision");
}

/// `[universe]` as it is written.
fn written(text: &str) -> Rules {
    toml::from_str(text).unwrap()
}

#[test]
fn a_rule_set_gives_what_is_not_written_and_false_switches_a_rule_off() {
    assert_eq!(written(""), Rules::paper());
    assert_eq!(written("rules = 'none'"), Rules::default());
    let mixed = written("volatility_fence = false\nprice_range = [5, 100]\nmax_correlation = true\nsize = 30");
    let expected = Rules { volatility_fence: None, price_range: Some([5.0, 100.0]), size: 30, ..Rules::paper() };
    assert_eq!(mixed, expected);
    assert_eq!(written("rules = 'none'\nrecent_days = true"), Rules { recent_days: Some(5), ..Rules::default() });
    assert_eq!(written("rules = 'none'\nrecent_days = false"), Rules::default());
    for rules in [mixed, Rules::paper(), Rules::default(), Rules { min_returns: Some(7), ..Rules::default() }] {
        let text = toml::to_string(&rules).unwrap();
        assert!(text.starts_with("rules = ") && written(&text) == rules, "{text}");
    }
    for wrong in ["rules = 'papers'", "volatility_fence = 'off'", "volatilty_fence = 1.0"] {
        assert!(toml::from_str::<Rules>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_identity_of_models_without_a_rule_set_is_what_it_was_before_there_were_sets() {
    let panel = Maker::new().build();
    let rules = Rules { size: 20, min_returns: Some(90), ..Rules::default() };
    let identity = rules.over(100).unwrap().identity(&panel);
    let before = "size = 20\nrank_by = \"dollar_volume\"\nrank_days = 252\nrank_min_values = 200\nrank_frequency = \"year\"\n\
                  min_returns = 90\nmin_recent_turnover = 0.01\none_per_issuer = true\nmissing = \"zero\"\n";
    assert_eq!(identity, before);
    let paper = Rules { rules: RuleSet::Paper, ..rules };
    assert!(paper.over(100).unwrap().identity(&panel).starts_with("rules = \"paper\"\n"));
}

/// A market of 30 assets, of which some have a hole on days 200 to 229.
fn with_hole(n_holes: usize) -> Panel {
    let noise = |t: usize, i: usize| (((t * t * 13 + t * (i + 3) * 7 + i * 5) % 101) as f64 - 50.0) / 2000.0;
    let hole = |t: usize, i: usize| i < n_holes && (200..230).contains(&t);
    let returns = Matrix::from_fn(N_DAYS, 30, |t, i| if hole(t, i) { f64::NAN } else { noise(t, i) });
    let names: Vec<String> = (0..30).map(|i| format!("A{i}")).collect();
    Panel::of_returns(&names, returns).unwrap()
}

#[test]
fn a_gap_of_the_source_keeps_an_asset_out_while_it_lasts_and_counts_for_nothing_after() {
    let rules = Rules { rank_by: RankBy::PanelOrder, min_traded_share: Some(0.95), ..rules() };
    let neutral = Rules { size: 30, gap_days: GapDays::Neutral, ..rules.clone() };
    let missing = Rules { size: 30, gap_days: GapDays::Missing, ..rules };
    let members = |panel: &Panel, rules: &Rules, day: usize| {
        let selection = rules.over(100).unwrap().select(panel.past(day)).unwrap();
        (selection.members.len(), selection.n_with_gaps)
    };
    let panel = with_hole(20);
    assert_eq!(panel.source_gaps().len(), 1);
    assert_eq!((panel.source_gaps()[0].first, panel.source_gaps()[0].last), (200, 229));
    assert_eq!(members(&panel, &neutral, 200), (30, 0), "nobody knows of it yet");
    for day in [201, 230] {
        assert_eq!(members(&panel, &neutral, day), (10, 0), "no return on the day before {day}");
    }
    assert_eq!(members(&panel, &neutral, 231), (30, 20));
    assert_eq!(members(&panel, &missing, 231), (10, 0), "30 of 100 days are missing");
    assert_eq!(members(&panel, &neutral, 299), (30, 20));
    // The five newest days of the twenty assets are one after the gap and four before it.
    let recent = Rules { recent_days: Some(5), volatility_fence: Some(1.5), ..neutral.clone() };
    assert_eq!(members(&panel, &recent, 231), (30, 20));
    let recent = Rules { min_traded_share: None, min_returns: Some(1), gap_days: GapDays::Missing, ..recent };
    assert_eq!(members(&panel, &recent, 231), (10, 0));
    let fewer = with_hole(19);
    assert!(fewer.source_gaps().is_empty(), "nineteen holes are facts about nineteen assets");
    assert_eq!(members(&fewer, &neutral, 231), (11, 0));
}

#[test]
fn a_rule_that_the_panel_does_not_answer_on_one_day_is_off_for_all() {
    let paper =
        || Rules { size: N_ASSETS, one_per_issuer: false, rank_frequency: Frequency::Decision, ..Rules::paper() };
    let answered = |maker: Maker, days: &[usize]| {
        let (universe, notes) = paper().over(100).unwrap().answered_by(&maker.build(), days).unwrap();
        (universe.rules().clone(), notes)
    };
    let known = || {
        let mut maker = Maker::new();
        maker.assets[0].left = Some(false);
        maker
    };
    assert_eq!(answered(known(), &[150, 280]), (paper(), vec![]));
    // A price that begins on day 200 is unknown to the first decision.
    let late = known().set(Field::Price, 3, 0..200, f32::NAN);
    let (rules, notes) = answered(late, &[150, 280]);
    assert_eq!(rules, Rules { price_range: None, ..paper() });
    assert!(notes.len() == 1 && notes[0].contains("price_range is off for the whole run"), "{notes:?}");
    assert!(notes[0].contains("7 of 8 candidates on 2020-07-29"), "{notes:?}");
    let mut bare = Maker::new();
    bare.fields.retain(|field, _| *field == Field::DollarVolume);
    let (rules, notes) = answered(bare, &[150, 280]);
    let left = Rules {
        price_range: None,
        min_shares_outstanding: None,
        delisting_within: None,
        rank_by: RankBy::DollarVolume,
        ..paper()
    };
    assert_eq!(rules, left);
    assert_eq!(notes.len(), 5, "{notes:?}");
}
