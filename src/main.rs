//! The `afw` binary: command line in, exit code out. Everything else is in the library.

/// Lines are judged on one thread and what is found is let go on another, which the system's allocator takes badly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    afw::cli::run(std::env::args_os())
}
