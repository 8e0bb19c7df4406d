//! The `afw` binary: command line in, exit code out. Everything else is in the library.

/// A replay makes small things in one stage and drops them in another; the system's allocator, above all musl's, takes
/// twice as long over that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    afw::cli::run(std::env::args_os())
}
