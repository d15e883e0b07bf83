//! Brings passes into Google Wallet and keeps them there as they are: classes first, then objects, many in one request, nothing twice.
//!
//! Bodies are absolute, so that writing again is harmless and the last write wins. What was written is remembered by its digest: a
//! change that does not show costs no request, and a new face of a programme is one request for its class.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::client::{Action, Call};
use super::compose::{Body, ComposeError, Composed, Composer, MOST_LINKED};
use super::error::{CallError, Quota};
use super::issuers::{Google, GoogleIssuer};
use super::naming;
use super::resource::ResourceId;
use super::save_link::SaveLinkError;
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, DbError, GoogleClass, GoogleObject, MAX_NOTICES};
use crate::ids::{OrgId, PassId, encode};
use crate::ledger::{ChangeKind, Pass, PassKind, PassState};

/// In which Google allows [`MAX_NOTICES`] notices of one pass.
const NOTICE_WINDOW_MS: i64 = 24 * 3_600_000;

/// Requests that one object may take: insert, class again, insert, patch.
const MOST_ROUNDS: usize = 4;

/// Why a pass is not in Google Wallet as it is here.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The organisation has no issuer account.
    #[error("no Google Wallet issuer is configured for the organisation")]
    NotConfigured,
    /// Google did not take it.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is nothing that could be sent.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// Our own database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A link can't be made.
    #[error(transparent)]
    Link(#[from] SaveLinkError),
}

/// What was done about a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Google has what shows now; nothing was sent.
    Unchanged,
    /// This version was sent.
    Sent {
        /// The version of the pass.
        version: i64,
    },
}

/// Writes.
pub struct GoogleWriter {
    db: Arc<dyn Db>,
    clock: Arc<dyn Clock>,
    google: Arc<Google>,
    composer: Composer,
}

/// An object on its way.
struct Journey<'a> {
    pass: &'a Pass,
    composed: Composed,
    before: Option<GoogleObject>,
    step: Step,
    notify: Notify,
    class_again: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Insert,
    Patch,
}

/// Whether the holder is told of the change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notify {
    Yes,
    No,
    /// Google said that there were too many already.
    UsedUp,
}

impl GoogleWriter {
    /// A writer for the issuers that there are.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, clock: Arc<dyn Clock>, google: Arc<Google>, composer: Composer) -> Self {
        Self { db, clock, google, composer }
    }

    /// The issuers.
    #[must_use]
    pub fn google(&self) -> &Arc<Google> {
        &self.google
    }

    /// Makes bodies.
    #[must_use]
    pub fn composer(&self) -> &Composer {
        &self.composer
    }

    /// How many passes go in one request.
    #[must_use]
    pub fn together(&self) -> usize {
        self.google.issuers().map(|issuer| issuer.client.batch_size()).min().unwrap_or(1)
    }

    /// A link that puts a card into Google Wallet; the object is made first, so that the link holds its id only.
    ///
    /// # Errors
    /// There is no issuer; Google did not take the object; the link can't be made.
    pub async fn save_link(&self, pass: &Pass) -> Result<String, WriteError> {
        let issuer = self.google.issuer_for(pass.org).ok_or(WriteError::NotConfigured)?;
        let id = naming::object(issuer.id(), &encode(&pass.id.0)).map_err(ComposeError::from)?;
        // Written whatever we remember: a link to an object that Google does not have shows the customer an error.
        let mut written = self.write_as(&issuer.patient(), std::slice::from_ref(pass), Known::Nothing).await;
        written.pop().unwrap_or(Ok(Written::Unchanged))?;
        Ok(issuer.save_link(&[(super::resource::ResourceKind::LoyaltyObject, id)], self.clock.now())?)
    }

    /// Writes one pass.
    ///
    /// # Errors
    /// It is not written.
    pub async fn write_one(&self, issuer: &GoogleIssuer, pass: &Pass) -> Result<Written, WriteError> {
        let mut written = self.write(issuer, std::slice::from_ref(pass)).await;
        written.pop().unwrap_or(Ok(Written::Unchanged))
    }

    /// Writes passes of one issuer, at most [`Self::together`]; what came of each, in their order.
    pub async fn write(&self, issuer: &GoogleIssuer, passes: &[Pass]) -> Vec<Result<Written, WriteError>> {
        self.write_as(issuer, passes, Known::Remembered).await
    }

    async fn write_as(&self, issuer: &GoogleIssuer, passes: &[Pass], known: Known) -> Vec<Result<Written, WriteError>> {
        let mut outcomes: BTreeMap<usize, Result<Written, WriteError>> = BTreeMap::new();
        let mut journeys = Vec::new();
        for (place, pass) in passes.iter().enumerate() {
            match self.set_out(issuer, pass, known).await {
                Ok(Some(journey)) => journeys.push((place, journey)),
                Ok(None) => drop(outcomes.insert(place, Ok(Written::Unchanged))),
                Err(error) => drop(outcomes.insert(place, Err(error))),
            }
        }
        let mut arrived = Vec::new();
        for _ in 0..MOST_ROUNDS {
            if journeys.is_empty() {
                break;
            }
            let calls: Vec<Call> = journeys.iter().map(|(_, journey)| journey.call()).collect();
            let answers = send(issuer, &calls).await;
            let mut further = Vec::new();
            for ((place, mut journey), answer) in journeys.into_iter().zip(answers) {
                match journey.learn(answer) {
                    Ok(true) => arrived.push((place, journey)),
                    Ok(false) if journey.class_again => {
                        match self.class(issuer, journey.pass.org, &journey.composed.class, Known::Nothing).await {
                            Ok(()) => further.push((place, journey)),
                            Err(error) => drop(outcomes.insert(place, Err(error))),
                        }
                    }
                    Ok(false) => further.push((place, journey)),
                    Err(error) => drop(outcomes.insert(place, Err(error.into()))),
                }
            }
            journeys = further;
        }
        for (place, _) in journeys {
            let what = "the object comes and goes at Google".to_owned();
            outcomes.insert(place, Err(CallError::Transient { what, after: None }.into()));
        }
        self.note(arrived, &mut outcomes).await;
        outcomes.into_values().collect()
    }

    async fn note(&self, arrived: Vec<(usize, Journey<'_>)>, outcomes: &mut BTreeMap<usize, Result<Written, WriteError>>) {
        let now = self.clock.now();
        let rows: Vec<_> = arrived.iter().map(|(_, journey)| journey.row(now)).collect();
        let noted = if rows.is_empty() { Ok(()) } else { self.db.write_google_objects(rows).await };
        for (place, journey) in arrived {
            let version = journey.pass.version;
            outcomes.insert(place, noted.clone().map(|()| Written::Sent { version }).map_err(WriteError::from));
        }
    }

    /// What is to be sent for a pass; `None` when Google has it.
    async fn set_out<'a>(&self, issuer: &GoogleIssuer, pass: &'a Pass, known: Known) -> Result<Option<Journey<'a>>, WriteError> {
        let before = self.db.google_object(pass.org, pass.id).await?;
        let id = naming::object(issuer.id(), &encode(&pass.id.0)).map_err(ComposeError::from)?.to_string();
        let before = before.filter(|row| row.object == id);
        if !pass.on_google || (pass.state == PassState::Voided && before.is_none()) {
            return Ok(None);
        }
        let linked = match pass.kind {
            PassKind::Card => self.linked(issuer, pass).await?,
            PassKind::Voucher => Vec::new(),
        };
        let composed = self.composer.pass(issuer.id(), pass, &linked).await?;
        self.class(issuer, pass.org, &composed.class, Known::Remembered).await?;
        if known == Known::Remembered && before.as_ref().is_some_and(|row| row.digest == composed.object.digest) {
            return Ok(None);
        }
        let step = if before.is_some() { Step::Patch } else { Step::Insert };
        let notify = before.as_ref().map_or(Notify::No, |row| notify(pass, row, self.clock.now()));
        Ok(Some(Journey { pass, composed, before, step, notify, class_again: false }))
    }

    /// The objects of the card's newest vouchers, the older ones first. Those that Google does not have yet are made now: what is linked
    /// must be there before.
    async fn linked(&self, issuer: &GoogleIssuer, card_pass: &Pass) -> Result<Vec<ResourceId>, WriteError> {
        let mut linked = Vec::new();
        let vouchers = self.db.vouchers_of(card_pass.org, card_pass.card, MOST_LINKED).await?;
        for voucher in vouchers.iter().rev() {
            let id = naming::object(issuer.id(), &encode(&voucher.pass.0)).map_err(ComposeError::from)?;
            let there = self.db.google_object(card_pass.org, voucher.pass).await?.is_some_and(|row| row.object == id.to_string());
            if there || (card_pass.state == PassState::Active && self.brought(issuer, voucher.pass).await?) {
                linked.push(id);
            }
        }
        Ok(linked)
    }

    /// Makes the object of a voucher that is good and on Google; whether there is one now.
    async fn brought(&self, issuer: &GoogleIssuer, pass: PassId) -> Result<bool, WriteError> {
        let pass = self.db.pass(pass).await?.filter(|pass| pass.on_google && pass.state == PassState::Active);
        let Some(pass) = pass else { return Ok(false) };
        Box::pin(self.write_one(issuer, &pass)).await.map(|written| matches!(written, Written::Sent { .. }))
    }

    /// Writes a class unless it is known to be at Google as it is here.
    async fn class(&self, issuer: &GoogleIssuer, org: OrgId, class: &Body, known: Known) -> Result<(), WriteError> {
        let id = class.id.to_string();
        if known == Known::Remembered {
            let row = self.db.google_class(org, &id).await?;
            if row.is_some_and(|row| row.digest == class.digest) {
                return Ok(());
            }
        }
        let upserted = issuer.client.upsert(class.kind, &class.id, (&class.patch, &class.whole)).await?;
        tracing::info!(class = id, ?upserted, "A class was written to Google Wallet.");
        let row = GoogleClass { org, class: id, digest: class.digest, written_at: self.clock.now() };
        Ok(self.db.write_google_class(row).await?)
    }

    /// Writes a class whatever is known of it.
    ///
    /// # Errors
    /// Google did not take it.
    pub async fn sync_class(&self, issuer: &GoogleIssuer, org: OrgId, class: &Body) -> Result<(), WriteError> {
        self.class(issuer, org, class, Known::Nothing).await
    }
}

/// Whether what we remember of a class or an object is believed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Remembered,
    Nothing,
}

async fn send(issuer: &GoogleIssuer, calls: &[Call]) -> Vec<Result<serde_json::Value, CallError>> {
    if let [call] = calls {
        return vec![issuer.client.call(call.clone()).await];
    }
    match issuer.client.batch(calls).await {
        Ok(answers) => answers,
        Err(error) => calls.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// Whether a change of the balance is worth one of the three notices that the day has. Nobody is told of a card that nobody has.
fn notify(pass: &Pass, row: &GoogleObject, now: Timestamp) -> Notify {
    let of_value = matches!(
        pass.change.kind,
        ChangeKind::Earned | ChangeKind::Returned | ChangeKind::Adjusted | ChangeKind::Redeemed | ChangeKind::Reversed
    );
    let news = of_value && pass.change.points != 0 && pass.change.at >= row.written_at;
    let left = row.notices.iter().filter(|at| now.since(**at) < NOTICE_WINDOW_MS).count() < MAX_NOTICES;
    let wanted = pass.kind == PassKind::Card && pass.state == PassState::Active && row.saved != Some(false) && news;
    if wanted && left { Notify::Yes } else { Notify::No }
}

impl Journey<'_> {
    fn call(&self) -> Call {
        let Body { kind, id, whole, patch, .. } = &self.composed.object;
        let action = match self.step {
            Step::Insert => Action::Insert(whole.clone()),
            Step::Patch => {
                let mut patch = patch.clone();
                if self.notify == Notify::Yes {
                    patch["notifyPreference"] = "NOTIFY_ON_UPDATE".into();
                }
                Action::Patch(patch)
            }
        };
        Call { kind: *kind, id: id.clone(), action }
    }

    /// Whether it has arrived; if not, what is tried next.
    fn learn(&mut self, answer: Result<serde_json::Value, CallError>) -> Result<bool, CallError> {
        self.class_again = false;
        match (answer, self.step) {
            (Ok(_), _) => return Ok(true),
            (Err(CallError::Exists(_)), Step::Insert) => self.step = Step::Patch,
            (Err(CallError::NotFound(_)), Step::Patch) => self.step = Step::Insert,
            // An insert finds nothing only when the class is missing, whatever we remember.
            (Err(CallError::NotFound(_)), Step::Insert) => self.class_again = true,
            (Err(CallError::QuotaExceeded { quota: Quota::Notifications, .. }), Step::Patch) if self.notify == Notify::Yes => {
                self.notify = Notify::UsedUp;
            }
            (Err(error), _) => return Err(error),
        }
        Ok(false)
    }

    fn row(&self, now: Timestamp) -> GoogleObject {
        let mut notices = self.before.as_ref().map(|row| row.notices.clone()).unwrap_or_default();
        notices.retain(|at| now.since(*at) < NOTICE_WINDOW_MS);
        match self.notify {
            Notify::Yes if self.step == Step::Patch => notices.push(now),
            Notify::UsedUp => notices.resize(MAX_NOTICES, now),
            _ => {}
        }
        GoogleObject {
            org: self.pass.org,
            pass: self.pass.id,
            object: self.composed.object.id.to_string(),
            version: self.pass.version,
            digest: self.composed.object.digest,
            written_at: now,
            notices,
            saved: None,
            saved_at: None,
            checked_at: None,
        }
    }
}
