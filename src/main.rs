//! The `minvar` program.

fn main() -> std::process::ExitCode {
    minvar::cli::main()
}
