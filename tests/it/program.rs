//! Helpers that run the program as a user would.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `minvar` in a folder.
pub fn minvar(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minvar"));
    command.args(arguments).current_dir(folder).env_remove("MINVAR_DATA").output().unwrap()
}

pub fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// Its standard output; panics if it fails.
#[track_caller]
pub fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = minvar(folder, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Its standard output and standard error; panics if it fails.
#[track_caller]
pub fn says(folder: &Path, arguments: &[&str]) -> String {
    let output = minvar(folder, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&[output.stdout, output.stderr].concat())
}

/// Checks that it ends with exit code 1 and one message that contains `expected`.
#[track_caller]
pub fn fails(folder: &Path, arguments: &[&str], expected: &str) {
    let output = minvar(folder, arguments);
    let message = text(&output.stderr);
    assert!(output.status.code() == Some(1) && message.contains(expected), "{message}");
    assert_eq!(message.lines().filter(|line| line.starts_with("minvar: ")).count(), 1, "{message}");
}
