//! Names that hold a field and a symbol: `('Close', 'AAA')`, `AAA Close`, `Close_AAA`, `AAA.Adjusted`.

use crate::data::text::is_field;

/// Field and symbol of every column but those that hold neither, if at least two do and all others are a date's.
pub(super) fn of_names(names: &[String]) -> Option<Vec<(String, String)>> {
    let pairs: Vec<Option<(String, String)>> = names.iter().map(|name| pair(name)).collect();
    let n_pairs = pairs.iter().flatten().count();
    // One column may be called so by chance, all of them not.
    let is_table = n_pairs >= 2 && n_pairs + 1 >= names.len();
    is_table.then(|| pairs.into_iter().map(Option::unwrap_or_default).collect())
}

fn pair(name: &str) -> Option<(String, String)> {
    if is_field(name) {
        return None;
    }
    let inner = name.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let (a, b) = match inner {
        Some(inner) => {
            let (a, b) = inner.split_once(',')?;
            let bare = |text: &str| text.trim().trim_matches(['\'', '"']).to_string();
            (bare(a), bare(b))
        }
        None => {
            let cut = |place: usize| (name[..place].to_string(), name[place + 1..].trim().to_string());
            let places = name.char_indices().filter(|(_, c)| " _.:-".contains(*c)).map(|(place, _)| place);
            // Adj Close is one field: the longest field wins.
            let is_pair = |(a, b): &(String, String)| !a.is_empty() && !b.is_empty() && is_field(a) != is_field(b);
            let length = |(a, b): &(String, String)| if is_field(a) { a.len() } else { b.len() };
            places.map(cut).filter(is_pair).max_by_key(length)?
        }
    };
    match (is_field(&a), is_field(&b)) {
        (true, false) if !b.is_empty() => Some((a, b)),
        (false, true) if !a.is_empty() => Some((b, a)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_symbols_are_told_apart() {
        let found = |name: &str| pair(name).map(|(field, symbol)| format!("{field}|{symbol}"));
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
}
