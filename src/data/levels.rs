//! Column names that combine a field and a symbol: `('Close', 'AAA')`, `AAA Close`, `Close_AAA`, `AAA.Adjusted`.

use crate::data::words::{is_field, plain};

/// Field and symbol of every column, both empty for a column whose name is not such a pair. `None` unless at least
/// two names are pairs and at most one, that of the dates, is not.
pub(super) fn of_names(names: &[String]) -> Option<Vec<(String, String)>> {
    let pairs: Vec<Option<(String, String)>> = names.iter().map(|name| pair(name)).collect();
    let n_pairs = pairs.iter().flatten().count();
    // One column may have such a name by chance, but not all of them.
    let is_table = n_pairs >= 2 && n_pairs + 1 >= names.len();
    let mut found = is_table.then(|| oriented(pairs.iter().flatten().cloned().collect())).flatten()?.into_iter();
    Some(pairs.into_iter().map(|pair| pair.and_then(|_| found.next()).unwrap_or_default()).collect())
}

/// Turns pairs into (field, symbol), whichever way round all of them are. LOW and OPEN are symbols, too: if both
/// sides are names of fields, the side with more different names holds the fields.
pub(super) fn oriented(pairs: Vec<(String, String)>) -> Option<Vec<(String, String)>> {
    let n_different = |side: fn(&(String, String)) -> &String| {
        pairs.iter().map(|pair| plain(side(pair))).collect::<std::collections::BTreeSet<_>>().len()
    };
    let (first, second) = (pairs.iter().all(|(a, _)| is_field(a)), pairs.iter().all(|(_, b)| is_field(b)));
    let field_first = match (first, second) {
        (true, true) => match n_different(|pair| &pair.0).cmp(&n_different(|pair| &pair.1)) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => return None,
        },
        (false, false) => return None,
        (first, _) => first,
    };
    Some(pairs.into_iter().map(|(a, b)| if field_first { (a, b) } else { (b, a) }).collect())
}

/// The two parts of a name, one of which is a field.
fn pair(name: &str) -> Option<(String, String)> {
    if is_field(name) {
        return None;
    }
    let is_pair = |(a, b): &(String, String)| !a.is_empty() && !b.is_empty() && (is_field(a) || is_field(b));
    if let Some(inner) = name.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let (a, b) = inner.split_once(',')?;
        let bare = |text: &str| text.trim().trim_matches(['\'', '"']).to_string();
        return Some((bare(a), bare(b))).filter(is_pair);
    }
    let cut = |place: usize| (name[..place].to_string(), name[place + 1..].trim().to_string());
    let places = name.char_indices().filter(|(_, c)| " _.:-".contains(*c)).map(|(place, _)| place);
    // Adj Close is one field: the longest field wins, and of two equally long ones the one whose other side is not a
    // field.
    let length = |(a, b): &(String, String)| match (is_field(a), is_field(b)) {
        (true, true) => (a.len().max(b.len()), false),
        (first, _) => (if first { a.len() } else { b.len() }, true),
    };
    places.map(cut).filter(is_pair).max_by_key(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_symbols_are_told_apart() {
        let found = |name: &str| {
            let pairs = oriented(vec![pair(name)?])?;
            pairs.into_iter().next().map(|(field, symbol)| format!("{field}|{symbol}"))
        };
        for (name, expected) in [
            ("('Close', 'AAA')", "Close|AAA"),
            ("('BRK.B', 'Adj Close')", "Adj Close|BRK.B"),
            ("AAA.Adjusted", "Adjusted|AAA"),
            ("Adj Close AAA", "Adj Close|AAA"),
            ("AAA_Adj_Close", "Adj_Close|AAA"),
            ("Close_BRK.B", "Close|BRK.B"),
        ] {
            assert_eq!(found(name).as_deref(), Some(expected), "{name}");
        }
        for name in ["Close", "AAA", "Adj Close", "BRK.B", "('', 'AAA')", "Date"] {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn symbols_may_be_called_like_fields() {
        let names = ["Date", "Close_LOW", "High_LOW", "Low_LOW", "Volume_LOW"].map(String::from);
        let found = of_names(&names).unwrap();
        assert_eq!((found[0].0.as_str(), found[3].0.as_str(), found[3].1.as_str()), ("", "Low", "LOW"));
        let names =
            ["Date", "LOW.Close", "OPEN.Close", "LOW.High", "OPEN.High", "LOW.Open", "OPEN.Open"].map(String::from);
        assert_eq!(of_names(&names).unwrap()[2], ("Close".to_string(), "OPEN".to_string()));
        let adjusted = ["Date", "LOW_Adj Close", "AAA_Adj Close", "LOW_Close", "AAA_Close"].map(String::from);
        let found = of_names(&adjusted).unwrap();
        assert_eq!(found[1], ("Adj Close".to_string(), "LOW".to_string()));
        let numbered = ["timestamp", "1. open", "2. high", "3. low", "4. close", "5. volume"].map(String::from);
        assert_eq!(of_names(&numbered), None);
    }
}
