//! Helpers of the slippage models: the size of an order relative to the market's volume, and the volatility of a
//! stock.

use rand::RngExt;

use crate::account::{Auction, Entry, Fill};
use crate::costs::schedules::Slippage;
use crate::costs::{Charge, Day};
use crate::panel::Venue;
use crate::random;

/// Share of the daily volume assumed if the volume is unknown: the largest that is usually allowed in a closing
/// auction.
const UNKNOWN_PARTICIPATION: f64 = 0.05;
/// Seed of the random signs of the opening noise. It is the same for every account, so that accounts do not differ by
/// noise.
const NOISE_SEED: u64 = 0x6e6f697365;

/// All fills but those of forced liquidations, which have a model of their own.
pub(super) fn orders<'a>(day: &'a Day<'_>) -> impl Iterator<Item = &'a Fill> {
    day.fills.iter().filter(|fill| fill.auction != Auction::Liquidation)
}

/// Slippage of `bps` basis points of the traded value.
pub(super) fn of_bps(fill: &Fill, bps: f64) -> Charge {
    of_usd(fill, 1e-4 * bps * fill.value())
}

/// Slippage in dollars.
pub(super) fn of_usd(fill: &Fill, usd: f64) -> Charge {
    Charge { entry: Entry::Slippage, asset: Some(fill.asset), usd }
}

/// Traded value over the mean dollar volume of the `window_days` days before.
pub(super) fn participation(day: &Day<'_>, fill: &Fill, window_days: usize) -> f64 {
    let volume = day.quotes.average_dollar_volume(fill.asset, window_days).filter(|volume| *volume > 0.0);
    volume.map_or(UNKNOWN_PARTICIPATION, |volume| fill.value() / volume)
}

impl Slippage {
    /// Daily volatility over the reference volatility; 1 if unknown.
    pub(super) fn relative_volatility(&self, day: &Day<'_>, fill: &Fill) -> f64 {
        let sigma = day.quotes.volatility(fill.asset, self.sigma_window_days);
        sigma.map_or(1.0, |sigma| sigma / self.sigma_ref_daily)
    }

    /// k in the closing auction and in continuous trading, bps.
    pub(super) fn k(&self, venue: Option<Venue>, rank: u32) -> (f64, f64) {
        let size = match rank {
            rank if rank <= self.large_up_to_rank => "large",
            rank if rank <= self.small_up_to_rank => "small",
            _ => "micro",
        };
        let known = self.impact.iter().find(|k| venue.is_some() && Venue::named(&k.venue) == venue && k.size == size);
        known.map_or((self.unknown_venue_close, self.unknown_venue_continuous), |k| (k.close, k.continuous))
    }

    /// Half-spread by date and size rank, bps.
    pub(super) fn half_spread(&self, day: &Day<'_>, fill: &Fill) -> f64 {
        let bps = super::schedules::at(&self.half_spread_bps, day.date).bps;
        bps[day.ranks[fill.asset].saturating_sub(1).div_euclid(500).min(2) as usize]
    }

    /// The share of an order that trades continuously because Nasdaq had no auction yet: all of it, or where the exchange
    /// is unknown, the part that is expected to be on Nasdaq.
    pub(super) fn without_auction(&self, day: &Day<'_>, fill: &Fill) -> f64 {
        let since = if fill.auction == Auction::Open { self.nasdaq_open_from } else { self.nasdaq_close_from };
        match venue(day, fill) {
            _ if day.date >= since => 0.0,
            Some(Venue::Nasdaq) => 1.0,
            Some(_) => 0.0,
            None => self.unknown_venue_nasdaq_share,
        }
    }

    /// Half-spread plus impact on Nasdaq before it had an auction, bps; `size` = √(Q / ADV) · σ / σ_ref.
    pub(super) fn nasdaq_before_auctions(&self, day: &Day<'_>, fill: &Fill, size: f64) -> f64 {
        self.k(Some(Venue::Nasdaq), day.ranks[fill.asset]).1 * size + self.half_spread(day, fill)
    }
}

pub(super) fn venue(day: &Day<'_>, fill: &Fill) -> Option<Venue> {
    day.quotes.panel().assets()[fill.asset].venue
}

/// A random sign, 1 or −1, which depends only on day and asset.
pub(super) fn noise_sign(day: &Day<'_>, fill: &Fill) -> f64 {
    let stream = ((day.quotes.day() as u64) << 32) | fill.asset as u64;
    if random::generator(NOISE_SEED, stream).random::<bool>() { 1.0 } else { -1.0 }
}
