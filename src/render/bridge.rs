//! The bridge from the gross to the net return: bars of costs, one frame per profile and capital.

use crate::grouping::grouped;
use crate::render::canvas::{Anchor, Canvas, Figure, GRID, INK, Picture, colour, text_width};
use crate::render::frames::round_ticks;
use crate::render::{AccountRow, dollars};

const PLOT: f64 = 300.0;
const TOP: f64 = 72.0;
const ROW: f64 = 21.0;
const BOTTOM: f64 = 30.0;
const RIGHT: f64 = 108.0;
const SMALL: f64 = 11.0;

/// One bar per account, divided into groups of components: paid amounts to the left of zero, received ones to the
/// right. The gross and net returns are written beside the bar.
pub fn bridge_figure(title: &str, rows: &[AccountRow], name: impl Fn(&AccountRow) -> String) -> Figure {
    let mut groups = grouped(rows.iter().map(|row| ((row.profile.as_str(), row.capital_usd), row)));
    // Sorted by capital, so that profiles with the same capital are side by side.
    groups.sort_by(|a, b| a.0.1.total_cmp(&b.0.1));
    let left = 20.0 + rows.iter().map(|row| text_width(&name(row), SMALL)).fold(40.0, f64::max);
    let picture = |((profile, capital), group): &((&str, f64), Vec<&AccountRow>)| {
        let heading = format!("{profile}, {} dollars: basis points a year", dollars(*capital));
        let height = TOP + ROW * group.len() as f64 + BOTTOM;
        Picture::draw(left + PLOT + RIGHT, height, |canvas| draw_frame(canvas, &heading, group, &name, left))
    };
    Figure { title: title.to_string(), frames: groups.iter().map(picture).collect() }
}

fn draw_frame(canvas: &Canvas, heading: &str, rows: &[&AccountRow], name: &impl Fn(&AccountRow) -> String, left: f64) {
    canvas.text(heading, (8.0, 11.0), 12.0, INK, Anchor::Left);
    canvas.text("gross → net, %", (left + PLOT + RIGHT - 4.0, 11.0), SMALL, INK, Anchor::Right);
    let (mut at, mut line) = (14.0, 28.0);
    for (k, (group, _)) in rows[0].grouped_bps().iter().enumerate() {
        let width = 26.0 + text_width(group, SMALL);
        if at + width > left + PLOT + RIGHT {
            (at, line) = (14.0, line + 15.0);
        }
        canvas.bar((at - 4.0, line - 4.0), (at + 4.0, line + 4.0), colour(k));
        canvas.text(group, (at + 9.0, line), SMALL, INK, Anchor::Left);
        at += width;
    }
    let side = |row: &AccountRow, sign: f64| -> f64 {
        row.grouped_bps().iter().map(|(_, bps)| bps * sign).filter(|bps| *bps > 0.0).sum()
    };
    let low = -1.04 * rows.iter().map(|row| side(row, -1.0)).fold(1.0, f64::max);
    let high = 1.04 * rows.iter().map(|row| side(row, 1.0)).fold(1.0, f64::max);
    let pixel = |value: f64| left + PLOT * (value - low) / (high - low);
    let bottom = TOP + ROW * rows.len() as f64;
    for (value, text) in round_ticks(low, high, 6) {
        canvas.line(&[(pixel(value), TOP - 6.0), (pixel(value), bottom)], GRID, 1.0);
        canvas.text(&text, (pixel(value), bottom + 12.0), SMALL, INK, Anchor::Centre);
    }
    for (k, row) in rows.iter().enumerate() {
        let y = TOP + ROW * (k as f64 + 0.5);
        canvas.text(&name(row), (left - 10.0, y), SMALL, INK, Anchor::Right);
        let (mut below, mut above) = (0.0, 0.0);
        for (group, (what, bps)) in row.grouped_bps().iter().enumerate() {
            let end = if *bps < 0.0 { &mut below } else { &mut above };
            let (from, to) = (pixel(*end), pixel(*end + bps));
            *end += bps;
            if (from - to).abs() > 0.05 {
                canvas.group(&[("class", "bar"), ("data-label", what), ("data-value", &format!("{bps}"))], |canvas| {
                    canvas.bar((from.min(to), y - 7.0), (from.max(to), y + 7.0), colour(group));
                });
            }
        }
        let returns = format!("{:.2} → {:.2}", row.gross_bps / 100.0, row.net_bps / 100.0).replace('-', "−");
        canvas.text(&returns, (left + PLOT + RIGHT - 4.0, y), SMALL, INK, Anchor::Right);
    }
    canvas.line(&[(pixel(0.0), TOP - 6.0), (pixel(0.0), bottom)], INK, 1.0);
}
