//! The story: six steps, the requests that belong to them, and how far it has come.
//!
//! What was seen once stays seen, until the story starts over under new operation keys.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::GuideSetup;
use super::till::{Answer, Request, Till};
use crate::clock::Timestamp;
use crate::documents;
use crate::error::Problem;
use crate::ids::encode;
use crate::ledger::DocumentKey;
use crate::programme::ShiftDocument;

/// What Sara buys.
const SALE: &str = "12.500";

/// What her points buy.
const REWARD: &str = "espresso";

/// Seconds that a code must still be good for, so that there is time to type it.
const ENOUGH_SECONDS: i64 = 60;

/// Letters of a round that stand in receipts.
const RECEIPT_LETTERS: usize = 6;

/// The requests of the story, and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// A sale on the card, always under the same operation.
    Sale,
    /// The code that was used, once more, under a new operation.
    SameCode,
    /// How the card stands.
    Card,
}

impl Which {
    const ALL: [Self; 3] = [Self::Sale, Self::SameCode, Self::Card];
}

/// Why a request is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// The story has not come so far.
    TooEarly,
    /// The gateway does not answer.
    NoAnswer,
}

/// What has been seen.
#[derive(Debug, Default)]
struct Seen {
    in_wallet: bool,
    sold: bool,
    on_phone: bool,
    signed_in: bool,
    redeemed: bool,
    refused: bool,
    replayed: bool,
}

/// A code of the card, as a customer would say it.
#[derive(Debug, Clone, Serialize)]
struct SpokenCode {
    text: String,
    expires_at: Timestamp,
}

/// The story as it goes.
pub struct Story {
    setup: GuideSetup,
    till: Till,
    owner: Till,
    round: String,
    seen: Seen,
    code: Option<SpokenCode>,
    /// The shift of an earlier start, which is not this story's.
    old_shift: Option<String>,
}

impl Story {
    /// Begins.
    pub async fn begin(setup: GuideSetup, (till, owner): (Till, Till)) -> Self {
        let round = encode(&setup.core.ids.random());
        let mut story = Self { setup, till, owner, round, seen: Seen::default(), code: None, old_shift: None };
        story.old_shift = story.open_shift().await.unwrap_or_default();
        story
    }

    /// Starts over: new operations, nothing seen; who is signed in stays so.
    pub fn start_over(&mut self) {
        let signed_in = self.seen.signed_in;
        (self.round, self.code) = (encode(&self.setup.core.ids.random()), None);
        self.seen = Seen { signed_in, ..Seen::default() };
    }

    /// How it stands now, as the page shows it.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn look(&mut self) -> Result<Value, Problem> {
        let (org, core) = (self.setup.organisation, self.setup.core.clone());
        let card = core.card(org, self.setup.card).await?;
        let pass = core.current_pass(&card).await?;
        let delivery = core.db.delivery(org, pass.id).await?;
        let (phones, fetched) = delivery.map_or((0, 0), |delivery| (delivery.registrations.len(), delivery.fetched_version));
        self.seen.in_wallet = phones > 0;
        self.seen.on_phone |= self.seen.sold && fetched >= pass.version;
        self.seen.signed_in |= self.open_shift().await?.is_some_and(|shift| Some(shift) != self.old_shift);
        self.keep_till_open().await;
        self.watch_code().await;
        let seen = &self.seen;
        let signed_in = seen.signed_in || seen.redeemed;
        let steps = [seen.in_wallet, seen.on_phone, signed_in, seen.redeemed, seen.refused, seen.replayed];
        let card_page = core.links(&pass)?.card_page;
        let requests: Vec<Value> = Which::ALL.iter().filter_map(|which| self.shown(*which)).collect();
        Ok(json!({
            "points": card.available(), "steps": steps, "sold": seen.sold, "code": self.code, "requests": requests,
            "scan_code": self.setup.scan_code.0, "card_page": card_page.find("/c/").map(|place| &card_page[place..]),
            "now": core.clock.now(), "round": self.round,
        }))
    }

    /// The shift that is open at the till.
    async fn open_shift(&self) -> Result<Option<String>, Problem> {
        let key = DocumentKey::shift(self.setup.organisation, self.setup.counter);
        let shift = documents::newest::<ShiftDocument>(&self.setup.core, key).await?.map(|saved| saved.document);
        let now = self.setup.core.clock.now();
        Ok(shift.filter(|shift| shift.end(now).is_none()).map(|shift| shift.id.to_string()))
    }

    /// Has a new one-time code made when the one before runs out while nobody is signed in: it lasts ten minutes, a newcomer may not.
    async fn keep_till_open(&mut self) {
        let soon = self.setup.core.clock.now().plus_seconds(ENOUGH_SECONDS);
        if self.seen.signed_in || self.setup.scan_code.1 > soon {
            return;
        }
        let path = format!("/v1/terminals/{}/enrolment", self.setup.counter);
        let Some(answer) = self.owner.send(&self.make(path)).await else { return };
        let expires_at = serde_json::from_value(answer.value("/enrolment_expires_at"));
        if let (Some(code), Ok(expires_at)) = (answer.value("/enrolment_code").as_str(), expires_at) {
            self.setup.scan_code = (code.to_owned(), expires_at);
        }
    }

    /// A request that makes something new without saying more.
    fn make(&self, path: String) -> Request {
        let key = format!("guide-new-{}", encode(&self.setup.core.ids.random()));
        Request { method: "POST", path, idempotency_key: Some(key), body: None }
    }

    /// Whether the code has been used by now: a scan says so, and changes nothing.
    async fn watch_code(&mut self) {
        let Some(code) = self.code.as_ref().filter(|_| !self.seen.redeemed) else { return };
        let scan = Request {
            method: "POST",
            path: "/v1/scans".to_owned(),
            idempotency_key: None,
            body: Some(json!({ "code": code.text })),
        };
        let scanned = self.till.send(&scan).await;
        self.seen.redeemed = scanned.is_some_and(|answer| answer.value("/code/state") == "captured");
    }

    /// The code that Sara says: the present one, or a new one when that has run out or nearly so.
    ///
    /// # Errors
    /// [`NotNow::NoAnswer`].
    pub async fn code(&mut self) -> Result<Value, NotNow> {
        let soon = self.setup.core.clock.now().plus_seconds(ENOUGH_SECONDS);
        let good = |code: &SpokenCode| self.seen.redeemed || code.expires_at > soon;
        if let Some(code) = self.code.as_ref().filter(|code| good(code)) {
            return Ok(json!(code));
        }
        let ask = self.make(format!("/v1/cards/{}/codes", self.setup.card));
        let answer = self.till.send(&ask).await.ok_or(NotNow::NoAnswer)?;
        let text = answer.value("/typed/code").as_str().map(str::to_owned).ok_or(NotNow::NoAnswer)?;
        let expires_at = serde_json::from_value(answer.value("/typed/expires_at")).map_err(|_| NotNow::NoAnswer)?;
        self.code = Some(SpokenCode { text, expires_at });
        Ok(json!(self.code))
    }

    /// Sends one of the story's requests.
    ///
    /// # Errors
    /// It is too early for it, or the gateway does not answer.
    pub async fn run(&mut self, which: Which) -> Result<Answer, NotNow> {
        self.watch_code().await;
        let request = self.request(which).ok_or(NotNow::TooEarly)?;
        let answer = self.till.send(&request).await.ok_or(NotNow::NoAnswer)?;
        match which {
            Which::Sale => {
                self.seen.sold |= answer.status == 201;
                self.seen.replayed |= answer.replayed;
            }
            Which::SameCode => self.seen.refused |= answer.value("/code") == "already_redeemed",
            Which::Card => {}
        }
        Ok(answer)
    }

    /// A request as it would be sent now; nothing while it is too early.
    fn request(&self, which: Which) -> Option<Request> {
        let post = |path: &str, key: String, body: Value| Request {
            method: "POST",
            path: path.to_owned(),
            idempotency_key: Some(key),
            body: Some(body),
        };
        let GuideSetup { card, currency, .. } = &self.setup;
        let receipt: String = self.round.chars().take(RECEIPT_LETTERS).collect();
        match which {
            Which::Sale => {
                let total = json!({ "amount": SALE, "currency": currency });
                let body = json!({ "card": card, "receipt": format!("R-{receipt}"), "total": total });
                Some(post("/v1/earnings", format!("guide-sale-{}", self.round), body))
            }
            Which::SameCode => {
                // A code that nobody used yet would be used by this: the story is about the second time.
                let code = self.code.as_ref().filter(|_| self.seen.redeemed)?;
                let body = json!({ "code": code.text, "rewards": [{ "reward": REWARD, "quantity": 1 }] });
                Some(post("/v1/redemptions", format!("guide-again-{}", self.round), body))
            }
            Which::Card => Some(Request { method: "GET", path: format!("/v1/cards/{card}"), idempotency_key: None, body: None }),
        }
    }

    /// A request as the page shows it: the key is shortened.
    fn shown(&self, which: Which) -> Option<Value> {
        let request = self.request(which)?;
        let authorization = format!("Bearer {}", self.till.shortened_key());
        let curl = self.till.curl(&request);
        Some(json!({ "name": which, "request": request, "authorization": authorization, "curl": curl }))
    }
}
