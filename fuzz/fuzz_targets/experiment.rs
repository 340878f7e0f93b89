#![no_main]

use minvar::experiment::Experiment;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(error) = Experiment::parse(text, "fuzzed.toml") {
        assert!(error.to_string().contains("fuzzed.toml"), "{error}");
    }
});
