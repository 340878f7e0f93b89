//! Numbers as people write them, and the codes for missing ones.
//!
//! ```text
//! 1234.5   1,234.5   1234,5   1.234,5   1 234,5   $75.09   0.5 %   −0.5   (1.2)   1.2e-3
//! ```
//! Whether a comma or a point is the decimal mark is decided once for a whole file. A percent sign divides by 100.

/// The decimal mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decimal {
    Point,
    Comma,
}

/// Codes for a missing value that need no option; the empty cell is one too.
const STANDARD: [&str; 10] = ["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", ".", "-"];

/// Codes for missing values: the standard ones and those that the user adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MissingCodes {
    texts: Vec<String>,
    numbers: Vec<f64>,
    nan: bool,
    /// Whether the codes come from an experiment file and not from the command line.
    from_file: bool,
}

impl MissingCodes {
    /// The standard codes: an empty cell, a null, `NA`, `N/A`, `n/a`, `#N/A`, `null`, `NULL`, `None`, a lone point or dash.
    pub fn standard() -> Self {
        Self::default()
    }

    /// The standard codes and others: words, numbers such as `-99.99`, or `NaN`.
    pub fn with<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        for code in codes.into_iter().map(str::trim) {
            match code.parse::<f64>() {
                Ok(number) if number.is_nan() => all.nan = true,
                Ok(number) => all.numbers.push(number),
                Err(_) => {}
            }
            all.texts.push(code.to_string());
        }
        all
    }

    /// These codes, marked as coming from an experiment file, so that messages name its keys.
    pub fn from_file(self) -> Self {
        Self { from_file: true, ..self }
    }

    /// What a user writes to add a code.
    pub(super) fn way_in(&self, code: &str) -> String {
        let is_plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte));
        let quote = if is_plain { "" } else { "'" };
        let option = format!("--missing {quote}{code}{quote}");
        if self.from_file {
            format!("missing = [\"{code}\"] to rates = {{ file = … }} (or {option})")
        } else {
            option
        }
    }

    /// What a user writes to set another option of reading.
    pub(super) fn option(&self, name: &str, value: &str) -> String {
        let option = format!("--{name} {value}");
        if self.from_file { format!("{} = \"{value}\" (or {option})", name.replace('-', "_")) } else { option }
    }

    /// The codes added to the standard ones.
    pub fn added(&self) -> &[String] {
        &self.texts
    }

    pub(super) fn is_text(&self, text: &str) -> bool {
        STANDARD.contains(&text) || self.texts.iter().any(|code| code == text)
    }

    pub(super) fn is_number(&self, x: f64) -> bool {
        (self.nan && x.is_nan()) || self.numbers.contains(&x)
    }
}

/// The number that a cell holds, including NaN and infinities; `None` if it holds anything else.
pub(super) fn parse(text: &str, decimal: Decimal) -> Option<f64> {
    if decimal == Decimal::Point
        && let Ok(number) = text.parse()
    {
        return Some(number);
    }
    let (text, factor) = match text.strip_suffix('%') {
        Some(rest) => (rest.trim_end(), 0.01),
        None => (text, 1.0),
    };
    let (text, sign) = match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => (inner, -1.0),
        None => match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (rest, -1.0),
            None => (text.strip_prefix('+').unwrap_or(text), 1.0),
        },
    };
    let text = text.trim().trim_start_matches(['$', '€', '£', '¥']);
    let (point, group) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let (whole, rest) = text.split_once(point).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let groups: Vec<&str> = whole.split([group, '\'', ' ', '\u{a0}', '\u{202f}']).collect();
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = groups.len() == 1
        || (groups[0].len() <= 3 && groups.iter().all(|g| is_digits(g)) && groups[1..].iter().all(|g| g.len() == 3));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || b"eE+-".contains(&byte));
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || c == point);
    if !begins
        || !text.contains(|c: char| c.is_ascii_digit())
        || !grouped
        || !plain(rest.unwrap_or(""))
        || !groups.iter().all(|part| plain(part))
    {
        return None;
    }
    let number: f64 = format!("{}.{}", groups.concat(), rest.unwrap_or("0")).parse().ok()?;
    Some(sign * factor * number)
}

/// Whether a text is a number with either decimal mark. NAN and INF do not count: they may be names.
pub(super) fn is_numeric(text: &str) -> bool {
    let text = text.trim();
    text.contains(|c: char| c.is_ascii_digit())
        && [Decimal::Point, Decimal::Comma].into_iter().any(|decimal| parse(text, decimal).is_some())
}

/// The decimal mark in the cells of a file. The error names two cells that contradict each other, or a cell that may
/// be read either way.
pub(super) fn decimal<'a>(cells: impl Iterator<Item = &'a str>, separator: u8) -> Result<Decimal, String> {
    let (mut comma, mut point, mut unclear): (Option<&str>, Option<&str>, Option<&str>) = (None, None, None);
    for cell in cells.map(str::trim) {
        if !cell.contains(',') && (point.is_some() || !cell.contains('.')) {
            continue;
        }
        let is_numeric = |c: char| c.is_ascii_digit() || " .,-+%$€'()\u{2212}".contains(c);
        if !cell.chars().all(is_numeric) || !cell.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let (last_comma, last_point) = (cell.rfind(','), cell.rfind('.'));
        let settled = |place: usize, mark: char| {
            let digits = cell[place + 1..].chars().take_while(char::is_ascii_digit).count();
            let leads = cell[..place].trim_start_matches(['-', '+', '$', '(', '\u{2212}']);
            cell.matches(mark).count() == 1 && (digits != 3 || leads == "0" || leads.is_empty() || leads.len() > 3)
        };
        match (last_comma, last_point) {
            (Some(c), Some(p)) if c > p => comma = comma.or(Some(cell)),
            (Some(_), Some(_)) => point = point.or(Some(cell)),
            (Some(c), None) if settled(c, ',') => comma = comma.or(Some(cell)),
            (Some(_), None) if cell.matches(',').count() > 1 => point = point.or(Some(cell)),
            (Some(_), None) => unclear = unclear.or(Some(cell)),
            (None, Some(p)) if settled(p, '.') => point = point.or(Some(cell)),
            _ => {}
        }
    }
    match (comma, point, unclear) {
        (Some(a), Some(b), _) => Err(format!("'{a}' has a decimal comma and '{b}' a decimal point; use one of them")),
        (Some(_), None, _) => Ok(Decimal::Comma),
        // In a comma-separated file, a comma in quotation marks separates thousands.
        (None, None, Some(cell)) if separator != b',' => Err(format!(
            "'{cell}' may have a decimal comma or groups of thousands, and no other cell decides it; write decimal \
             points"
        )),
        _ => Ok(Decimal::Point),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        use Decimal::{Comma, Point};
        for (text, decimal, expected) in [
            ("1234.5", Point, 1234.5),
            ("1,234.5", Point, 1234.5),
            ("12,345,678", Point, 12_345_678.0),
            ("1234,5", Comma, 1234.5),
            ("1.234,5", Comma, 1234.5),
            ("1 234,5", Comma, 1234.5),
            ("$75.09", Point, 75.09),
            ("-0,5 %", Comma, -0.005),
            ("\u{2212}0.5", Point, -0.5),
            ("(1.2)", Point, -1.2),
            ("1.2e-3", Point, 1.2e-3),
            ("1,2e-3", Comma, 1.2e-3),
            ("-7", Comma, -7.0),
        ] {
            let number = parse(text, decimal).unwrap_or_else(|| panic!("{text}"));
            assert!((number - expected).abs() < 1e-12 * expected.abs(), "{text}: {number}");
        }
        for text in ["", "x", "1,23", "12,34.5", "1.2.3", "--5", "1-2", "0x10", "5 %%"] {
            assert_eq!(parse(text, Point), None, "{text}");
        }
    }

    #[test]
    fn the_decimal_mark_is_settled_by_the_file() {
        let found = |cells: &[&str], separator| decimal(cells.iter().copied(), separator);
        assert_eq!(found(&["Date", "100,44", "1.234"], b';'), Ok(Decimal::Comma));
        assert_eq!(found(&["0,123", "0,456"], b';'), Ok(Decimal::Comma));
        assert_eq!(found(&["1,234.50"], b','), Ok(Decimal::Point));
        assert_eq!(found(&["1,234", "5,678"], b','), Ok(Decimal::Point));
        assert_eq!(found(&["1,234", "0.5"], b';'), Ok(Decimal::Point));
        assert_eq!(found(&["a, b", "2019.05.01"], b';'), Ok(Decimal::Point));
        assert!(found(&["1,234", "5,678"], b';').unwrap_err().contains("no other cell decides it"));
        assert!(found(&["1,5", "2.5"], b';').unwrap_err().contains("'1,5' has a decimal comma and '2.5'"));
    }

    #[test]
    fn missing_codes_are_a_listed_set() {
        let codes = MissingCodes::with(["NaN", "-99.99", "x"]);
        assert!(codes.is_text("") && codes.is_text("x") && !codes.is_text("y"));
        assert!(codes.is_number(-99.99) && codes.is_number(f64::NAN) && !codes.is_number(0.0));
        assert!(!MissingCodes::standard().is_number(f64::NAN) && !MissingCodes::standard().is_text("NaN"));
    }
}
