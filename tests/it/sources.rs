//! Rules about the source itself: layers, uses of external crates, headers, length.

use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules in the order of `lib.rs`.
fn modules() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("lib.rs")).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(String::from)).collect()
}

/// The module that a file belongs to.
fn module_of(path: &Path) -> Option<String> {
    let first = path.strip_prefix(root()).unwrap().components().next().unwrap();
    let name = first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_string();
    (name != "lib" && name != "main").then_some(name)
}

/// The code of a file without comments and without its modules of unit tests.
fn code(path: &Path) -> String {
    without_tests(&std::fs::read_to_string(path).unwrap())
}

fn without_tests(text: &str) -> String {
    let mut parts = text.split("#[cfg(test)]\nmod ");
    let mut body = parts.next().unwrap().to_string();
    // A module ends with the first brace at the start of a line.
    parts.for_each(|part| body += part.split_once("\n}").map_or("", |(_, rest)| rest));
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Modules named after `crate::`, including those inside braces.
fn used_modules(code: &str) -> Vec<String> {
    paths_after(code, "crate::").into_iter().filter_map(|path| path.into_iter().next()).collect()
}

/// Rooms in the order of lib.rs, each with the rooms that it uses: `cargo test --release sources::rooms -- --nocapture` prints them.
#[test]
fn rooms_use_only_those_above_them() {
    let modules = modules();
    assert!(modules.len() >= 13, "{modules:?}");
    let place = |name: &str| modules.iter().position(|module| module == name);
    let mut arrows = vec![std::collections::BTreeSet::new(); modules.len()];
    for path in files(&root()) {
        let Some(own) = module_of(&path) else { continue };
        let own_place = place(&own).unwrap_or_else(|| panic!("{own} is not declared in lib.rs"));
        for used in used_modules(&code(&path)) {
            let used_place = place(&used).unwrap_or_else(|| panic!("{}: crate::{used} is no module", path.display()));
            assert!(used_place <= own_place, "{}: {own} must not use {used}, which is below it", path.display());
            arrows[own_place].extend((used_place < own_place).then_some(used_place));
        }
    }
    for (module, used) in modules.iter().zip(arrows) {
        let used: Vec<&str> = used.into_iter().map(|place| modules[place].as_str()).collect();
        println!("{module:13} <- {}", used.join(", "));
    }
}

#[test]
fn used_modules_are_found_in_all_spellings() {
    let code = "use crate::error::Error; use crate::{panel::{Panel, Asset}, linalg}; fn f() -> crate::data::Table {}";
    assert_eq!(used_modules(code), ["error", "panel", "panel", "linalg", "data"]);
    let tests = "fn a() {}\n#[cfg(test)]\nmod tests {\n    use crate::results::X;\n}\nuse crate::data::Table;\n";
    assert_eq!(used_modules(&without_tests(tests)), ["data"]);
}

#[test]
fn heavy_crates_stay_behind_their_module() {
    for path in files(&root()) {
        let module = module_of(&path);
        for (name, homes) in [
            ("polars::", &["data"][..]),
            ("polars_parquet_format::", &["data"]),
            ("faer::", &["linalg"]),
            ("nalgebra::", &["linalg"]),
            ("plotters::", &["render"]),
            ("resvg::", &["render"]),
            ("minijinja::", &["results"]),
            ("cudarc::", &["cuda"]),
            ("kodama::", &["clustering"]),
            ("candle_core::", &["nn", "train"]),
            ("candle_nn::", &["nn", "train"]),
        ] {
            let named = code(&path).contains(name);
            let home = module.as_deref().is_some_and(|module| homes.contains(&module));
            assert!(!named || home, "{} names {name}, which belongs to {homes:?}", path.display());
        }
    }
}

#[test]
fn files_start_with_what_they_are_and_stay_short() {
    for path in files(&root()) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} has no header", path.display());
        let n_lines = text.lines().count();
        assert!(n_lines <= 400, "{} has {n_lines} lines", path.display());
    }
}

#[test]
fn the_library_reads_no_environment_and_only_data_and_train_touch_files() {
    for path in files(&root()) {
        let Some(module) = module_of(&path).filter(|module| module != "cli") else { continue };
        let code = code(&path);
        assert!(!code.contains("env::var"), "{} reads the environment", path.display());
        let calls = ["File::", "OpenOptions", "fs::", "remove_", "create_dir"];
        // Functions of `data`.
        let helpers = ["remove_partial_files", "remove_folder", "remove_file", "RunFile::"];
        let known = helpers.iter().fold(code, |code, helper| code.replace(helper, ""));
        let touches = calls.iter().any(|call| known.contains(call));
        assert!(!touches || module == "data" || module == "train", "{} touches files", path.display());
    }
}

/// The module path of a file: data/import/mod.rs is [data, import].
fn place_of(path: &Path) -> Vec<String> {
    let inside = path.strip_prefix(root()).unwrap().with_extension("");
    let mut parts: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.pop_if(|last| last == "mod");
    parts
}

/// Paths after a keyword such as `crate::`, with braces expanded: [data, Columns], [error, Error], …
fn paths_after(code: &str, keyword: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    code.split(keyword).skip(1).for_each(|rest| {
        expand(&[], rest, &mut found);
    });
    found
}

/// Adds the paths at the start of a text, with braces expanded, to `found`; returns the text after them.
fn expand<'a>(base: &[String], text: &'a str, found: &mut Vec<Vec<String>>) -> &'a str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let parts = text[..end].split("::").filter(|part| !part.is_empty()).map(String::from);
    let base: Vec<String> = base.iter().cloned().chain(parts).collect();
    let Some(mut list) = text[end..].strip_prefix('{') else {
        found.push(base);
        return &text[end..];
    };
    while !list.is_empty() && !list.starts_with('}') {
        let rest = expand(&base, list.trim_start(), found);
        let next = rest.find([',', '}']).unwrap_or(rest.len());
        list = rest[next..].trim_start_matches(',').trim_start();
    }
    list.strip_prefix('}').unwrap_or(list)
}

/// The files that each file uses, apart from those above it in its own folder. An item that a folder re-exports counts
/// for the file that defines it.
fn uses_of_files() -> std::collections::BTreeMap<Vec<String>, Vec<Vec<String>>> {
    let codes: std::collections::BTreeMap<Vec<String>, String> =
        files(&root()).iter().map(|path| (place_of(path), code(path))).collect();
    let mut given: std::collections::BTreeMap<Vec<String>, Vec<String>> = Default::default();
    for (folder, code) in &codes {
        for path in paths_after(code, "pub use ") {
            let Some((name, inner)) = path.split_last() else { continue };
            let home = [folder.as_slice(), inner].concat();
            if !inner.is_empty() && codes.contains_key(&home) {
                given.insert([folder.as_slice(), std::slice::from_ref(name)].concat(), home);
            }
        }
    }
    let home_of = |path: &[String]| {
        (1..=path.len()).rev().find_map(|n| {
            given.get(&path[..n]).cloned().or_else(|| codes.contains_key(&path[..n]).then(|| path[..n].to_vec()))
        })
    };
    let used = |(own, code): (&Vec<String>, &String)| {
        let above = |path: Vec<String>| [&own[..own.len().saturating_sub(1)], &path].concat();
        let near = paths_after(code, "super::").into_iter().map(above);
        let all = paths_after(code, "crate::").into_iter().chain(near);
        let found = all.filter_map(|path| home_of(&path)).filter(|home| home != own && !own.starts_with(home));
        (own.clone(), found.collect())
    };
    codes.iter().map(used).collect()
}

#[test]
fn no_files_use_one_another_in_a_circle() {
    let uses = uses_of_files();
    assert!(uses.len() > 200, "{}", uses.len());
    // Files that use no remaining file, or that no remaining file uses, are removed until there are none; what is left
    // is a cycle.
    let mut left: Vec<&Vec<String>> = uses.keys().collect();
    loop {
        let before = left.len();
        let known = left.clone();
        let is_used = |own: &Vec<String>| known.iter().any(|other| uses[*other].contains(own));
        left.retain(|own| uses[*own].iter().any(|used| known.contains(&used)) && is_used(own));
        if left.len() == before {
            break;
        }
    }
    let shown: Vec<String> = left.iter().map(|own| own.join("/")).collect();
    assert!(left.is_empty(), "files in a circle: {}", shown.join(", "));
}

#[test]
fn paths_are_found_in_all_spellings() {
    let own = |path: &[&str]| path.iter().map(|part| part.to_string()).collect::<Vec<_>>();
    let found = paths_after(
        "use crate::data::{Columns, words::{plain, endings}}; fn f() -> crate::error::Result<()> {}",
        "crate::",
    );
    let in_data = [own(&["data", "Columns"]), own(&["data", "words", "plain"]), own(&["data", "words", "endings"])];
    assert_eq!(found, [&in_data[..], &[own(&["error", "Result"])]].concat());
}

#[test]
fn examples_are_short() {
    let examples = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    assert_eq!(examples.len(), 5);
    for path in examples {
        let n_lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(n_lines <= 30, "{} has {n_lines} lines", path.display());
    }
}

#[test]
fn every_estimator_allocator_and_public_trait_has_an_example() {
    for path in files(&root()) {
        let text = std::fs::read_to_string(&path).unwrap();
        let module = module_of(&path);
        let is_built = ["fn fit(", "fn fit_single(", "fn build("].iter().any(|name| text.contains(name));
        if ["estimators", "allocators"].map(Some).contains(&module.as_deref()) && is_built && !path.ends_with("mod.rs")
        {
            let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
            let has_example = head.windows(2).any(|pair| pair == ["//! ```", "//! use minvar::prelude::*;"]);
            assert!(has_example, "{} has no example", path.display());
        }
        for (place, _) in text.match_indices("\npub trait ") {
            let docs = text[..place].lines().rev().take_while(|line| line.starts_with("///") || line.starts_with("#["));
            let has_example = docs.filter(|line| *line == "/// ```").count() == 2;
            assert!(has_example, "{}: a public trait has no example", path.display());
        }
    }
}
