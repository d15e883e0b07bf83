//! The café of the demo: made once through the API as its owner would, remembered by ids, and found again at the next start.
//!
//! Every request names an operation of its own, always the same, so that a start that was cut off is finished by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{CliError, keys};
use crate::app::open;
use crate::apple::certificates::key_file;
use crate::cards::Core;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::documents::{self, KeyInput};
use crate::error::Problem;
use crate::google::GoogleWriter;
use crate::ids::{CardId, KeyId, MemberId, OrgId, ProgrammeId, StaffId, StoreId, TerminalId, encode};
use crate::ledger::{DocumentKey, OpKey};
use crate::passes::embedded;
use crate::programme::{KeyDocument, Role, StaffDocument, TerminalDocument};
use crate::sandbox::phone::Phone;
use crate::sandbox::phone::locale::Language;
use crate::sandbox::phone::page::Offer;
use crate::tokens::{Credential, KeyHolder, KeyScope, Kid};

/// The café's name.
const NAME: &str = "Qahwa House";

/// The members: name, language, and the totals of their sales with the points card.
const MEMBERS: &[(&str, &str, &[&str])] =
    &[("Sara", "en", &["4.250", "6.500", "3.750"]), ("يوسف", "ar", &["9.000", "2.250"]), ("Mariam", "en", &["12.000"])];

/// The staff: the cashier's code and the name.
const STAFF: &[(&str, &str)] = &[("C1", "Mariam"), ("C2", "Yousef")];

/// Sales on the first member's stamp card.
const STAMPED_SALES: &[&str] = &["1.750", "2.000", "1.500"];

/// What the demo remembers of its café. No secret is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cafe {
    /// The organisation.
    pub organisation: OrgId,
    /// The points card's programme.
    pub programme: ProgrammeId,
    /// Its currency.
    pub currency: String,
    /// The first member.
    pub member: MemberId,
    /// That member's points card.
    pub card: CardId,
    admin: KeyId,
    pos: KeyId,
    terminal: TerminalId,
    cards: Vec<OfferedCard>,
    /// The till that the scanner's page becomes, and who signs in there; made later than the rest.
    #[serde(default)]
    counter: Option<Counter>,
}

/// What the scanner's page needs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Counter {
    /// The till.
    pub terminal: TerminalId,
    /// The first of the staff.
    pub staff: StaffId,
}

/// How the scanner's page is opened at this start.
pub struct Opening {
    /// The one-time code, new at each start.
    pub code: String,
    /// Until when it can be used.
    pub code_expires_at: Timestamp,
    /// Who signs in.
    pub staff: StaffId,
    /// By that name.
    pub name: String,
    /// With which PIN.
    pub pin: String,
}

/// A card that the phone's page offers.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OfferedCard {
    card: CardId,
    title: BTreeMap<Language, String>,
}

impl Cafe {
    /// The café in a data folder, made when there is none.
    pub async fn open(core: &Core, config: &Config, (data, base_url): (&Path, &str)) -> Result<Self, CliError> {
        let file = data.join("demo.json");
        let mut cafe: Self = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| other(format!("{}: {error}", file.display())))?,
            Err(_) => make(core, config, base_url).await?,
        };
        if cafe.counter.is_none() {
            cafe.counter = Some(counter(&cafe.owner(core, config, base_url).await?).await?);
            let text = serde_json::to_vec_pretty(&cafe).map_err(|error| other(error.to_string()))?;
            key_file::write(&file, &text, key_file::Existing::Replace).map_err(|error| other(error.to_string()))?;
        }
        Ok(cafe)
    }

    async fn owner<'a>(&self, core: &Core, config: &Config, base_url: &'a str) -> Result<Api<'a>, CliError> {
        let client = reqwest::Client::builder().no_proxy().build().map_err(|error| other(error.to_string()))?;
        Ok(Api { client, base_url, key: self.admin_key(core, config).await? })
    }

    /// A new one-time code for the scanner's page, and who signs in there. A browser that is the till already stays it.
    pub async fn opening(&self, core: &Core, config: &Config, base_url: &str) -> Result<Opening, CliError> {
        let Counter { terminal, staff } = self.counter.ok_or_else(|| other("the demo has no counter".to_owned()))?;
        let path = format!("/v1/terminals/{terminal}/enrolment");
        let again = format!("code-{}", encode(&core.ids.random()));
        let made = self.owner(core, config, base_url).await?.post(&path, &again, &json!(null)).await?;
        let key = DocumentKey::staff(self.organisation, staff);
        let document = documents::existing::<StaffDocument>(core, key).await.map_err(CliError::Refused)?.document;
        let pin = documents::pin_of(core, (self.organisation, staff), &document).map_err(CliError::Refused)?;
        Ok(Opening {
            code: field(&made, "/enrolment_code")?,
            code_expires_at: field(&made, "/enrolment_expires_at")?,
            staff,
            name: document.name,
            pin: pin.as_str().to_owned(),
        })
    }

    /// The till that the scanner's page becomes.
    pub fn counter(&self) -> Result<TerminalId, CliError> {
        Ok(self.counter.ok_or_else(|| other("the demo has no counter".to_owned()))?.terminal)
    }

    /// The owner's key, shown again.
    pub async fn admin_key(&self, core: &Core, config: &Config) -> Result<String, CliError> {
        key_text(core, config, (self.organisation, self.admin)).await
    }

    /// The till's key, shown again.
    pub async fn pos_key(&self, core: &Core, config: &Config) -> Result<String, CliError> {
        key_text(core, config, (self.organisation, self.pos)).await
    }

    /// The scanner's key, shown again.
    pub async fn terminal_key(&self, core: &Core, config: &Config) -> Result<String, CliError> {
        let key = DocumentKey::terminal(self.organisation, self.terminal);
        let terminal = documents::existing::<TerminalDocument>(core, key).await.map_err(CliError::Refused)?.document;
        let scope = KeyScope { org: self.organisation, kid: Kid(terminal.secret_kid) };
        let generation = u64::try_from(terminal.secret_generation).unwrap_or_default();
        let secret = core.keyring.terminal_secret(scope, self.terminal, generation).map_err(|error| other(error.to_string()))?;
        let holder = KeyHolder::Terminal(self.terminal);
        Ok(Credential { environment: open::environment(config), holder, secret }.to_text().to_string())
    }

    /// The cards that the phone's page offers, with links as they are at this start.
    pub async fn offers(&self, core: &Core) -> Result<Vec<Offer>, CliError> {
        let mut offers = Vec::new();
        for offered in &self.cards {
            let url = self.link(core, offered.card).await?;
            offers.push(Offer { title: offered.title.clone(), url });
        }
        Ok(offers)
    }

    /// Puts the first card on a phone that holds none, as its owner would have.
    pub async fn put_first_card_on(&self, phone: &Phone, core: &Core) -> Result<(), CliError> {
        if !phone.passes().is_empty() {
            return Ok(());
        }
        let url = self.link(core, self.card).await?;
        let url = reqwest::Url::parse(&url).map_err(|error| other(error.to_string()))?;
        let package = phone.download(url).await.map_err(|error| other(error.to_string()))?;
        phone.add_pass(&package).await.map_err(|error| other(error.to_string()))?;
        Ok(())
    }

    /// Puts the first card into Google Wallet, as its owner would by the link.
    pub async fn put_first_card_on_google(&self, google: Option<&GoogleWriter>, core: &Core) -> Result<(), CliError> {
        let Some(google) = google else { return Ok(()) };
        let made = async {
            let card = core.card(self.organisation, self.card).await?;
            let pass = core.show_on_google(self.organisation, &card).await?;
            google.save_link(&pass).await.map_err(Problem::from)
        };
        let link = made.await.map_err(CliError::Refused)?;
        let opened = reqwest::get(link).await.and_then(reqwest::Response::error_for_status);
        opened.map(|_| ()).map_err(|error| other(error.without_url().to_string()))
    }

    async fn link(&self, core: &Core, card: CardId) -> Result<String, CliError> {
        let link = async {
            let card = core.card(self.organisation, card).await?;
            core.links(&core.current_pass(&card).await?)
        };
        Ok(link.await.map_err(CliError::Refused)?.apple)
    }
}

async fn key_text(core: &Core, config: &Config, (org, key): (OrgId, KeyId)) -> Result<String, CliError> {
    let document =
        documents::existing::<KeyDocument>(core, DocumentKey::key(org, key)).await.map_err(CliError::Refused)?.document;
    let scope = KeyScope { org, kid: Kid(document.secret_kid) };
    let generation = u64::try_from(document.secret_generation).unwrap_or_default();
    let secret = core.keyring.key_secret(scope, key, generation).map_err(|error| other(error.to_string()))?;
    Ok(Credential { environment: open::environment(config), holder: KeyHolder::Key(key), secret }.to_text().to_string())
}

/// Makes the café: the organisation and its owner's key by hand, everything else through the API.
async fn make(core: &Core, config: &Config, base_url: &str) -> Result<Cafe, CliError> {
    let organisation = match core.db.organisations().await?.first() {
        Some(document) => document.key.org,
        None => keys::found_organisation(core, NAME).await?,
    };
    let input = KeyInput {
        name: "the owner".to_owned(),
        role: Role::Owner,
        scopes: BTreeSet::new(),
        programmes: BTreeSet::new(),
        store: None,
        expires_at: None,
    };
    let (admin, text) = keys::make_key(core, config, (organisation, input), op("owner-key")?).await?;
    let client = reqwest::Client::builder().no_proxy().build().map_err(|error| other(error.to_string()))?;
    let owner = Api { client: client.clone(), base_url, key: text.to_string() };

    let store: StoreId = owner.made("/v1/stores", "store", &json!({ "name": { "en": "Marina", "ar": "المارينا" } })).await?;
    let programme: ProgrammeId = owner.made("/v1/programmes", "coffee", &verifying(ready("coffee")?)).await?;
    let stamps: ProgrammeId = owner.made("/v1/programmes", "stamps", &ready("stamps")?).await?;
    let terminal = terminal(core, &owner, (organisation, store)).await?;
    let till = json!({ "name": "the till at the Marina", "role": "pos", "store": store });
    let pos: KeyId = owner.made("/v1/keys", "pos-key", &till).await?;
    let pos_text = key_text(core, config, (organisation, pos)).await?;
    let till = Api { client, base_url, key: pos_text };
    let currency = currency_of("coffee")?;

    let mut people = Vec::new();
    for (place, (name, language, sales)) in MEMBERS.iter().enumerate() {
        let body = json!({ "programme": programme, "name": name, "language": language });
        let joined = till.post("/v1/members", &format!("member-{place}"), &body).await?;
        let (member, card): (MemberId, CardId) = (field(&joined, "/member/id")?, field(&joined, "/card/id")?);
        till.sell(card, (&format!("points-{place}"), &currency), sales).await?;
        people.push((member, card));
    }
    let (member, card) = *people.first().ok_or_else(|| other("the demo has no members".to_owned()))?;
    let joined = till.post(&format!("/v1/members/{member}/cards"), "stamp-card", &json!({ "programme": stamps })).await?;
    let stamp_card: CardId = field(&joined, "/card/id")?;
    till.sell(stamp_card, ("stamps", &currency_of("stamps")?), STAMPED_SALES).await?;
    let cards = vec![
        offered(card, ["Sara's points card", "بطاقة نقاط سارة"]),
        offered(stamp_card, ["Sara's stamp card", "بطاقة أختام سارة"]),
    ];
    Ok(Cafe { organisation, programme, currency, member, card, admin, pos, terminal, cards, counter: None })
}

fn offered(card: CardId, [english, arabic]: [&str; 2]) -> OfferedCard {
    OfferedCard { card, title: [(Language::English, english.to_owned()), (Language::Arabic, arabic.to_owned())].into() }
}

/// A scanner, enrolled by its one-time code; one that was enrolled at a start that was cut off stays so.
async fn terminal(core: &Core, owner: &Api<'_>, (org, store): (OrgId, StoreId)) -> Result<TerminalId, CliError> {
    let made = owner.post("/v1/terminals", "terminal", &json!({ "name": "Scanner 1", "store": store })).await?;
    let id: TerminalId = field(&made, "/id")?;
    let known = documents::existing::<TerminalDocument>(core, DocumentKey::terminal(org, id)).await.map_err(CliError::Refused)?;
    if known.document.secret_hash.is_none() {
        owner.post("/v1/terminals/enrol", "enrol", &json!({ "code": field::<String>(&made, "/enrolment_code")? })).await?;
    }
    Ok(id)
}

/// The till of the scanner's page, and two who sign in there.
async fn counter(owner: &Api<'_>) -> Result<Counter, CliError> {
    let store: StoreId = owner.made("/v1/stores", "store", &json!({ "name": { "en": "Marina", "ar": "المارينا" } })).await?;
    let terminal = owner.made("/v1/terminals", "counter", &json!({ "name": "Counter", "store": store })).await?;
    let mut staff = Vec::new();
    for (code, name) in STAFF {
        staff.push(owner.made("/v1/staff", &format!("staff-{code}"), &json!({ "name": name, "code": code })).await?);
    }
    let staff = *staff.first().ok_or_else(|| other("the demo has no staff".to_owned()))?;
    Ok(Counter { terminal, staff })
}

/// A ready programme as the API takes it.
fn ready(name: &str) -> Result<Value, CliError> {
    let files = embedded::files(name);
    let text =
        files.iter().find(|(path, _)| path == "programme.toml").map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
    let text = text.ok_or_else(|| other(format!("the template {name} has no programme.toml")))?;
    toml::from_str(&text).map_err(|error| other(format!("{name}/programme.toml: {error}")))
}

/// The same, with contacts to be proven: the mailbox beside the demo gets the codes.
fn verifying(mut programme: Value) -> Value {
    programme["join"]["verify"] = json!(true);
    programme
}

fn currency_of(name: &str) -> Result<String, CliError> {
    field(&ready(name)?, "/currency")
}

/// The gateway as a client sees it.
struct Api<'a> {
    client: reqwest::Client,
    base_url: &'a str,
    key: String,
}

impl Api<'_> {
    /// Posts under an operation of this demo's, and reads the answer.
    async fn post(&self, path: &str, what: &str, body: &Value) -> Result<Value, CliError> {
        let request = self.client.post(format!("{}{path}", self.base_url)).bearer_auth(&self.key);
        let request = request.header("idempotency-key", op(what)?.as_str());
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await.map_err(|error| other(format!("{path}: {}", error.without_url())))?;
        let status = response.status();
        let answer: Value = response.json().await.map_err(|error| other(format!("{path}: {}", error.without_url())))?;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(other(format!("the demo's café could not be set up: {path}: {answer}")))
        }
    }

    /// Posts something new, and reads its id.
    async fn made<T: serde::de::DeserializeOwned>(&self, path: &str, what: &str, body: &Value) -> Result<T, CliError> {
        field(&self.post(path, what, body).await?, "/id")
    }

    /// Posts sales on a card.
    async fn sell(&self, card: CardId, (what, currency): (&str, &str), totals: &[&str]) -> Result<(), CliError> {
        for (place, amount) in totals.iter().enumerate() {
            let receipt = format!("demo-{what}-{place}");
            let body = json!({ "card": card, "receipt": receipt, "total": { "amount": amount, "currency": currency } });
            self.post("/v1/earnings", &format!("sale-{what}-{place}"), &body).await?;
        }
        Ok(())
    }
}

/// The key of an operation of the demo's; the same at each start.
fn op(what: &str) -> Result<OpKey, CliError> {
    OpKey::parse(&format!("walaa-demo-first-{what}")).ok_or_else(|| other(format!("{what} names no operation")))
}

fn field<T: serde::de::DeserializeOwned>(answer: &Value, place: &str) -> Result<T, CliError> {
    let value = answer.pointer(place).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| other(format!("{place} is missing in the gateway's answer: {error}")))
}

fn other(message: String) -> CliError {
    CliError::Other(message)
}
