//! Where logs go and how they look: to standard error, for people or machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

use super::CliError;
use crate::config::{Log, LogFormat};

/// Starts logging for the rest of the process; a second call changes nothing.
///
/// # Errors
/// The level is not one that there is.
pub fn start(log: &Log) -> Result<(), CliError> {
    let wrong = |error| CliError::Other(format!("log.level is not right: {error}"));
    let filter = EnvFilter::builder().parse(&log.level).map_err(wrong)?;
    let builder: SubscriberBuilder = tracing_subscriber::fmt();
    let colours = std::io::stderr().is_terminal();
    let builder = builder.with_writer(std::io::stderr).with_ansi(colours).with_env_filter(filter);
    let _already = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}
