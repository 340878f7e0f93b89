//! The network on a CUDA device: its kernels, run on the processor, against the network of `nn`.

use minvar::cuda::{Backend, Precision};
use minvar::nn::Architecture;
use minvar::train::{Parity, parity};

use crate::emulation::{Emulated, available};

fn emulated(a: &Architecture, precision: Precision) -> minvar::error::Result<Box<dyn Backend + Send>> {
    Ok(Box::new(Emulated::open(a, precision)))
}

#[track_caller]
fn check(precision: Precision) {
    if !available() {
        return;
    }
    let all = parity(&emulated, precision).unwrap();
    assert!(all.len() > 150, "{}", all.len());
    let failed: Vec<&Parity> = all.iter().filter(|parity| !parity.holds()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn the_device_does_what_the_processor_does_in_doubles() {
    check(Precision::Double);
}

#[test]
fn the_device_does_what_the_processor_does_in_single_precision() {
    check(Precision::Single);
}
