//! Two tables of a portfolio's history: the return of every month, and its worst drawdowns.

use crate::calendar::Date;
use crate::grouping::grouped;
use crate::metrics;
use crate::render::Sheet;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Number of drawdowns in a table.
const WORST: usize = 5;

/// Compounded returns in %, a row for every calendar year and a column for every month, and the year as a whole. A month or year in
/// which the portfolio did not exist on every day has the return of the days on which it did.
pub fn monthly_sheet(caption: &str, dates: &[Date], returns: &[f64]) -> Sheet {
    let mut header = vec!["year"];
    header.extend(MONTHS);
    header.push("year as a whole");
    let mut sheet = Sheet::new(format!("{caption}: return of every month, %"), &header, 1);
    let lived = dates.iter().zip(returns).filter(|(_, r)| !r.is_nan());
    let percent = |returns: &[f64]| format!("{:.1}", 100.0 * metrics::total_return(returns));
    for (year, days) in grouped(lived.map(|(date, r)| (date.year(), (date.month(), *r)))) {
        let all: Vec<f64> = days.iter().map(|(_, r)| *r).collect();
        let mut cells = vec![year.to_string()];
        for month in 1..=12 {
            let inside: Vec<f64> = days.iter().filter(|(own, _)| *own == month).map(|(_, r)| *r).collect();
            cells.push(if inside.is_empty() { String::new() } else { percent(&inside) });
        }
        cells.push(percent(&all));
        sheet.rows.push(cells);
    }
    sheet
}

/// A loss from a peak until the peak is reached again.
#[derive(Clone, Debug, PartialEq)]
struct Drawdown {
    /// The last day at the peak, as a place in an equity curve; 0 is the start.
    peak: usize,
    trough: usize,
    /// The first day at the peak or above it; `None` if that has not come.
    recovered: Option<usize>,
    depth: f64,
}

/// Drawdowns of an equity curve, the deepest first; they do not overlap.
fn drawdowns(equity: &[f64]) -> Vec<Drawdown> {
    let mut all: Vec<Drawdown> = Vec::new();
    let mut peak = 0;
    let mut current: Option<Drawdown> = None;
    for (day, value) in equity.iter().enumerate() {
        if *value >= equity[peak] {
            all.extend(current.take().map(|drawdown| Drawdown { recovered: Some(day), ..drawdown }));
            peak = day;
            continue;
        }
        let depth = value / equity[peak] - 1.0;
        let open = current.get_or_insert(Drawdown { peak, trough: day, recovered: None, depth });
        if depth < open.depth {
            (open.trough, open.depth) = (day, depth);
        }
    }
    all.extend(current);
    all.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    all
}

/// The worst drawdowns with their dates and trading days.
pub fn drawdown_sheet(caption: &str, dates: &[Date], returns: &[f64]) -> Sheet {
    let header = ["loss", "peak", "trough", "recovered", "days down", "days to recover"];
    let mut sheet = Sheet::new(format!("{caption}: worst drawdowns"), &header, 0);
    let lived: Vec<(Date, f64)> =
        dates.iter().copied().zip(returns.iter().copied()).filter(|p| !p.1.is_nan()).collect();
    let returns: Vec<f64> = lived.iter().map(|p| p.1).collect();
    let date = |day: usize| if day == 0 { "start".to_string() } else { lived[day - 1].0.to_string() };
    for d in drawdowns(&metrics::equity(&returns)).into_iter().take(WORST) {
        sheet.rows.push(vec![
            format!("{:.1} %", 100.0 * d.depth),
            date(d.peak),
            date(d.trough),
            d.recovered.map_or("not yet".to_string(), date),
            (d.trough - d.peak).to_string(),
            d.recovered.map_or(String::new(), |day| (day - d.trough).to_string()),
        ]);
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(n: usize) -> Vec<Date> {
        let first = jiff::civil::date(2021, 1, 30);
        (0..n).map(|day| first.checked_add(jiff::Span::new().days(day as i64)).unwrap()).collect()
    }

    #[test]
    fn months_and_years_compound_their_days() {
        let sheet = monthly_sheet("p", &days(4), &[0.1, 0.1, -0.5, f64::NAN]);
        assert_eq!(sheet.rows.len(), 1);
        assert_eq!(sheet.rows[0][..3], ["2021", "21.0", "-50.0"]);
        assert_eq!((sheet.rows[0][3].as_str(), sheet.rows[0][13].as_str()), ("", "-39.5"));
    }

    #[test]
    fn drawdowns_go_from_peak_to_peak_and_the_last_may_be_open() {
        let returns = [0.1, -0.1, -0.1, 0.5, -0.5, 0.1];
        let found = drawdowns(&metrics::equity(&returns));
        assert_eq!((found[0].peak, found[0].trough, found[0].recovered), (4, 5, None));
        assert_eq!((found[1].peak, found[1].trough, found[1].recovered), (1, 3, Some(4)));
        assert!((found[1].depth + 0.19).abs() < 1e-12);
        let sheet = drawdown_sheet("p", &days(6), &returns);
        assert_eq!(sheet.rows[0], ["-50.0 %", "2021-02-02", "2021-02-03", "not yet", "1", ""]);
        assert_eq!(sheet.rows[1][4..], ["2", "1"]);
        assert!(drawdowns(&[1.0, 1.0, 1.1]).is_empty());
    }
}
