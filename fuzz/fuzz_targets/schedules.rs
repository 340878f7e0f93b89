#![no_main]

use minvar::costs::Schedules;

libfuzzer_sys::fuzz_target!(|text: &str| drop(Schedules::parse(text, "fuzzed.toml")));
