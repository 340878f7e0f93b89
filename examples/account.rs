//! An account that trades weights under costs and margin: `cargo run --release --example account`.

use minvar::costs::{BenchmarkRate, Schedules};
use minvar::panel::SizeRanks;
use minvar::policies::{Rebalance, Stored, Target, Targets};
use minvar::prelude::*;
use minvar::simulator::{Followed, Observed, Setting, Simulator, follow};

fn main() -> Result<()> {
    let (panel, _) = SyntheticMarket::complete(50, 750).simulate()?;
    let equal = (0..50).map(|asset| Target { asset, weight: 0.02 }).collect();
    let targets = Targets { days: vec![(250, equal)] }; // decided on day 250, rebalanced every five sessions
    let schedules = Schedules::default();
    let (benchmark, ranks) = (BenchmarkRate::yearly(&schedules), SizeRanks::new(&panel, 250, 750));
    for name in ["frictionless", "paper", "realistic", "stress"] {
        let simulator = Simulator::new(schedules.profile(name)?, &schedules, &benchmark, &ranks)?;
        let setting = Setting { panel: &panel, assets: targets.assets(), first: 250, end: 750 };
        let policy = &mut Stored::new(&targets, Rebalance::Every(5));
        let observe = &mut |_: &Observed<'_>| Ok(());
        let outcome = follow(&setting, Followed { simulator: &simulator, capital_usd: 1e6, policy, observe })?;
        let end = outcome.equity_usd.last().copied().unwrap_or(1e6);
        println!("{name:12} {:12.0} dollars after two years, {} trades", end, outcome.n_fills);
    }
    Ok(())
}
