//! `minvar list`: what can be compared.

use std::io::Write;

use crate::{allocators, estimators};

pub(super) fn run() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "estimators ([compare] estimators)")?;
    for entry in estimators::ALL {
        let above = if entry.invertible_above_t { "n > T" } else { "n < T" };
        writeln!(out, "  {:<20} {above}  {}", entry.name, entry.reference)?;
    }
    writeln!(out, "  {:<20} n > T  the true covariance of a synthetic market", "oracle")?;
    writeln!(
        out,
        "  {:<20} n > T  the network of [train.NAME], trained for each year before it",
        "{ train = \"NAME\" }"
    )?;
    writeln!(out, "  {:<20} n > T  a trained network, see 'minvar model show FILE'", "{ model = \"FILE\" }")?;
    writeln!(out, "allocators ([compare] allocators)")?;
    for entry in allocators::ALL {
        writeln!(out, "  {:<20}        {}", entry.name, entry.reference)?;
    }
    Ok(())
}
