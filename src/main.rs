//! The `walaa` command: everything it does is in the library.

fn main() -> std::process::ExitCode {
    walaa::cli::main()
}
