//! The `minvar` program.

/// Training allocates the same large arrays in every step. This allocator reuses them instead of returning each to the
/// system, which would clear every page again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    minvar::cli::main()
}
