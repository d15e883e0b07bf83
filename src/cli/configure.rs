//! `walaa config`: the commented default configuration, and a check of one's own.

use std::io::Write;

use clap::Subcommand;

use super::{CliError, ConfigFile, Ending};
use crate::config::DEFAULT_TEXT;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the default configuration: every setting, explained
    #[command(after_help = "Example:\n  walaa config default > walaa.toml")]
    Default,
    /// Read a configuration and say what is wrong with it
    #[command(after_help = "Example:\n  walaa config check --config walaa.toml")]
    Check(ConfigFile),
}

/// Runs one of the commands.
///
/// # Errors
/// The configuration is wrong, or the answer can't be written.
pub fn run(command: &ConfigCommand, out: &mut dyn Write) -> Result<Ending, CliError> {
    match command {
        ConfigCommand::Default => out.write_all(DEFAULT_TEXT.as_bytes())?,
        ConfigCommand::Check(file) => {
            file.load()?;
            writeln!(out, "{} is right. `walaa doctor` checks what it names.", file.file.display())?;
        }
    }
    Ok(Ending::Fine)
}
