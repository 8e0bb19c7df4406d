//! The `afw` binary: command line in, exit code out. Everything else is in the library.

fn main() -> std::process::ExitCode {
    afw::cli::run(std::env::args_os())
}
