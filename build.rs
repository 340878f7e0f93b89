//! Tells the program which commit it was built from, for the provenance of its results.

use std::path::Path;
use std::process::Command;

/// What the program is made of; results and documents may change without making its commit `dirty`.
const SOURCES: [&str; 5] = ["src", "experiments/quick.toml", "Cargo.toml", "Cargo.lock", "build.rs"];

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_string())
}

fn main() {
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_string());
    let changes = git(&[["status", "--porcelain", "--"].as_slice(), &SOURCES].concat()).unwrap_or_default();
    let dirty = if changes.is_empty() { "" } else { "-dirty" };
    println!("cargo::rustc-env=MINVAR_COMMIT={commit}{dirty}");
    SOURCES.iter().for_each(|source| println!("cargo::rerun-if-changed={source}"));
    for file in ["HEAD", "logs/HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}
