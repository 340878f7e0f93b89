//! The trading simulator: its ledger compared with independent arithmetic, and the laws that every profile obeys.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use minvar::account::{Charges, Entry, Holdings, Position, Posting};
use minvar::calendar::Calendar;
use minvar::costs::{BenchmarkRate, Profile, Schedules};
use minvar::linalg::Matrix;
use minvar::panel::{Asset, Field, Panel, Quotes, SizeRanks, Venue};
use minvar::policies::{Leveraged, Rebalance, Stored, Target, Targets};
use minvar::simulator::{AccountOutcome, EventKind, Followed, Observed, Setting, Simulator, follow, follow_all};
use minvar::synthetic::SyntheticMarket;
use rand::{Rng, RngExt, SeedableRng};

const N_ASSETS: usize = 12;
const N_DAYS: usize = 260;
/// The first day on which an account trades.
const FIRST: usize = 30;

fn rng(seed: u64) -> impl Rng {
    rand::rngs::Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// A market with everything that can happen: gaps, splits, dividends, endings, three exchanges and an unknown one.
fn wild_market(seed: u64, first: Date) -> Panel {
    let mut rng = rng(seed);
    let calendar = Calendar::weekdays(first, N_DAYS);
    let venues = [Some(Venue::Nyse), Some(Venue::Nasdaq), Some(Venue::Amex), None];
    let ends: Vec<usize> =
        (0..N_ASSETS).map(|i| if i % 5 == 4 { rng.random_range(60..N_DAYS) } else { N_DAYS }).collect();
    let assets = (0..N_ASSETS).map(|i| Asset {
        symbol: format!("A{i}"),
        venue: venues[i % 4],
        delisting_return: (i == 4).then_some(-0.4),
        ..Asset::default()
    });
    let assets = assets.collect();
    let mut returns = Matrix::zeros(N_DAYS, N_ASSETS).map(|_, _, _| f64::NAN);
    let mut fields: BTreeMap<Field, Vec<f32>> = BTreeMap::new();
    let names = [Field::DollarVolume, Field::Open, Field::High, Field::Low, Field::Price, Field::Split];
    for field in names {
        fields.insert(field, vec![f32::NAN; N_DAYS * N_ASSETS]);
    }
    for i in 0..N_ASSETS {
        let mut price = 20.0 + 10.0 * i as f64;
        for day in 0..ends[i] {
            if day > FIRST && rng.random::<f64>() < 0.02 {
                continue;
            }
            let split = match rng.random::<f64>() {
                x if x < 0.01 => 2.0,
                x if x < 0.015 => 1.0 / 3.0,
                _ => 1.0,
            };
            let payout = if rng.random::<f64>() < 0.02 { 0.01 } else { 0.0 };
            let r = 0.03 * (rng.random::<f64>() + rng.random::<f64>() - 1.0) + 0.0005;
            price *= (1.0 + r - payout) / split;
            returns[(day, i)] = r;
            let [open, up, down, busy] = std::array::from_fn(|_| rng.random::<f64>());
            let open = 0.01 * (open - 0.5);
            let values =
                [2e5 * (0.2 + busy), open, open.max(0.0) + 0.01 * up, open.min(0.0) - 0.01 * down, price, split];
            for (field, value) in names.into_iter().zip(values) {
                fields.get_mut(&field).unwrap()[i * N_DAYS + day] = value as f32;
            }
        }
    }
    Panel::new(calendar, assets, returns, fields).unwrap()
}

/// Random weights every few days; long-only ones sum to one.
fn random_targets(seed: u64, long_only: bool) -> Targets {
    let mut rng = rng(seed ^ 77);
    let mut days = Vec::new();
    let mut day = FIRST;
    while day < N_DAYS {
        let mut targets = Vec::new();
        for asset in 0..N_ASSETS {
            if rng.random::<f64>() < 0.8 {
                let weight = if long_only { rng.random::<f64>() } else { rng.random::<f64>() - 0.35 };
                targets.push(Target { asset, weight });
            }
        }
        let sum: f64 = targets.iter().map(|t: &Target| t.weight).sum();
        let sum = if sum.abs() < 0.5 { 1.0 } else { sum };
        targets.iter_mut().for_each(|t| t.weight /= sum);
        days.push((day, targets));
        day += rng.random_range(2..7);
    }
    Targets { days }
}

/// One day of a ledger, with the account's state on that day.
struct Recorded {
    day: usize,
    postings: Vec<Posting>,
    equity: f64,
    positions: Vec<Position>,
    settled: f64,
}

struct Run {
    outcome: AccountOutcome,
    days: Vec<Recorded>,
}

fn profile(name: &str) -> Profile {
    Schedules::default().profile(name).unwrap().clone()
}

fn constant_rate(percent: f64) -> BenchmarkRate {
    let dates: Vec<Date> = Calendar::weekdays(date(1995, 1, 2), 9000).dates().to_vec();
    let n = dates.len();
    BenchmarkRate::daily(dates, vec![percent; n], "constant").unwrap()
}

fn run_keeping(
    keeps_capital: bool,
    panel: &Panel,
    targets: &Targets,
    profile: &Profile,
    schedules: &Schedules,
    capital: f64,
    leverage: f64,
) -> Run {
    let benchmark = constant_rate(2.0);
    let ranks = SizeRanks::new(panel, FIRST, panel.n_days());
    let simulator = Simulator::new(profile, schedules, &benchmark, &ranks).unwrap().keeping_capital(keeps_capital);
    let rebalance = profile.rebalance_sessions.map_or(Rebalance::OnDecisions, Rebalance::Every);
    let mut policy = Leveraged { policy: Stored::new(targets, rebalance), leverage };
    let assets = (0..panel.n_assets()).collect();
    let setting = Setting { panel, assets, first: FIRST, end: panel.n_days() };
    let mut days = Vec::new();
    let observe = &mut |day: &Observed<'_>| {
        days.push(Recorded {
            day: day.day,
            postings: day.postings.to_vec(),
            equity: day.equity,
            positions: day.account.positions().to_vec(),
            settled: day.account.settled(),
        });
        Ok(())
    };
    let account = Followed { simulator: &simulator, capital_usd: capital, policy: &mut policy, observe };
    let outcome = follow(&setting, account).unwrap();
    Run { outcome, days }
}

fn run(panel: &Panel, targets: &Targets, profile: &Profile, capital: f64, leverage: f64) -> Run {
    run_keeping(false, panel, targets, profile, &Schedules::default(), capital, leverage)
}

const PROFILES: [&str; 5] = ["paper", "paper_sequel", "paper_followup", "realistic", "stress"];

/// Runs profiles on long-only and long-short portfolios in different decades and markets.
fn each_run(mut check: impl FnMut(&str, &Panel, &Profile, &Run)) {
    for seed in 0..6 {
        let first = [
            date(2000, 1, 3),
            date(2003, 11, 3),
            date(2008, 6, 2),
            date(2015, 1, 1),
            date(2019, 10, 1),
            date(2023, 6, 1),
        ];
        let panel = wild_market(seed, first[seed as usize]);
        for name in PROFILES {
            let profile = profile(name);
            for (long_only, capital, leverage) in [(true, 1e6, 1.0), (false, 1e5, 1.5), (true, 3e6, 3.5)] {
                let targets = random_targets(seed, long_only);
                let run = run(&panel, &targets, &profile, capital, leverage);
                check(&format!("{name}, seed {seed}, leverage {leverage}"), &panel, &profile, &run);
            }
        }
    }
}

#[test]
fn accounts_side_by_side_have_the_outcomes_that_they_have_alone() {
    let (panel, targets) = (wild_market(1, date(2008, 6, 2)), random_targets(1, false));
    let (schedules, benchmark) = (Schedules::default(), constant_rate(2.0));
    let ranks = SizeRanks::new(&panel, FIRST, panel.n_days());
    let profiles = PROFILES.map(profile);
    let simulator = |profile| Simulator::new(profile, &schedules, &benchmark, &ranks).unwrap();
    let simulators: Vec<Simulator<'_>> = profiles.iter().map(simulator).collect();
    let policy = |profile: &Profile| {
        let rebalance = profile.rebalance_sessions.map_or(Rebalance::OnDecisions, Rebalance::Every);
        Leveraged { policy: Stored::new(&targets, rebalance), leverage: 1.5 }
    };
    let mut policies: Vec<_> = profiles.iter().map(policy).collect();
    let mut observers = PROFILES.map(|_| |_: &Observed<'_>| Ok(()));
    let accounts = simulators.iter().zip(&mut policies).zip(&mut observers);
    let accounts =
        accounts.map(|((simulator, policy), observe)| Followed { simulator, capital_usd: 1e5, policy, observe });
    let assets = (0..panel.n_assets()).collect();
    let setting = Setting { panel: &panel, assets, first: FIRST, end: panel.n_days() };
    let together = follow_all(&setting, accounts.collect()).unwrap();
    for (profile, outcome) in profiles.iter().zip(together) {
        assert_eq!(outcome, run(&panel, &targets, profile, 1e5, 1.5).outcome);
    }
}

#[test]
fn an_account_that_keeps_its_capital_begins_every_rebalance_with_it_and_transfers_are_no_return() {
    let schedules = Schedules::default();
    for (long_only, capital, leverage) in [(true, 1e6, 1.0), (false, 1e7, 1.5)] {
        let targets = random_targets(2, long_only);
        let keeping = |panel: &Panel, profile: &Profile, keeps| {
            run_keeping(keeps, panel, &targets, profile, &schedules, capital, leverage)
        };
        // Orders without costs are sized at the close: then the equity is the capital, and the size of an account does not
        // matter for its returns.
        let free = profile("frictionless");
        let (whole, _) = SyntheticMarket::complete(N_ASSETS, N_DAYS).simulate().unwrap();
        let (kept, grown) = (keeping(&whole, &free, true), keeping(&whole, &free, false));
        let near = |a: f64, b: f64, tolerance: f64| assert!((a - b).abs() <= tolerance, "{a} against {b}");
        kept.outcome.returns.iter().zip(&grown.outcome.returns).for_each(|(a, b)| near(*a, *b, 1e-10));
        assert_eq!(grown.outcome.paid_out_usd, 0.0);
        let is_transfer = |row: &&Posting| row.entry == Entry::Transfer;
        let transferred = |day: &Recorded| day.postings.iter().filter(is_transfer).map(|row| row.cents).sum::<f64>();
        let restored: Vec<&Recorded> = kept.days.iter().filter(|day| transferred(day) != 0.0).collect();
        assert!(restored.len() > 10);
        restored.iter().for_each(|day| near(day.equity, 100.0 * capital, 1e-4));
        for name in PROFILES {
            let Run { outcome, days } = keeping(&wild_market(2, date(2012, 1, 2)), &profile(name), true);
            for (k, pair) in days.windows(2).enumerate().skip(1) {
                let [before, day] = pair else { unreachable!() };
                near(outcome.returns[k], (day.equity - before.equity - transferred(day)) / before.equity, 1e-12);
            }
            let paid_in: f64 = days.iter().map(transferred).sum();
            assert!(paid_in != 0.0, "{name}");
            near(outcome.paid_out_usd, -paid_in / 100.0, 1e-3);
            near(outcome.market + outcome.charges.sum(), outcome.returns.iter().sum::<f64>(), 1e-10);
        }
    }
}

/// Closes by day and asset, from the first day on.
fn closes(panel: &Panel) -> Vec<Vec<f64>> {
    let mut quotes = Quotes::new(panel, (0..panel.n_assets()).collect(), FIRST);
    let mut days = vec![Vec::new(); FIRST];
    loop {
        days.push((0..panel.n_assets()).map(|a| quotes.of(a).close).collect());
        if quotes.day() + 1 == panel.n_days() {
            return days;
        }
        quotes.advance();
    }
}

#[test]
fn the_ledger_alone_gives_money_shares_and_equity_of_every_day_to_the_cent() {
    each_run(|what, panel, _, run| {
        let closes = closes(panel);
        let (mut cents, mut shares) = (0.0f64, [0.0; N_ASSETS]);
        for day in &run.days {
            for posting in &day.postings {
                assert_eq!(posting.cents.fract(), 0.0, "{what}: whole cents");
                assert_eq!(posting.day, day.day, "{what}");
                cents += posting.cents;
                if let Some(asset) = posting.asset {
                    shares[asset] += posting.shares;
                    assert!((shares[asset] - shares[asset].round()).abs() < 1e-9, "{what}: whole shares");
                }
            }
            let value =
                |a: usize| if shares[a] == 0.0 { 0.0 } else { (100.0 * shares[a] * closes[day.day][a]).round() };
            let equity = cents + (0..N_ASSETS).map(value).sum::<f64>();
            assert_eq!(equity, day.equity, "{what}, day {}", day.day);
            let held: Vec<f64> =
                (0..N_ASSETS).map(|a| day.positions.iter().find(|p| p.asset == a).map_or(0.0, |p| p.shares)).collect();
            assert!(held.iter().zip(&shares).all(|(a, b)| (a - b).abs() < 1e-9), "{what}, day {}", day.day);
        }
    });
}

#[test]
fn between_trades_equity_moves_with_prices_and_posted_charges_alone() {
    let mut quiet = 0;
    each_run(|what, panel, _, run| {
        let mut quotes = Quotes::new(panel, (0..N_ASSETS).collect(), FIRST);
        for pair in run.days.windows(2) {
            quotes.advance();
            let [before, day] = pair else { unreachable!() };
            if day.postings.iter().any(|p| matches!(p.entry, Entry::Fill | Entry::Split | Entry::Ending)) {
                continue;
            }
            quiet += 1;
            // A holder of one share earns the change in its price plus the payout.
            let moves = before.positions.iter().map(|p| {
                let quote = quotes.of(p.asset);
                let last = (quote.close - quote.previous) + quote.payout;
                let payout_in_previous = if quote.traded { quote.payout } else { 0.0 };
                100.0 * p.shares * (last - payout_in_previous)
            });
            let charges: f64 = day.postings.iter().filter(|p| p.entry.is_charge()).map(|p| p.cents).sum();
            let payouts: f64 = day.postings.iter().filter(|p| p.entry == Entry::Dividend).map(|p| p.cents).sum();
            let paid: f64 = before.positions.iter().map(|p| 100.0 * p.shares * quotes.of(p.asset).payout).sum();
            assert!((payouts - paid).abs() <= 1.0, "{what}: dividends {payouts} against {paid}");
            let expected = before.equity + moves.sum::<f64>() + charges - paid + payouts;
            let tolerance = 1.0 + before.positions.len() as f64;
            assert!(
                (day.equity - expected).abs() <= tolerance,
                "{what}, day {}: {} against {expected}",
                day.day,
                day.equity
            );
        }
    });
    assert!(quiet > 1000, "only {quiet} quiet days");
}

/// Everything that profile `paper` charges, recomputed from the fills and balances of a ledger.
fn expected_charges(panel: &Panel, run: &Run) -> BTreeMap<Entry, f64> {
    let schedules = Schedules::default();
    let mut quotes = Quotes::new(panel, (0..N_ASSETS).collect(), FIRST);
    let mut sums: BTreeMap<Entry, f64> = BTreeMap::new();
    let mut month = (0, 0.0);
    for (k, day) in run.days.iter().enumerate() {
        if k > 0 {
            quotes.advance();
        }
        let today = panel.calendar().date(day.day);
        if month.0 != today.month() {
            month = (today.month(), 0.0);
        }
        let newest = |rates: Vec<(Date, f64)>| rates.into_iter().rfind(|(from, _)| *from <= today).unwrap().1;
        let sec = newest(schedules.section31.rates.iter().map(|r| (r.from, r.usd_per_million)).collect());
        let taf = newest(schedules.taf.rates.iter().map(|r| (r.from, r.usd_per_share)).collect());
        let taf_cap = newest(schedules.taf.rates.iter().map(|r| (r.from, r.max_usd_per_trade)).collect());
        for fill in day.postings.iter().filter(|p| p.entry == Entry::Fill) {
            let (n, value, asset) = (fill.shares.abs(), (fill.shares * fill.price).abs(), fill.asset.unwrap());
            // The month's cost before an order and after it; no month of this market goes beyond the second tier.
            let tiers = |shares: f64| 0.0035 * shares.min(3e5) + 0.0020 * (shares - 3e5).max(0.0);
            let by_share = tiers(month.1 + n) - tiers(month.1);
            month.1 += n;
            assert!(month.1 < 3e6);
            let commission = by_share.max(0.35).min(0.01 * value);
            let mut add = |entry, usd| *sums.entry(entry).or_default() += usd;
            add(Entry::Commission, commission);
            add(Entry::Clearing, (0.0002 * n).min(0.005 * value) + 0.000735 * commission);
            if fill.shares < 0.0 {
                add(Entry::Section31, sec * 1e-6 * value);
                add(Entry::Taf, (taf * n).min(taf_cap));
            }
            let (venue, year) = (panel.assets()[asset].venue, today.year());
            let fee = match (venue, year) {
                (Some(Venue::Nyse), y) if y < 2009 => 0.0005,
                (Some(Venue::Nyse), y) if (2010..2018).contains(&y) => 0.0007,
                (Some(Venue::Nyse), _) => 0.0010,
                (Some(Venue::Nasdaq), y) if y < 2013 => 0.0010,
                (Some(Venue::Nasdaq), y) if y < 2018 => 0.00135,
                (Some(Venue::Nasdaq), _) => 0.0016,
                (Some(Venue::Amex), _) => 0.00085,
                (None, _) => 0.0012,
            };
            add(Entry::AuctionFee, if fill.price < 1.0 { 0.003 * value } else { fee * n });
            let volume =
                panel.field(Field::DollarVolume, asset).unwrap()[day.day - 10..day.day].iter().filter(|v| !v.is_nan());
            let volume = volume.clone().map(|v| f64::from(*v)).sum::<f64>() / volume.count() as f64;
            // Before Nasdaq had a closing cross, its stocks and two fifths of those of unknown exchange traded continuously.
            let is_early = today < date(2004, 3, 29);
            let (k, continuous) = match venue {
                Some(Venue::Nyse) => (45.2, 0.0),
                Some(Venue::Nasdaq) => (101.7, if is_early { 1.0 } else { 0.0 }),
                Some(Venue::Amex) => (75.0, 0.0),
                None => (75.0, if is_early { 0.4 } else { 0.0 }),
            };
            let spread = schedules.slippage.half_spread_bps.iter().rfind(|s| s.from <= today).unwrap().bps[0];
            let size = (value / volume).sqrt();
            let bps = (1.0 - continuous) * k * size + continuous * (117.5 * size + spread);
            add(Entry::Slippage, 1e-4 * value * bps);
        }
        // Interest for the nights after the close, on settled cash; the benchmark is 2 %.
        let next = panel.calendar().dates().get(day.day + 1).copied();
        let nights = next.map_or(1, |next| (next - today).get_days());
        let shorts: f64 = day
            .positions
            .iter()
            .filter(|p| p.shares < 0.0)
            .map(|p| -p.shares * (1.02 * quotes.of(p.asset).close - 1e-9).ceil())
            .sum();
        let excess = day.settled / 100.0 - shorts;
        let tier = |x: f64, from: f64, to: f64, percent: f64| (x.min(to) - from).max(0.0) * percent / 100.0;
        let loan = (-excess).max(0.0);
        let debit = if today.year() < 2022 {
            tier(loan, 0.0, 1e5, 3.5)
                + tier(loan, 1e5, 1e6, 3.0)
                + tier(loan, 1e6, 3e6, 2.5)
                + tier(loan, 3e6, 1e15, 2.3)
        } else {
            tier(loan, 0.0, 1e5, 3.5) + tier(loan, 1e5, 1e6, 3.0) + tier(loan, 1e6, 5e7, 2.75)
        };
        let idle = excess.max(0.0);
        let credit = if today.year() < 2015 {
            tier(idle, 1e4, 1e5, 1.5) + tier(idle, 1e5, 1e15, 1.75)
        } else {
            tier(idle, 1e4, 1e15, 1.5)
        };
        let credit = credit * (day.equity / 100.0 / 1e5).clamp(0.0, 1.0);
        let short = tier(shorts, 1e5, 1e6, 0.75) + tier(shorts, 1e6, 3e6, 1.5) + tier(shorts, 3e6, 1e15, 1.75);
        let night = f64::from(nights) / 360.0;
        for (entry, usd) in
            [(Entry::DebitInterest, debit), (Entry::CreditInterest, -credit), (Entry::ShortInterest, -short)]
        {
            *sums.entry(entry).or_default() += usd * night;
        }
    }
    sums
}

/// Whether the ledger posts the right charges, to within a cent and the rounding of the equity that scales credit
/// interest.
fn charges_agree(panel: &Panel, run: &Run) -> Result<(), String> {
    let expected = expected_charges(panel, run);
    for entry in Entry::CHARGES.iter().copied().filter(|entry| *entry != Entry::BorrowFee) {
        let posted: f64 =
            run.days.iter().flat_map(|d| &d.postings).filter(|p| p.entry == entry).map(|p| -p.cents / 100.0).sum();
        let expected = expected.get(&entry).copied().unwrap_or(0.0);
        if (posted - expected).abs() > 0.0051 {
            return Err(format!("{}: {posted} posted, {expected} expected", entry.name()));
        }
    }
    Ok(())
}

#[test]
fn every_charge_is_posted_once_and_a_dropped_one_is_missed() {
    for (seed, first) in [(1, date(2003, 11, 3)), (2, date(2015, 1, 1)), (3, date(2023, 1, 2))] {
        let panel = wild_market(seed, first);
        for long_only in [true, false] {
            let targets = random_targets(seed, long_only);
            let whole = profile("paper");
            charges_agree(&panel, &run(&panel, &targets, &whole, 4e5, 1.2)).unwrap();
            for dropped in 0..whole.costs.len() {
                let mut profile = whole.clone();
                let name = profile.costs.remove(dropped).name;
                let outcome = charges_agree(&panel, &run(&panel, &targets, &profile, 4e5, 1.2));
                assert!(outcome.is_err(), "no one misses {name}");
                let mut profile = whole.clone();
                profile.costs.push(profile.costs[dropped].clone());
                assert!(charges_agree(&panel, &run(&panel, &targets, &profile, 4e5, 1.2)).is_err(), "{name} twice");
            }
        }
    }
}

#[test]
fn the_bridge_sums_to_the_net_return() {
    each_run(|what, _, _, run| {
        let c = &run.outcome;
        let net: f64 = c.returns.iter().sum();
        let parts = c.market + c.charges.sum();
        assert!((net - parts).abs() < 1e-12 * (1.0 + c.market.abs()), "{what}: {net} against {parts}");
    });
}

#[test]
fn no_fill_exceeds_its_share_of_the_volume_and_what_is_left_is_traded_later() {
    let (mut at_the_cap, mut fills) = (0, 0);
    each_run(|what, panel, profile, run| {
        let Some(most) = profile.max_participation else { return };
        let mut quotes = Quotes::new(panel, (0..N_ASSETS).collect(), FIRST);
        for (k, day) in run.days.iter().enumerate() {
            if k > 0 {
                quotes.advance();
            }
            let forced = run.outcome.events.iter().any(|e| e.day == day.day && e.kind != EventKind::Ending);
            for fill in day.postings.iter().filter(|p| p.entry == Entry::Fill && !forced) {
                let asset = fill.asset.unwrap();
                let volume = quotes.average_dollar_volume(asset, 20).unwrap() / quotes.of(asset).previous;
                assert!(fill.shares.abs() <= most.close * volume + 1e-9, "{what}, day {}", day.day);
                fills += 1;
                at_the_cap += usize::from(fill.shares.abs() == (most.close * volume).floor());
            }
        }
    });
    assert!(at_the_cap > 100 && fills > at_the_cap, "{at_the_cap} of {fills} fills at the cap");

    // One order for three times the daily volume cap is filled over exactly three days, without new targets.
    let calendar = Calendar::weekdays(date(2015, 1, 1), 60);
    let asset = Asset { symbol: "A".into(), ..Asset::default() };
    let fields = BTreeMap::from([(Field::DollarVolume, vec![1e6f32; 60])]);
    let panel = Panel::new(calendar, vec![asset], Matrix::zeros(60, 1), fields).unwrap();
    let targets = Targets { days: vec![(FIRST, vec![Target { asset: 0, weight: 0.9 }])] };
    let run = run(&panel, &targets, &profile("realistic"), 150_000.0, 1.0);
    let fills: Vec<(usize, f64)> = run
        .days
        .iter()
        .flat_map(|d| &d.postings)
        .filter(|p| p.entry == Entry::Fill)
        .map(|p| (p.day - FIRST, p.shares))
        .collect();
    assert_eq!(fills, [(0, 1000.0), (1, 1000.0), (2, 700.0)]);
}

/// Complete returns, without any events.
fn calm_market(seed: u64, n_assets: usize) -> Panel {
    let mut rng = rng(seed);
    let calendar = Calendar::weekdays(date(2015, 1, 1), N_DAYS);
    let assets = (0..n_assets).map(|i| Asset { symbol: format!("A{i}"), ..Asset::default() }).collect();
    let returns = Matrix::from_fn(N_DAYS, n_assets, |_, _| 0.05 * (rng.random::<f64>() - 0.49));
    Panel::new(calendar, assets, returns, BTreeMap::from([(Field::DollarVolume, vec![1e9f32; N_DAYS * n_assets])]))
        .unwrap()
}

#[test]
fn without_costs_the_account_is_weights_times_returns() {
    for (seed, long_only, leverage) in [(1, true, 1.0), (2, false, 1.0), (3, true, 2.0)] {
        let panel = calm_market(seed, N_ASSETS);
        let targets = random_targets(seed, long_only);
        let outcome = run(&panel, &targets, &profile("frictionless"), 1e6, leverage).outcome;
        assert_eq!(outcome.returns.len(), N_DAYS - FIRST - 1, "the first day only buys");
        let mut holdings = Holdings::cash();
        for day in FIRST..N_DAYS {
            let expected = holdings.earn(|asset| panel.returns(asset)[day]);
            if day > FIRST {
                let r = outcome.returns[day - FIRST - 1];
                assert!((r - expected).abs() < 1e-12, "day {day}: {r} against {expected}");
            }
            if let Some((_, targets)) = targets.days.iter().find(|(decision, _)| *decision == day) {
                holdings.rebalance(targets.iter().map(|t| (t.asset, leverage * t.weight)));
            }
        }
        assert_eq!(outcome.charges, Charges::default());
        assert!((outcome.market - outcome.returns.iter().sum::<f64>()).abs() < 1e-12);
    }
}

#[test]
fn buying_and_selling_back_loses_exactly_the_costs() {
    let calendar = Calendar::weekdays(date(2019, 1, 1), 60);
    let assets = (0..3).map(|i| Asset { symbol: format!("A{i}"), ..Asset::default() }).collect();
    let fields = BTreeMap::from([(Field::DollarVolume, vec![1e8f32; 180])]);
    let panel = Panel::new(calendar, assets, Matrix::zeros(60, 3), fields).unwrap();
    let buy = (0..3).map(|asset| Target { asset, weight: 0.3 }).collect();
    let sell = vec![Target { asset: 0, weight: 0.0 }];
    let targets = Targets { days: vec![(FIRST, buy), (FIRST + 1, sell)] };
    for name in PROFILES {
        let mut profile = profile(name);
        profile.rebalance_sessions = None;
        profile.costs.retain(|choice| !choice.name.ends_with("interest"));
        let run = run(&panel, &targets, &profile, 1e6, 1.0);
        let last = run.days.last().unwrap();
        assert!(last.positions.is_empty());
        let charges: f64 =
            run.days.iter().flat_map(|d| &d.postings).filter(|p| p.entry.is_charge()).map(|p| p.cents).sum();
        assert!(charges < -1000.0, "{name} charges nothing");
        assert_eq!(last.equity, 1e8 + charges, "{name}");
    }
}

#[test]
fn long_only_at_leverage_one_is_never_liquidated() {
    for seed in 0..4 {
        // Down to a tenth of the value within a year.
        let mut rng = rng(seed);
        let calendar = Calendar::weekdays(date(2019, 10, 1), N_DAYS);
        let assets = (0..N_ASSETS).map(|i| Asset { symbol: format!("A{i}"), ..Asset::default() }).collect();
        let returns = Matrix::from_fn(N_DAYS, N_ASSETS, |_, _| 0.3 * (rng.random::<f64>() - 0.53));
        let fields = BTreeMap::from([
            (Field::DollarVolume, vec![1e9f32; N_DAYS * N_ASSETS]),
            (Field::Low, vec![-0.2f32; N_DAYS * N_ASSETS]),
        ]);
        let panel = Panel::new(calendar, assets, returns, fields).unwrap();
        for name in ["paper_sequel", "realistic", "stress"] {
            let outcome = run(&panel, &random_targets(seed, true), &profile(name), 1e6, 1.0).outcome;
            assert_eq!(outcome.liquidations().count(), 0, "{name}");
            assert_eq!(outcome.ruined, None);
        }
        let outcome = run(&panel, &random_targets(seed, true), &profile("paper_sequel"), 1e6, 3.0).outcome;
        assert!(outcome.liquidations().count() > 0 || outcome.ruined.is_some(), "three times the equity is");
    }
}

/// A single asset on weekdays from `first`, with given returns and fields.
fn single(first: Date, returns: Vec<f64>, fields: &[(Field, Vec<f32>)], venue: Option<Venue>) -> Panel {
    let calendar = Calendar::weekdays(first, returns.len());
    let asset = Asset { symbol: "A".into(), venue, ..Asset::default() };
    let n = returns.len();
    let returns = Matrix::from_column_major(n, 1, returns);
    Panel::new(calendar, vec![asset], returns, fields.iter().cloned().collect()).unwrap()
}

fn bought(weight: f64) -> Targets {
    Targets { days: vec![(FIRST, vec![Target { asset: 0, weight }])] }
}

#[test]
fn a_worst_price_below_a_quarter_sells_back_to_27_percent() {
    let mut returns = vec![0.0; 40];
    let mut low = vec![0.0f32; 40];
    // Leverage three; on day 33 the low is 12 % below the close of the day before.
    low[33] = -0.12;
    let panel = single(date(2019, 1, 1), returns.clone(), &[(Field::Low, low.clone())], None);
    let mut profile = profile("paper_sequel");
    profile.rebalance_sessions = None;
    profile.costs.clear();
    let ran = run(&panel, &bought(3.0), &profile, 1e6, 1.0);
    let event = ran.outcome.events.iter().find(|e| e.kind == EventKind::Liquidation).unwrap();
    assert_eq!(event.day, 33);
    // Equity is 1 − 0.36 = 0.64 of gross 2.64, or 24.2 %: f = (0.27 − 0.2424) / 0.27.
    let fill = ran.days[3].postings.iter().find(|p| p.entry == Entry::Fill).unwrap();
    let sold: f64 = (0.27 * 2.64 - 0.64) / (0.27 * 2.64);
    assert_eq!(fill.shares, -(60_000.0 * sold).ceil());
    assert!((fill.price - 44.0).abs() < 1e-5, "at the low");
    // The low of −30 % is a bad tick: the worst price is 15 % below the lower of open and close.
    low[33] = -0.30;
    let panel = single(date(2019, 1, 1), returns.clone(), &[(Field::Low, low)], None);
    let ran = run(&panel, &bought(2.0), &profile, 1e6, 1.0);
    assert_eq!(ran.outcome.liquidations().count(), 0, "a fall of 15 % does not trip twice the equity");
    let ran = run(&panel, &bought(2.9), &profile, 1e6, 1.0);
    let fill = ran.days[3].postings.iter().find(|p| p.entry == Entry::Fill).unwrap();
    assert_eq!(fill.price, 42.5);
    // A fall that uses up all equity: the position is sold, the ruin is recorded, and the account stops.
    returns[33] = -0.5;
    let panel = single(date(2019, 1, 1), returns, &[], None);
    let ran = run(&panel, &bought(2.5), &profile, 1e6, 1.0);
    let ruin = ran.outcome.events.iter().find(|e| e.kind == EventKind::Ruin).unwrap();
    assert_eq!((ruin.day, ran.outcome.ruined), (33, Some(33)));
    assert!(ruin.detail.starts_with("equity -250000.00"), "{}", ruin.detail);
    let last = ran.days.last().unwrap();
    assert!(last.positions.is_empty() && last.equity == -25_000_000.0);
    assert!(ran.outcome.returns[3..].iter().all(|r| *r == 0.0));
}

#[test]
fn regulation_t_keeps_orders_within_twice_the_equity_and_sells_what_is_above() {
    let mut returns = vec![0.0; 40];
    returns[FIRST] = 0.02;
    let panel = single(date(2019, 1, 1), returns, &[], None);
    let mut profile = profile("stress");
    profile.max_participation = None;
    profile.costs.clear();
    let ran = run(&panel, &bought(3.0), &profile, 1e6, 1.0);
    let fills: Vec<f64> = ran.days[0].postings.iter().filter(|p| p.entry == Entry::Fill).map(|p| p.shares).collect();
    // Sized at 50 dollars: 40,000 shares. At the close of 51 they are worth 2.04 times the equity.
    assert_eq!(fills[0], 40_000.0);
    let excess: f64 = 40_000.0 * 51.0 - 2e6;
    assert_eq!(fills[1], -(excess / 51.0).ceil());
    assert!(ran.outcome.events[0].detail.starts_with("Regulation T"), "{}", ran.outcome.events[0].detail);
    assert_eq!(ran.outcome.liquidations().count(), 1);
}

#[test]
fn interest_on_a_fixed_balance_over_a_leap_year_is_the_hand_computation() {
    // From Tuesday 2019-12-31 to Thursday 2020-12-31: 366 nights. Interest is never paid out, so the balance stays.
    let n = FIRST + 263;
    let panel = single(date(2019, 11, 19), vec![0.0; n], &[], None);
    assert_eq!(panel.calendar().date(FIRST), date(2019, 12, 31));
    assert_eq!(panel.calendar().date(n - 1), date(2020, 12, 31));
    let mut schedules = Schedules::default();
    schedules.financing.post_on_session = 99;
    let interest = |weight: f64, entry: Entry| {
        let mut profile = profile("paper");
        profile.costs.retain(|choice| choice.name == "ibkr_interest");
        profile.rebalance_sessions = None;
        schedules_run(&panel, &bought(weight), &profile, &schedules, entry)
    };
    // 990,000 dollars at 2.0 − 0.5 %; one night too many after the last day would be 1/360 of it.
    let yearly = 990_000.0 * 0.015;
    assert!((interest(0.0, Entry::CreditInterest) - yearly * 367.0 / 360.0).abs() < 0.006);
    // A loan of one million from the settlement on 2020-01-02 on: 100,000 at 3.5 %, the rest at 3 %.
    let nights = 367.0 - 2.0;
    let loan = 1e5 * 0.035 + 9e5 * 0.03;
    assert!((-interest(2.0, Entry::DebitInterest) - loan * nights / 360.0).abs() < 0.006);
}

fn schedules_run(panel: &Panel, targets: &Targets, profile: &Profile, schedules: &Schedules, entry: Entry) -> f64 {
    let run = run_keeping(false, panel, targets, profile, schedules, 1e6, 1.0);
    run.days.iter().flat_map(|d| &d.postings).filter(|p| p.entry == entry).map(|p| p.cents / 100.0).sum()
}

#[test]
fn dividends_are_received_by_longs_and_owed_by_shorts() {
    let mut returns = vec![0.0; 40];
    returns[33] = 0.01;
    let mut prices = vec![100.0f32; 40];
    prices[34..].fill(100.0);
    let panel = single(date(2019, 1, 1), returns, &[(Field::Price, prices)], None);
    for (weight, cents) in [(0.5, 500_000.0), (-0.5, -500_000.0)] {
        let mut profile = profile("paper");
        profile.costs.clear();
        let run = run(&panel, &bought(weight), &profile, 1e6, 1.0);
        let paid: Vec<(usize, f64)> = run
            .days
            .iter()
            .flat_map(|d| &d.postings)
            .filter(|p| p.entry == Entry::Dividend)
            .map(|p| (p.day, p.cents))
            .collect();
        assert_eq!(paid, [(33, cents)]);
        assert_eq!(run.days.last().unwrap().equity, 1e8 + cents);
    }
}

#[test]
fn a_split_multiplies_shares_and_pays_fractions_in_cash() {
    let mut returns = vec![0.0; 40];
    returns[34] = 0.02;
    let mut prices = vec![100.0f32; 40];
    let mut splits = vec![1.0f32; 40];
    splits[33] = 0.125;
    prices[33] = 800.0;
    prices[34..].fill(816.0);
    let panel = single(date(2019, 1, 1), returns, &[(Field::Price, prices), (Field::Split, splits)], None);
    let mut profile = profile("paper");
    profile.costs.clear();
    profile.rebalance_sessions = None;
    let run = run(&panel, &bought(0.100_5), &profile, 1e6, 1.0);
    // 1,005 shares at 100 dollars become 125 shares at 800 and five eighths of one.
    let day = &run.days[3].postings;
    let of = |entry| day.iter().find(|p| p.entry == entry).unwrap();
    assert_eq!((of(Entry::Split).shares, of(Entry::Split).cents), (-880.0, 0.0));
    assert_eq!((of(Entry::CashInLieu).shares, of(Entry::CashInLieu).cents), (0.0, 50_000.0));
    assert_eq!(run.days[3].equity, 1e8);
    assert_eq!(run.days[4].equity, 1e8 + 125.0 * 1600.0);
}

#[test]
fn an_ending_pays_the_last_price_and_the_delisting_return() {
    let mut returns = vec![0.0; 40];
    returns[33..].fill(f64::NAN);
    // A second asset keeps the calendar going.
    let market = |venue, known| {
        let calendar = Calendar::weekdays(date(2019, 1, 1), 40);
        let asset =
            |symbol: &str, venue, r| Asset { symbol: symbol.into(), venue, delisting_return: r, ..Asset::default() };
        let both = Matrix::from_fn(40, 2, |day, a| if a == 0 { returns[day] } else { 0.0 });
        Panel::new(calendar, vec![asset("A", venue, known), asset("B", None, None)], both, BTreeMap::new()).unwrap()
    };
    let left = |rule: &str, venue, known| {
        let text = minvar::costs::DEFAULT_SCHEDULES
            .replace("[profiles.paper]", &format!("[profiles.paper]\ndelisting = {rule}"));
        let schedules = Schedules::parse(&text, "test").unwrap();
        let mut profile = schedules.profile("paper").unwrap().clone();
        profile.costs.clear();
        let run = run_keeping(false, &market(venue, known), &bought(0.5), &profile, &schedules, 1e6, 1.0);
        let end = run.days[3].postings.iter().find(|p| p.entry == Entry::Ending).unwrap();
        assert_eq!((end.day, end.shares), (33, -10_000.0));
        assert_eq!(run.outcome.events[0].kind, EventKind::Ending);
        assert!(run.days[7].settled == run.days[3].settled, "the money comes after five sessions");
        assert!(run.days[8].settled > run.days[7].settled || known == Some(-1.0));
        run.days.last().unwrap().equity / 1e8
    };
    assert_eq!(left("0.0", Some(Venue::Nyse), None), 1.0);
    assert_eq!(left("-0.3", None, None), 0.85);
    assert_eq!(left("\"by_venue\"", Some(Venue::Nyse), None), 0.85);
    assert_eq!(left("\"by_venue\"", Some(Venue::Nasdaq), None), 0.725);
    assert_eq!(left("\"by_venue\"", None, None), 1.0);
    assert_eq!(left("-0.3", None, Some(-1.0)), 0.5);
}

#[test]
fn a_missing_price_carries_the_position_and_its_orders_and_is_flagged() {
    let mut returns = vec![0.0; 40];
    returns[FIRST] = f64::NAN;
    returns[35] = f64::NAN;
    let panel = single(date(2019, 1, 1), returns, &[], None);
    let mut profile = profile("paper");
    profile.costs.clear();
    profile.rebalance_sessions = None;
    let run = run(&panel, &bought(0.5), &profile, 1e6, 1.0);
    let fills: Vec<usize> =
        run.days.iter().flat_map(|d| &d.postings).filter(|p| p.entry == Entry::Fill).map(|p| p.day).collect();
    assert_eq!(fills, [FIRST + 1], "the order waits for a price");
    assert_eq!(run.days[5].equity, 1e8);
    assert_eq!(run.outcome.n_unpriced, 2, "one order and one position");
}

#[test]
fn orders_of_a_day_do_not_depend_on_its_own_prices_or_later_ones() {
    let panel = wild_market(9, date(2015, 1, 1));
    let d = 120;
    let changed = crate::support::altered(&panel, |day, _, r| if day >= d { 0.5 * r + 0.003 } else { r }, |_, _, x| x);
    // The market without opening prices: the last close is the only price known before the auction.
    let blind = |panel: &Panel| {
        let fields = [Field::DollarVolume].into_iter().map(|field| {
            let series = (0..N_ASSETS).flat_map(|a| {
                panel
                    .field(field, a)
                    .unwrap()
                    .iter()
                    .enumerate()
                    .map(|(day, v)| if day >= d { 3.0 * v } else { *v })
                    .collect::<Vec<f32>>()
            });
            (field, series.collect())
        });
        let returns = Matrix::from_fn(N_DAYS, N_ASSETS, |day, a| panel.returns(a)[day]);
        Panel::new(panel.calendar().clone(), panel.assets().to_vec(), returns, fields.collect()).unwrap()
    };
    for name in PROFILES {
        let orders = |panel: &Panel| {
            let targets = random_targets(4, true);
            let run = run(panel, &targets, &profile(name), 1e6, 1.0);
            let fills = run.days.into_iter().take(d - FIRST + 1).flat_map(|day| day.postings);
            fills.filter(|p| p.entry == Entry::Fill).map(|p| (p.day, p.asset, p.shares)).collect::<Vec<_>>()
        };
        let (one, other) = (orders(&blind(&panel)), orders(&blind(&changed)));
        assert!(one.iter().any(|(day, ..)| *day == d) || name != "paper_sequel", "{name} trades on the day");
        assert_eq!(one, other, "{name}");
    }
}

#[test]
fn orders_at_the_open_are_filled_at_the_open_and_earn_the_day() {
    let mut returns = vec![0.0; 40];
    returns[FIRST] = 0.10;
    let mut open = vec![0.0f32; 40];
    open[FIRST] = (1.02f64 / 1.10 - 1.0) as f32;
    let panel = single(date(2019, 1, 1), returns, &[(Field::Open, open)], None);
    let text =
        minvar::costs::DEFAULT_SCHEDULES.replace("[profiles.paper]", "[profiles.paper]\norder = \"market_on_open\"");
    let schedules = Schedules::parse(&text, "test").unwrap();
    let mut profile = schedules.profile("paper").unwrap().clone();
    profile.costs.clear();
    let run = run_keeping(false, &panel, &bought(0.5), &profile, &schedules, 1e6, 1.0);
    let fill = run.days[0].postings.iter().find(|p| p.entry == Entry::Fill).unwrap();
    assert_eq!(fill.shares, 10_000.0, "counted at the last close");
    assert!((fill.price - 51.0).abs() < 1e-5);
    assert!((run.days[0].equity - (1e8 + 100.0 * 10_000.0 * 4.0)).abs() < 30.0);
}

#[test]
fn small_orders_are_left_out_unless_they_close_a_position() {
    let panel = single(date(2019, 1, 1), vec![0.0; 40], &[], None);
    let at = |day, weight| (day, vec![Target { asset: 0, weight }]);
    let targets =
        Targets { days: vec![at(FIRST, 0.5), at(FIRST + 1, 0.5004), at(FIRST + 2, 0.502), at(FIRST + 3, 0.0)] };
    let mut profile = profile("paper");
    profile.costs.clear();
    profile.rebalance_sessions = None;
    profile.min_trade_usd = 1000.0;
    let run = run(&panel, &targets, &profile, 1e6, 1.0);
    let fills: Vec<(usize, f64)> = run
        .days
        .iter()
        .flat_map(|d| &d.postings)
        .filter(|p| p.entry == Entry::Fill)
        .map(|p| (p.day - FIRST, p.shares))
        .collect();
    assert_eq!(fills, [(0, 10_000.0), (2, 40.0), (3, -10_040.0)]);
}
