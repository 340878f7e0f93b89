//! The sources of the kernels: fixed files, and the recurrent scan generated for the sizes of an architecture.

use crate::error::{Error, Result};
use crate::nn::ElementType;
use crate::nn::{Architecture, Cell, Direction, Feature, Lag};

const COMMON: &str = include_str!("kernels/common.cu");
const SCAN: &str = include_str!("kernels/scan.cu");
const FIXED: [&str; 7] = [
    include_str!("kernels/moments.cu"),
    include_str!("kernels/layers.cu"),
    include_str!("kernels/reduction.cu"),
    include_str!("kernels/divide.cu"),
    include_str!("kernels/eigen.cu"),
    include_str!("kernels/weights.cu"),
    include_str!("kernels/optimiser.cu"),
];

/// Most threads that a block can have.
const MOST_THREADS: usize = 1024;

/// The name of the scan kernel for a cell and its units, forward or backward.
pub(super) fn scan_name(backward: bool, cell: Cell, units: usize) -> String {
    let way = if backward { "backward" } else { "forward" };
    format!("scan_{way}_{}_{units}", cell.gates())
}

/// Number of features besides the eigenvalue that the kernel `tokens` supports.
pub(super) const FEATURES: usize = 4;

/// Whether the kernels support a feature. A new feature does not compile until it is handled here and in `layers.cu`.
const fn is_known(feature: Feature) -> bool {
    match feature {
        Feature::Q | Feature::SqrtN | Feature::SqrtT | Feature::InverseSqrtT => (feature as usize) < FEATURES,
    }
}

/// Refuses architectures that the kernels do not support.
pub fn check(architecture: &Architecture) -> Result<()> {
    // A new field does not compile until it is handled here; otherwise the kernels would silently ignore it.
    let Architecture {
        cell,
        hidden,
        features,
        lag: Lag::Compact | Lag::PerLag | Lag::PerLagPositive,
        direction: Direction::Both | Direction::Forward | Direction::Backward,
        n_days: _,
        volatility: _,
        normalise_volatility: _,
        unit_diagonal: _,
        annualisation: _,
    } = architecture;
    assert!(features.iter().all(|feature| is_known(*feature)), "the kernel takes {FEATURES} features");
    let most = MOST_THREADS / cell.gates();
    match hidden.iter().find(|units| **units > most) {
        Some(units) => Err(Error::Parameter {
            name: "network.hidden",
            range: "at most 341 units of a GRU or 256 of an LSTM on a CUDA device (a thread per gate and unit)",
            value: units.to_string(),
        }),
        None => Ok(()),
    }
}

/// The sources of all kernels in CUDA C++, for one precision: those that every architecture has, which are compiled only
/// once, and the recurrent scan.
pub fn sources(architecture: &Architecture, precision: ElementType) -> [String; 2] {
    let common = format!("typedef {} real;\n{COMMON}", precision.c_name());
    let fixed = format!("{common}{}", FIXED.concat());
    [fixed, format!("{common}{SCAN}{}", scans(architecture))]
}

/// The kernels of the recurrent scan for the sizes of an architecture.
fn scans(architecture: &Architecture) -> String {
    let mut text = String::new();
    let mut sizes = architecture.hidden.clone();
    sizes.sort_unstable();
    sizes.dedup();
    for units in sizes {
        let gates = architecture.cell.gates();
        let bound = (gates * units).next_multiple_of(32);
        let from = "const real *projected, long long stride, const real *kernel0, const real *bias0, const real *kernel1, \
                    const real *bias1, int descending, int n, int columns, int as_read";
        let pass = "pass_of(blockIdx.y, projected, stride, kernel0, bias0, kernel1, bias1, descending)";
        for (backward, more, call) in [
            (false, "real *kept, real *before, real *out", "scan_forward"),
            (true, "const real *kept, const real *before, const real *d_out, real *da, real *dc", "scan_backward"),
        ] {
            let last = if backward { "kept, before, d_out, da, dc" } else { "kept, before, out" };
            let name = scan_name(backward, architecture.cell, units);
            text += &format!(
                "extern \"C\" __global__ void __launch_bounds__({bound}) {name}({from}, {more}) {{\n    \
                 {call}<{gates}, {units}>(n, columns, as_read, {pass}, {last});\n}}\n"
            );
        }
    }
    text
}

/// The names of all kernels in a source.
pub fn kernels(source: &str) -> Vec<&str> {
    let declared = source.lines().filter(|line| line.contains("__global__"));
    declared.filter_map(name_before_parameters).collect()
}

/// The word before the list of parameters: the kernel's name.
fn name_before_parameters(line: &str) -> Option<&str> {
    let declared = line.split("void ").nth(1)?;
    let declared =
        declared.strip_prefix("__launch_bounds__").map_or(declared, |rest| rest.split_once(") ").map_or(rest, |x| x.1));
    declared.split('(').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_named_once_each() {
        let architecture = Architecture { hidden: vec![16, 8, 16], ..Architecture::compact() };
        let sources = sources(&architecture, ElementType::F32);
        let names: Vec<&str> = sources.iter().flat_map(|source| kernels(source)).collect();
        let once = |name: &str| names.iter().filter(|known| **known == name).count() == 1;
        for name in ["standardise", "adam", "eigen_reduce", "eigen_back_12", "scan_forward_3_16", "scan_backward_3_8"] {
            assert!(once(name), "{name} in {names:?}");
        }
    }

    #[test]
    fn units_beyond_a_block_are_refused() {
        let wide = Architecture { hidden: vec![16, 342], ..Architecture::compact() };
        assert!(check(&wide).unwrap_err().to_string().contains("342"));
        assert!(check(&Architecture { hidden: vec![341], ..wide }).is_ok());
    }
}
