//! The one integration-test binary: laws, reference values, whole runs.

mod command_line;
mod conformance;
mod imports;
mod laws;
mod look_ahead;
mod sources;
mod support;
mod walk_forward;
