//! `walaa reconcile`: after a restore, settles every code that was shown before it, with Redis as the witness of what was captured.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::keys::{find, organisations};
use super::{CliError, ConfigFile, Ending, Surroundings, block_on};
use crate::app::open;
use crate::cards::Core;
use crate::config::Config;
use crate::error::Code;
use crate::gate::RedisGate;
use crate::ids::OrgId;
use crate::ledger::{Settled, TokenKind};
use crate::redemption::{Effect, LostCapture, Witness};

/// How long one question to Redis may take: it is about hundreds of codes, and no customer waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Arguments of `walaa reconcile`.
#[derive(Debug, Args)]
#[command(
    long_about = "After a restore, settle the codes that were shown before it\n\nRedis remembers which codes were redeemed. What it remembers and the restored ledger does not have was lost: a voucher's redemption comes back, other codes die, and their points are to be corrected by hand. All other codes on passes are renewed, and phones fetch the new ones: then no manager is needed any more. May run beside a serving gateway, and again: what is settled stays settled.",
    after_help = "Examples:\n  walaa reconcile --dry-run --config walaa.toml\n  walaa reconcile --config walaa.toml"
)]
pub struct ReconcileArgs {
    /// Only this organisation: its name or id
    #[arg(long, value_name = "NAME")]
    organisation: Option<String>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on without Redis: codes are renewed, and no lost redemption is found, now or later
    #[arg(long)]
    without_witness: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// Settles the codes, and says what was found.
///
/// # Errors
/// The database or Redis can't be reached: what was settled stays settled, and the next run goes on.
pub fn run(args: &ReconcileArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    // Made for nobody: a restore without the old ones is refused.
    open::keyring(&config)?;
    let parts = around.parts();
    let effect = if args.dry_run { Effect::Tell } else { Effect::Settle };
    block_on(async {
        let core = open::core(&config, &parts).await?;
        let (core, witness) = with_witness(args, (&config, core), around)?;
        let mut known = organisations(&core).await?;
        if let Some(wanted) = &args.organisation {
            let org = find(&known, wanted).ok_or_else(|| CliError::Other(format!("there is no organisation \"{wanted}\"")))?;
            known.retain(|(id, _)| *id == org);
        }
        if effect == Effect::Tell {
            writeln!(around.out, "Nothing is changed. This is what would be done:")?;
        }
        let mut ending = Ending::Fine;
        for (org, name) in known {
            writeln!(around.out, "{name} ({org})")?;
            if one(&core, (org, witness, effect), around).await? == Ending::Findings {
                ending = Ending::Findings;
            }
        }
        Ok(ending)
    })
}

/// The working parts with Redis as their gate, if it is there and wanted.
fn with_witness(
    args: &ReconcileArgs,
    (config, core): (&Config, Core),
    around: &mut Surroundings<'_>,
) -> Result<(Core, Witness), CliError> {
    match open::redis(config) {
        Some(mut redis) if !args.without_witness => {
            redis.timeout = PATIENCE;
            let gate = RedisGate::start(redis, Arc::clone(&core.keyring)).map_err(|error| CliError::Other(error.to_string()))?;
            Ok((Core { gate: Arc::new(gate), ..core }, Witness::Gate))
        }
        Some(_) => {
            writeln!(around.out, "Redis is not asked: what was redeemed in the time that is lost stays unknown.")?;
            Ok((core, Witness::Nobody))
        }
        None => {
            writeln!(around.out, "There is no Redis (redis.url): what was redeemed in the time that is lost stays unknown.")?;
            Ok((core, Witness::Nobody))
        }
    }
}

/// One organisation, page by page.
async fn one(
    core: &Core,
    (org, witness, effect): (OrgId, Witness, Effect),
    around: &mut Surroundings<'_>,
) -> Result<Ending, CliError> {
    let (mut renewed, mut ended, mut failed, mut lost, mut after) = (0, 0, 0, 0, None);
    loop {
        let page = core.reconcile(org, (witness, effect), after).await.map_err(|problem| match problem.code {
            Code::GateUnavailable => CliError::Other(
                "Redis can't be asked, and it may remember redemptions that the ledger lost. Bring it back and run this again; \
                 or go on without it: --without-witness"
                    .to_owned(),
            ),
            _ => CliError::Refused(problem),
        })?;
        for capture in &page.lost {
            writeln!(around.out, "  LOST: {}", line(capture))?;
        }
        renewed += page.renewed;
        ended += page.ended;
        failed += page.failed;
        lost += page.lost.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    writeln!(around.out, "  {renewed:>8}  codes on passes renewed; phones fetch the new ones")?;
    writeln!(around.out, "  {ended:>8}  live and typed codes ended")?;
    writeln!(around.out, "  {lost:>8}  redemptions that the ledger had lost")?;
    if failed > 0 {
        writeln!(around.out, "  {failed:>8}  codes could not be settled; the log says why")?;
    }
    Ok(if lost + failed > 0 { Ending::Findings } else { Ending::Fine })
}

fn line(lost: &LostCapture) -> String {
    let LostCapture { card, redemption, .. } = lost;
    let code = match lost.kind {
        TokenKind::Card => "the card's code",
        TokenKind::Live => "a live code",
        TokenKind::Typed => "a typed code",
        TokenKind::Voucher => "a voucher",
        TokenKind::Identify | TokenKind::Rotating => "a code",
    };
    match (&lost.bought, lost.settled) {
        (Some((reward, points)), Settled::Captured) => {
            format!("card {card}, {redemption}, {code}: it is in the ledger again ({reward}, {points} points)")
        }
        _ => format!("card {card}, {redemption}, {code}: points to be corrected by hand: ask the till's records"),
    }
}
