//! Rules on the source itself: layers, borders of crates, headers, length.

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

/// The module a file belongs to.
fn module_of(path: &Path) -> Option<String> {
    let first = path.strip_prefix(root()).unwrap().components().next().unwrap();
    let name = first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_string();
    (name != "lib" && name != "main").then_some(name)
}

/// The code of a file without its unit tests and comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let body = text.split("#[cfg(test)]").next().unwrap();
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Modules named behind `crate::`, also inside braces.
fn used_modules(code: &str) -> Vec<String> {
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let mut used = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => used.extend(list.split('}').next().unwrap().split(',').map(|part| word(part.trim()))),
            None => used.push(word(rest)),
        }
    }
    used
}

#[test]
fn modules_use_only_those_above_them() {
    let modules = modules();
    assert!(modules.len() >= 13, "{modules:?}");
    let place = |name: &str| modules.iter().position(|module| module == name);
    for path in files(&root()) {
        let Some(own) = module_of(&path) else { continue };
        let own_place = place(&own).unwrap_or_else(|| panic!("{own} is not declared in lib.rs"));
        for used in used_modules(&code(&path)) {
            let used_place = place(&used).unwrap_or_else(|| panic!("{}: crate::{used} is no module", path.display()));
            assert!(used_place <= own_place, "{}: {own} must not use {used}, which stands below it", path.display());
        }
    }
}

#[test]
fn used_modules_are_found_in_all_spellings() {
    let code = "use crate::error::Error; use crate::{panel::Panel, linalg}; fn f() -> crate::data::Table {}";
    assert_eq!(used_modules(code), ["error", "panel", "linalg", "data"]);
}

#[test]
fn heavy_crates_stay_behind_their_module() {
    for path in files(&root()) {
        let module = module_of(&path);
        for (name, homes) in [
            ("polars::", ["data", "data"]),
            ("faer::", ["linalg", "linalg"]),
            ("plotters::", ["report", "report"]),
            ("resvg::", ["report", "report"]),
            ("minijinja::", ["results", "results"]),
            ("cudarc::", ["cuda", "cuda"]),
            ("candle_core::", ["nn", "train"]),
            ("candle_nn::", ["nn", "train"]),
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
        let touches = code.contains("File::") || code.contains("fs::write") || code.contains("fs::read");
        assert!(!touches || module == "data" || module == "train", "{} touches files", path.display());
    }
}
