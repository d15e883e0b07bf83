//! `walaa google …`: whether a callback is Google's, looked at by hand; a programme's classes.

mod sync;

use std::io::Read;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{CliError, Ending, Surroundings};
use crate::clock::Timestamp;
use crate::google::callbacks::{self, Event, MAX_MESSAGE_BYTES, RootKeys};
use crate::google::resource::IssuerId;

/// Bytes of a file of root keys.
const MAX_ROOTS_BYTES: u64 = 64 * 1024;

/// What to do with Google.
#[derive(Debug, Subcommand)]
pub enum GoogleCommand {
    /// Say whether a callback, given on the standard input, is Google's, and what it tells
    VerifyCallback(VerifyCallbackArgs),
    /// Bring a programme's classes up to date at Google, or say what that would change
    Sync(sync::SyncArgs),
}

/// Arguments of `walaa google verify-callback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Prints the event as JSON; or why the message is not taken, and ends with 1.\n\nExample:\n  curl -s https://pay.google.com/gp/m/issuer/keys > keys.json\n  walaa google verify-callback --roots keys.json --issuer 3388000000000000000 < message.json"
)]
pub struct VerifyCallbackArgs {
    /// A file with the answer of Google's keys address
    #[arg(long, value_name = "FILE")]
    roots: PathBuf,
    /// The time to judge by: RFC 3339, or milliseconds since 1970; now, if it is not given
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// The issuer whose callback it should be
    #[arg(long, value_name = "ID")]
    issuer: IssuerId,
}

/// Runs one of the commands.
///
/// # Errors
/// The root keys can't be read, or the answer can't be written.
pub fn run(command: &GoogleCommand, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    match command {
        GoogleCommand::VerifyCallback(args) => verify(args, around),
        GoogleCommand::Sync(args) => sync::run(args, around),
    }
}

fn verify(args: &VerifyCallbackArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let message = read_up_to(std::io::stdin(), MAX_MESSAGE_BYTES as u64)?;
    let file = |error: &dyn std::fmt::Display| CliError::Other(format!("{}: {error}", args.roots.display()));
    let listed = std::fs::File::open(&args.roots).and_then(|roots| read_up_to(roots, MAX_ROOTS_BYTES));
    let roots = RootKeys::parse(&listed.map_err(|error| file(&error))?).map_err(|error| file(&error))?;
    let now = args.at.unwrap_or_else(|| around.clock.now());
    match callbacks::verify(&message, &roots, now, args.issuer) {
        Ok(event) => {
            writeln!(around.out, "{:#}", told(&event))?;
            Ok(Ending::Fine)
        }
        Err(reason) => {
            writeln!(around.out, "not taken: {reason}")?;
            Ok(Ending::Findings)
        }
    }
}

fn told(event: &Event) -> serde_json::Value {
    json!({
        "issuer": event.issuer.to_string(),
        "class_id": event.class_id.to_string(),
        "object_id": event.object_id.to_string(),
        "event_type": event.event_type,
        "nonce": event.nonce,
        "expires": event.expires,
        "count": event.count,
    })
}

/// One byte more than there may be, so that too much is seen to be too much.
fn read_up_to(source: impl Read, most_bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    source.take(most_bytes + 1).read_to_end(&mut content)?;
    Ok(content)
}

fn time(text: &str) -> Result<Timestamp, String> {
    let millis = text.parse().ok().map(Timestamp::from_millis);
    let said = "expected RFC 3339 such as 2026-01-31T12:00:00Z, or milliseconds since 1970";
    millis.or_else(|| Timestamp::parse(text).ok()).ok_or_else(|| said.to_owned())
}
