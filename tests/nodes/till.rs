//! A till that follows the protocol: it makes the operation's id first, tries for a while under the same id, then asks what became of
//! it or abandons it, and never lets go of an operation before it is final.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use walaa::cards::Codes;
use walaa::ids::{OrgId, VoucherId};
use walaa::tokens::Keyring;

use crate::support::chance::Chance;

/// How long a till waits for one answer.
const TRY: Duration = Duration::from_secs(3);

/// Milliseconds between tries, each with full jitter; then the till asks or abandons.
const PAUSES_MS: [u64; 4] = [500, 1_000, 2_000, 4_000];

/// Milliseconds between questions about an operation, with full jitter.
const ASK_MS: u64 = 500;

/// Milliseconds that a till's clerk takes at most before the next customer.
const THINK_MS: u64 = 150;

/// Tokens, receipts and redemptions that tills fight over at any moment.
const HOT: usize = 10;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Codes,
    Earn,
    Redeem,
    Issue,
    Cancel,
    Reverse,
}

/// How an operation ended, as its till knows it.
#[derive(Clone, PartialEq, Eq)]
pub enum End {
    /// Answered: status and bytes.
    Answered(u16, Vec<u8>),
    /// Not answered, but looked up: status and what the client would have been answered.
    LookedUp(u16, Value),
    /// Given up before it ran.
    Abandoned,
}

impl End {
    /// Whether it was done.
    pub fn done(&self) -> bool {
        matches!(self, Self::Answered(200..=299, _) | Self::LookedUp(200..=299, _))
    }

    /// What was answered.
    pub fn body(&self) -> Value {
        match self {
            Self::Answered(_, bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
            Self::LookedUp(_, body) => body.clone(),
            Self::Abandoned => Value::Null,
        }
    }
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered(status, bytes) => write!(f, "answered {status} {}", String::from_utf8_lossy(bytes)),
            Self::LookedUp(status, body) => write!(f, "looked up {status} {body}"),
            Self::Abandoned => f.write_str("abandoned"),
        }
    }
}

/// An operation in a till's book: there before it is sent.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: String,
    pub kind: Kind,
    pub path: String,
    pub body: Value,
    /// The one whose operation it is.
    pub key: Arc<str>,
    pub end: Option<End>,
}

/// What a redemption needs.
#[derive(Debug, Clone)]
struct Token {
    code: String,
    of_voucher: bool,
}

/// What all tills share: the shop and the book.
pub struct Market {
    http: reqwest::Client,
    pub base: String,
    pub owner: Arc<str>,
    pub org: OrgId,
    pub keyring: Keyring,
    pub store: String,
    pub cards: Vec<String>,
    pub keys: Vec<Arc<str>>,
    pub book: Mutex<Vec<Operation>>,
    /// The round that operations belong to.
    pub round: AtomicU64,
    /// Whether there are customers.
    pub open: watch::Sender<bool>,
    /// Tills that have nothing open.
    pub resting: AtomicUsize,
    next: AtomicU64,
    tokens: Mutex<VecDeque<Token>>,
    receipts: Mutex<VecDeque<(String, String)>>,
    redemptions: Mutex<VecDeque<String>>,
}

impl Market {
    /// A market without anything in it.
    pub fn new(base: String, owner: &str, (org, keyring): (OrgId, Keyring)) -> Self {
        let http = reqwest::Client::builder().timeout(TRY).no_proxy().build().expect("a client");
        Self {
            http,
            base,
            owner: owner.into(),
            org,
            keyring,
            store: String::new(),
            cards: Vec::new(),
            keys: Vec::new(),
            book: Mutex::default(),
            round: AtomicU64::new(0),
            open: watch::Sender::default(),
            resting: AtomicUsize::new(0),
            next: AtomicU64::new(1),
            tokens: Mutex::default(),
            receipts: Mutex::default(),
            redemptions: Mutex::default(),
        }
    }

    /// The book, to be read.
    pub fn book(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.book.lock().expect("nobody panics with it")
    }

    /// An id that no other operation has; it tells the round that it belongs to.
    fn next_id(&self) -> String {
        format!("round-{:05}-{:08}", self.round.load(Ordering::SeqCst), self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// One of the hottest things, or `None` when there is none.
fn hottest<T: Clone>(things: &Mutex<VecDeque<T>>, chance: &mut Chance) -> Option<T> {
    let things = things.lock().expect("nobody panics with it");
    if things.is_empty() { None } else { Some(things[chance.below(things.len())].clone()) }
}

fn heat<T>(things: &Mutex<VecDeque<T>>, thing: T) {
    let mut things = things.lock().expect("nobody panics with it");
    things.push_back(thing);
    if things.len() > HOT {
        things.pop_front();
    }
}

/// A till, or anybody else who speaks to the gateway.
pub struct Till {
    http: reqwest::Client,
    market: Arc<Market>,
    key: Arc<str>,
    chance: Chance,
}

impl Till {
    /// A till with a key of its own.
    pub fn new(market: &Arc<Market>, key: &Arc<str>, seed: u64) -> Self {
        Self { http: market.http.clone(), market: Arc::clone(market), key: Arc::clone(key), chance: Chance::seeded(seed) }
    }

    /// Serves customers while there are any, and rests with no operation open while there are none; ends with the market.
    pub async fn work(mut self) {
        let mut open = self.market.open.subscribe();
        let market = Arc::clone(&self.market);
        loop {
            market.resting.fetch_add(1, Ordering::SeqCst);
            if open.wait_for(|open| *open).await.is_err() {
                return;
            }
            market.resting.fetch_sub(1, Ordering::SeqCst);
            while *open.borrow() {
                self.serve().await;
                tokio::time::sleep(self.chance.up_to_ms(THINK_MS)).await;
            }
        }
    }

    /// One customer.
    async fn serve(&mut self) {
        match self.chance.below(100) {
            0..55 => self.redeem().await,
            55..70 => self.earn().await,
            70..84 => self.issue().await,
            _ => self.reverse().await,
        }
    }

    /// Redeems a code that others may be redeeming, too.
    async fn redeem(&mut self) {
        let token = hottest(&self.market.tokens, &mut self.chance).filter(|_| self.chance.below(3) > 0);
        let token = match token {
            Some(token) => token,
            None => match self.new_token().await {
                Some(token) => token,
                None => return,
            },
        };
        let body = if token.of_voucher { json!({ "code": token.code }) } else { redemption(&token.code) };
        let end = self.perform(Kind::Redeem, "/v1/redemptions", &body).await;
        if let (true, Some(id)) = (end.done(), end.body()["id"].as_str()) {
            heat(&self.market.redemptions, id.to_owned());
        }
    }

    /// A customer shows a live code.
    async fn new_token(&mut self) -> Option<Token> {
        let card = self.any_card();
        let end = self.perform(Kind::Codes, &format!("/v1/cards/{card}/codes"), &Value::Null).await;
        // Codes are in the answer alone, never in what is stored.
        let code = end.body()["live"]["code"].as_str()?.to_owned();
        let token = Token { code, of_voucher: false };
        heat(&self.market.tokens, token.clone());
        Some(token)
    }

    fn any_card(&mut self) -> String {
        self.market.cards[self.chance.below(self.market.cards.len())].clone()
    }

    /// Posts a sale; now and then one that another till posts, too.
    async fn earn(&mut self) {
        let same = hottest(&self.market.receipts, &mut self.chance).filter(|_| self.chance.below(4) == 0);
        let (card, receipt) = same.unwrap_or_else(|| (self.any_card(), format!("R-{}", self.market.next_id())));
        heat(&self.market.receipts, (card.clone(), receipt.clone()));
        let total = json!({ "amount": "2.500", "currency": "KWD" });
        let sale = json!({ "card": card, "receipt": receipt, "total": total, "store": self.market.store });
        self.perform(Kind::Earn, "/v1/earnings", &sale).await;
    }

    /// Swaps points for a voucher, whose code is redeemed by whoever comes first, or gives it back.
    async fn issue(&mut self) {
        let body = json!({ "card": self.any_card(), "reward": "cake" });
        let end = self.perform(Kind::Issue, "/v1/vouchers", &body).await;
        let issued = end.body();
        let Some(id) = issued["id"].as_str().filter(|_| end.done()) else { return };
        let voucher: VoucherId = id.parse().expect("an id");
        let codes = Codes { keyring: &self.market.keyring, org: self.market.org };
        let code = codes.of_voucher(voucher, (self.market.keyring.current().0, 1)).expect("the key is there");
        heat(&self.market.tokens, Token { code, of_voucher: true });
        if self.chance.below(2) == 0 {
            self.perform(Kind::Cancel, &format!("/v1/vouchers/{id}/cancellation"), &Value::Null).await;
        }
    }

    /// Undoes a redemption that another till may be undoing, too.
    async fn reverse(&mut self) {
        let Some(id) = hottest(&self.market.redemptions, &mut self.chance) else { return };
        self.perform(Kind::Reverse, &format!("/v1/redemptions/{id}/reversal"), &json!({ "reason": "wrong drink" })).await;
    }

    /// An operation, from the book to its end.
    pub async fn perform(&mut self, kind: Kind, path: &str, body: &Value) -> End {
        let id = self.market.next_id();
        let key = Arc::clone(&self.key);
        let operation = Operation { id: id.clone(), kind, path: path.to_owned(), body: body.clone(), key, end: None };
        let place = {
            let mut book = self.market.book();
            book.push(operation.clone());
            book.len() - 1
        };
        let end = self.until_final(&operation).await;
        self.market.book()[place].end = Some(end.clone());
        end
    }

    async fn until_final(&mut self, operation: &Operation) -> End {
        for pause in PAUSES_MS {
            if let Some((status, bytes)) = self.send(operation).await {
                return End::Answered(status, bytes);
            }
            tokio::time::sleep(self.chance.up_to_ms(pause)).await;
        }
        let path = format!("{}/v1/ops/{}", self.market.base, operation.id);
        loop {
            for request in [self.http.get(&path), self.http.post(format!("{path}/abandon"))] {
                if let Some((200, bytes)) = heard(request.bearer_auth(&self.key)).await {
                    return looked_up(&bytes);
                }
            }
            tokio::time::sleep(self.chance.up_to_ms(ASK_MS)).await;
        }
    }

    /// One try; `None` when no answer came, or none that is final.
    pub async fn send(&self, operation: &Operation) -> Option<(u16, Vec<u8>)> {
        let url = format!("{}{}", self.market.base, operation.path);
        let request = self.http.post(url).bearer_auth(&operation.key).header("idempotency-key", &operation.id);
        let request = if operation.body.is_null() { request } else { request.json(&operation.body) };
        heard(request).await.filter(|(status, _)| *status < 500 && !matches!(*status, 408 | 429))
    }
}

/// A redemption of a live code.
pub fn redemption(code: &str) -> Value {
    json!({ "code": code, "rewards": [{ "reward": "coffee", "quantity": 1 }] })
}

async fn heard(request: reqwest::RequestBuilder) -> Option<(u16, Vec<u8>)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.bytes().await.ok()?.to_vec()))
}

fn looked_up(bytes: &[u8]) -> End {
    let operation: Value = serde_json::from_slice(bytes).expect("JSON");
    if operation["outcome"] == "ABANDONED" {
        return End::Abandoned;
    }
    let status = operation["status"].as_u64().and_then(|status| status.try_into().ok()).expect("a status");
    End::LookedUp(status, operation["answer"].clone())
}
