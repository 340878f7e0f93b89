#![no_main]

mod common;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::with_file(bytes, "parquet", common::read));
