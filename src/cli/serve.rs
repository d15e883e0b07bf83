//! `walaa serve`: the gateway itself, until it is told to stop.

use clap::Args;

use super::{CliError, ConfigFile, Ending, Surroundings, block_on, logs};
use crate::app::App;

/// Arguments of `walaa serve`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa config default > walaa.toml\n  walaa serve --config walaa.toml")]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigFile,
}

/// Runs until SIGTERM or Ctrl-C; then finishes what has begun.
///
/// # Errors
/// The configuration is wrong, or the gateway refuses to start.
pub fn run(args: &ServeArgs, around: &Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    logs::start(&config.log)?;
    block_on(async {
        let app = App::build(&config, around.parts()).await?;
        app.run_until(stop_signal()?).await?;
        Ok(Ending::Fine)
    })
}

/// Waits for the order to stop.
///
/// # Errors
/// The system does not tell signals.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
