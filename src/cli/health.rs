//! `walaa health`: one question to a running gateway, so that a container without curl can be watched.

use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::{CliError, Ending, block_on};

/// How long the gateway may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Arguments of `walaa health`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa health http://127.0.0.1:8080/readyz")]
pub struct HealthArgs {
    /// The address to ask: /readyz or /healthz
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8080/readyz")]
    pub url: String,
}

/// Asks; the exit code is the answer.
///
/// # Errors
/// The gateway can't be reached.
pub fn run(args: &HealthArgs, out: &mut dyn Write) -> Result<Ending, CliError> {
    let status = block_on(async {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().map_err(said)?;
        Ok(client.get(&args.url).send().await.map_err(said)?.status())
    })?;
    writeln!(out, "{}", status.as_u16())?;
    Ok(if status.is_success() { Ending::Fine } else { Ending::Findings })
}

fn said(error: reqwest::Error) -> CliError {
    CliError::Other(format!("the gateway did not answer: {}", error.without_url()))
}
