//! The one integration-test binary: laws, reference values, whole runs.

mod append;
mod clarabel_reference;
mod command_line;
mod conformance;
mod conformance_allocators;
mod conformance_dynamic;
mod cuda;
#[cfg(feature = "cuda")]
mod cuda_driver;
mod defects;
mod describe;
mod exclusions;
mod first_run;
mod emulation;
mod existence;
mod hostile;
mod imports;
mod laws;
mod look_ahead;
mod network_laws;
mod network_reference;
mod numbers;
mod program;
mod reading;
mod results;
mod significance;
mod simulation;
mod simulator;
mod sources;
mod state;
mod support;
mod sweep;
mod training;
mod universe;
mod vectors;
mod walk_forward;
