//! Signing in: one of the staff and a PIN at an enrolled till. Guesses are few: a wrong PIN counts for the till and for the one whose it
//! is not, and beyond the limit no PIN is looked at, be it right.

use tokio::sync::{Mutex, Semaphore};

use super::shifts::{Opened, Till, open_shift};
use super::{newest, pins};
use crate::cards::Core;
use crate::error::{Code, Problem};
use crate::gate::{GateRequest, GateVerdict, Limit, RateRule, Scope};
use crate::ids::StaffId;
use crate::ledger::{DocumentKey, OpKey};
use crate::programme::{StaffDocument, Status};
use crate::tokens::{KeyScope, Kid, Pin};

/// Wrong PINs at a till, whoever's: twenty in a quarter of an hour.
const WRONG_AT_TILL: [RateRule; 1] = [RateRule::new(20, 900_000)];

/// Queues of tills: those of one queue check one PIN after the other, so that guesses sent at once are counted one by one.
const QUEUES: usize = 64;

static BY_TILL: [Mutex<()>; QUEUES] = [const { Mutex::const_new(()) }; QUEUES];

/// Those who wait in all queues together.
static WAITING: Semaphore = Semaphore::const_new(64);

/// Who signs in, and with what.
pub struct Signing<'a> {
    /// One of the staff, if the name was one.
    pub staff: Option<StaffId>,
    /// What was typed.
    pub pin: &'a str,
    /// The form that it was typed into.
    pub form: &'a OpKey,
}

/// What became of it.
#[derive(Debug)]
pub enum SignIn {
    /// A shift is open.
    Open(Opened),
    /// The PIN is not right, or there is no such person: which, nobody hears.
    Wrong,
    /// There were too many wrong ones.
    TooMany {
        /// When to come back.
        retry_after_seconds: i64,
    },
    /// The PIN is right, but its owner is switched off.
    Disabled,
    /// The PIN is right, but its owner does not work in this store.
    Elsewhere,
}

/// Signs one of the staff in, which ends the shift before.
///
/// # Errors
/// `overloaded` when many sign in at once; `gate_unavailable`; as [`Core::ask`].
pub async fn sign_in(core: &Core, till: &Till, signing: &Signing<'_>) -> Result<SignIn, Problem> {
    // What is not shaped like a PIN guesses nothing.
    let Some(pin) = Pin::parse(signing.pin) else { return Ok(SignIn::Wrong) };
    let _waits = WAITING.try_acquire().map_err(|_| Problem::from(Code::Overloaded))?;
    let turn = BY_TILL[usize::from(till.id.0[15]) % QUEUES].lock().await;
    if let Some(retry_after_seconds) = charge(core, till, (signing.staff, Limit::look)).await? {
        return Ok(SignIn::TooMany { retry_after_seconds });
    }
    let known = match signing.staff {
        Some(id) => newest::<StaffDocument>(core, DocumentKey::staff(till.org, id)).await?.map(|saved| (id, saved.document)),
        None => None,
    };
    let Some((id, staff)) = right_one(core, till, (known, pin)).await? else {
        metrics::counter!("walaa_sign_ins_refused_total", "reason" => "wrong_pin").increment(1);
        charge(core, till, (signing.staff, |limit| limit)).await?;
        return Ok(SignIn::Wrong);
    };
    drop(turn);
    if staff.status == Status::Disabled {
        return Ok(SignIn::Disabled);
    }
    if !staff.may_work_in(till.store) {
        return Ok(SignIn::Elsewhere);
    }
    open_shift(core, till, (id, signing.form)).await.map(SignIn::Open)
}

/// The one whose PIN it is. An unknown one takes as long to refuse.
async fn right_one(
    core: &Core,
    till: &Till,
    (known, pin): (Option<(StaffId, StaffDocument)>, Pin),
) -> Result<Option<(StaffId, StaffDocument)>, Problem> {
    let kid = known.as_ref().map_or(core.keyring.current(), |(_, staff)| Kid(staff.pin_kid));
    let Ok(pepper) = core.keyring.pin_pepper(KeyScope { org: till.org, kid }) else {
        tracing::error!(%kid, "a PIN's master key is gone: a manager has to make a new PIN");
        return Ok(None);
    };
    let hash = known.as_ref().map_or("", |(_, staff)| &staff.pin_hash);
    let right = pins::verify(pin, pepper, hash).await?;
    Ok(known.filter(|_| right))
}

/// Asks the gate for both limits, to charge them or only to look; the seconds to wait when it refuses.
async fn charge(core: &Core, till: &Till, (staff, how): (Option<StaffId>, fn(Limit) -> Limit)) -> Result<Option<i64>, Problem> {
    let mut request = GateRequest::within(till.org).limit(how(Limit::on(Scope::SignIn, till.id, &WRONG_AT_TILL)));
    if let Some(staff) = staff {
        request = request.limit(how(Limit::on(Scope::SignIn, format!("{}:{staff}", till.id), &RateRule::SIGN_IN)));
    }
    match core.gate.check(&request, core.clock.now()).await? {
        GateVerdict::Refused(refusal) => Ok(Some(refusal.retry_after_seconds())),
        GateVerdict::Go | GateVerdict::Unknown | GateVerdict::Captured(_) => Ok(None),
    }
}
