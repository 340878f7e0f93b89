#![no_main]

mod common;

use minvar::train::Model;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::with_file(bytes, "safetensors", |path| drop(Model::open(path))));
