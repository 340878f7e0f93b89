//! What leads from the gross to the net return: bars of costs, one frame per profile and capital.

use crate::report::canvas::{Anchor, Canvas, GRID, INK, Scale, colour, draw};
use crate::report::lines::round_ticks;
use crate::report::{AccountRow, dollars};

const WIDTH: i32 = 620;
const TITLE: i32 = 62;
const TOP: i32 = 32;
const ROW: i32 = 24;
const BOTTOM: i32 = 46;
const LEFT: i32 = 130;
const RIGHT: i32 = 120;

/// The SVG: a bar for each account, cut by groups of components; left of zero what is paid, right of it what is received.
/// Behind the bar the returns, gross and net.
pub fn bridge_figure(title: &str, rows: &[AccountRow], name: impl Fn(&AccountRow) -> String) -> String {
    let mut frames: Vec<((&str, f64), Vec<&AccountRow>)> = Vec::new();
    for row in rows {
        let key = (row.profile.as_str(), row.capital_usd);
        match frames.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(row),
            None => frames.push((key, vec![row])),
        }
    }
    let mut profiles: Vec<&str> = frames.iter().map(|((profile, _), _)| *profile).collect();
    profiles.dedup();
    let columns = profiles.len().clamp(1, 2);
    // One profile a column, capital growing downwards, if there are as many frames in each.
    let per_column = frames.len().div_ceil(columns);
    let most = frames.iter().map(|(_, group)| group.len()).max().unwrap_or(0) as i32;
    let height = TOP + ROW * most + BOTTOM;
    let (width, total) = (WIDTH * columns as i32, TITLE + height * per_column as i32);
    draw(width as u32, total as u32, |canvas| {
        canvas.text(title, (16, 20), 16, INK, Anchor::Left);
        let mut at = 16;
        let groups = rows.first().map(AccountRow::grouped_bps).unwrap_or_default();
        for (k, (group, _)) in groups.iter().enumerate() {
            canvas.bar((at, 40), (at + 12, 52), colour(k));
            canvas.text(group, (at + 18, 46), 12, INK, Anchor::Left);
            at += 40 + 7 * group.len() as i32;
        }
        for (k, ((profile, capital), group)) in frames.iter().enumerate() {
            let corner = ((k / per_column) as i32 * WIDTH, TITLE + (k % per_column) as i32 * height);
            let heading = format!("{profile}, {} dollars: basis points a year", dollars(*capital));
            frame(canvas, corner, &heading, group, &name);
        }
    })
}

fn frame(
    canvas: &Canvas<'_>,
    (left, top): (i32, i32),
    heading: &str,
    rows: &[&AccountRow],
    name: &impl Fn(&AccountRow) -> String,
) {
    canvas.text(heading, (left + 16, top + 10), 13, INK, Anchor::Left);
    canvas.text("gross → net, %", (left + WIDTH - RIGHT + 12, top + 10), 12, INK, Anchor::Left);
    let side = |row: &AccountRow, sign: f64| -> f64 {
        row.grouped_bps().iter().map(|(_, bps)| bps * sign).filter(|bps| *bps > 0.0).sum()
    };
    let low = -rows.iter().map(|row| side(row, -1.0)).fold(1.0, f64::max);
    let high = rows.iter().map(|row| side(row, 1.0)).fold(1.0, f64::max);
    let x = Scale { values: (1.04 * low, 1.04 * high), pixels: (left + LEFT, left + WIDTH - RIGHT) };
    let bottom = top + TOP + ROW * rows.len() as i32;
    for (value, text) in round_ticks(low, high, 6) {
        let at = x.pixel(value);
        canvas.line(vec![(at, top + TOP - 6), (at, bottom)], GRID, 1);
        canvas.text(&text, (at, bottom + 13), 12, INK, Anchor::Centre);
    }
    for (k, row) in rows.iter().enumerate() {
        let y = top + TOP + ROW * k as i32 + ROW / 2 - 3;
        canvas.text(&name(row), (x.pixels.0 - 10, y), 12, INK, Anchor::Right);
        let (mut below, mut above) = (0.0, 0.0);
        for (group, (_, bps)) in row.grouped_bps().iter().enumerate() {
            let end = if *bps < 0.0 { &mut below } else { &mut above };
            let (from, to) = (x.pixel(*end), x.pixel(*end + bps));
            *end += bps;
            if from != to {
                canvas.bar((from.min(to), y - 7), (from.max(to), y + 7), colour(group));
            }
        }
        let returns = format!("{:.2} → {:.2}", row.gross_bps / 100.0, row.net_bps / 100.0);
        canvas.text(&returns, (x.pixels.1 + 12, y), 12, INK, Anchor::Left);
    }
    let zero = x.pixel(0.0);
    canvas.line(vec![(zero, top + TOP - 6), (zero, bottom)], INK, 1);
}
