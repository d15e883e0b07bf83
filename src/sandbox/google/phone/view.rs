//! The phone's screen as data: cards with everything on them, and what the phone told its owner.

use serde_json::{Value, json};

use super::code;
use super::fields::{Field, Reader};
use super::words;
use crate::clock::Timestamp;
use crate::google::resource::ResourceKind;
use crate::sandbox::google::dispatch::ROOT;
use crate::sandbox::google::notice::{Notice, NoticeKind};
use crate::sandbox::google::state::{State, Stored};
use crate::sandbox::phone::locale::Language;

/// The colour of a card whose maker chose none.
const PLAIN_COLOUR: &str = "#3c4043";

/// How bright a colour may be, of 255, before its text must be dark.
const BRIGHT: u32 = 150;

/// Requests that the panel beside the phone lists.
const MAX_ASKED: usize = 40;

/// Everything on the screen.
pub(super) fn screen(state: &State, user: &str, (language, now): (Language, Timestamp)) -> Value {
    let held: Vec<_> = state.objects.iter().filter(|(_, object)| object.users.contains(user)).collect();
    let cards: Vec<Value> = held
        .iter()
        .map(|(_, stored)| {
            let object = stored.value();
            let class = class_of(state, &object);
            let id = object["id"].as_str().unwrap_or_default();
            let parent = held.iter().find(|(_, other)| other.linked.iter().any(|link| link == id)).map(|(id, _)| (*id).clone());
            let mut card = card(stored.kind, &Reader { object: &object, class: &class, language }, now);
            card["linked_to"] = json!(parent);
            card["changed_at"] = json!(stored.changed_at.millis());
            card
        })
        .collect();
    let notices: Vec<Value> = state.notices.iter().filter_map(|notice| told(state, notice, language)).collect();
    json!({"now": now.millis(), "cards": cards, "notices": notices, "requests": asked(state)})
}

/// The class of an object.
fn class_of(state: &State, object: &Value) -> Value {
    object["classId"].as_str().and_then(|id| state.classes.get(id)).map(Stored::value).unwrap_or_default()
}

/// What the gateway asked lately, and the callbacks that it got, the newest first.
fn asked(state: &State) -> Vec<Value> {
    let requests = state.requests.iter().rev().take(MAX_ASKED).map(|request| {
        let path = request.path.strip_prefix(ROOT).unwrap_or(&request.path);
        let (status, notify, in_batch) = (request.status, request.notify, request.in_batch);
        json!({"at": request.at.millis(), "method": request.method, "path": path, "status": status, "notify": notify, "in_batch": in_batch})
    });
    let callbacks = state.callbacks.iter().rev().take(MAX_ASKED).map(|sent| {
        let path = format!("{} {}", sent.event, sent.object_id);
        json!({"at": sent.at.millis(), "method": "CALLBACK", "path": path, "status": sent.status})
    });
    let mut all: Vec<Value> = requests.chain(callbacks).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one["at"].as_i64()));
    all.truncate(MAX_ASKED);
    all
}

/// Where a picture of a pass is: `logo`, `wide_logo` or `hero`. Phones get it from Google, which fetched it from there.
pub(super) fn address<'v>(object: &'v Value, class: &'v Value, which: &str) -> Option<&'v str> {
    let candidates: &[&Value] = match which {
        "logo" => &[&class["programLogo"], &class["titleImage"], &object["logo"]],
        "wide_logo" => &[&class["wideProgramLogo"], &class["wideTitleImage"], &object["wideLogo"]],
        "hero" => &[&object["heroImage"], &class["heroImage"]],
        _ => &[],
    };
    candidates.iter().find_map(|image| image["sourceUri"]["uri"].as_str())
}

fn card(kind: ResourceKind, reader: &Reader<'_>, now: Timestamp) -> Value {
    let (object, class) = (reader.object, reader.class);
    let colour = object["hexBackgroundColor"].as_str().or_else(|| class["hexBackgroundColor"].as_str()).unwrap_or(PLAIN_COLOUR);
    let names = names(kind, reader);
    let image = |which: &str| {
        let address = address(object, class, which)?;
        let of = crc32fast::hash(address.as_bytes());
        Some(format!("/phone/passes/{}/pictures/{which}?of={of:08x}", object["id"].as_str().unwrap_or_default()))
    };
    json!({
        "id": object["id"],
        "kind": kind.path().trim_end_matches("Object"),
        "state": object["state"].as_str().unwrap_or("ACTIVE"),
        "expired": is_over(object, now),
        "colour": colour,
        "dark_ink": is_bright(colour),
        "logo": image("logo"),
        "wide_logo": image("wide_logo"),
        "hero": image("hero"),
        "issuer": names.0,
        "title": names.1,
        "rows": reader.rows(),
        "code": code::of(object, now),
        "details": details(reader),
        "links": links(reader),
        "messages": messages(reader),
    })
}

/// Who the pass is from, and what it is called.
fn names(kind: ResourceKind, reader: &Reader<'_>) -> (Option<String>, Option<String>) {
    let of = |from: &Value, name: &str| words::text(from, name, reader.language);
    let issuer = || of(reader.class, "issuerName");
    match kind {
        ResourceKind::OfferObject => (of(reader.class, "provider").or_else(issuer), of(reader.class, "title")),
        ResourceKind::GiftCardObject => (issuer(), of(reader.class, "merchantName").or_else(issuer)),
        ResourceKind::GenericObject => (of(reader.object, "cardTitle"), of(reader.object, "header")),
        _ => (issuer(), of(reader.class, "programName")),
    }
}

/// "Everything but ACTIVE goes to expired passes", and so does what ended.
fn is_over(object: &Value, now: Timestamp) -> bool {
    let state = object["state"].as_str().unwrap_or("ACTIVE");
    let end = object["validTimeInterval"]["end"]["date"].as_str().and_then(|end| Timestamp::parse(end).ok());
    state != "ACTIVE" || end.is_some_and(|end| end < now)
}

fn details(reader: &Reader<'_>) -> Vec<Field> {
    let modules = |of: &Value| of["textModulesData"].as_array().cloned().unwrap_or_default();
    let own = [
        "object.accountName",
        "object.accountId",
        "class.rewardsTier",
        "object.validTimeInterval.end",
        "class.details",
        "class.finePrint",
    ];
    let fields = own.iter().filter_map(|path| reader.field(path));
    let texts = modules(reader.object).into_iter().chain(modules(reader.class));
    fields.chain(texts.filter_map(|module| reader.module(&module))).collect()
}

fn links(reader: &Reader<'_>) -> Vec<Value> {
    let of = |from: &Value| from["linksModuleData"]["uris"].as_array().cloned().unwrap_or_default();
    let home = Some(reader.class["homepageUri"].clone()).filter(Value::is_object);
    let all = of(reader.object).into_iter().chain(of(reader.class)).chain(home);
    all.map(|link| {
        let text = words::text(&link, "description", reader.language);
        json!({"uri": link["uri"], "text": text.or_else(|| link["uri"].as_str().map(str::to_owned))})
    })
    .collect()
}

fn messages(reader: &Reader<'_>) -> Vec<Field> {
    let of = |from: &Value| from["messages"].as_array().cloned().unwrap_or_default();
    let all = of(reader.object).into_iter().chain(of(reader.class));
    all.map(|message| said(&message, reader.language)).collect()
}

fn said(message: &Value, language: Language) -> Field {
    let text = |name: &str| words::text(message, name, language).unwrap_or_default();
    Field { label: text("header"), value: text("body") }
}

/// A notice in words, with the name of its card above.
fn told(state: &State, notice: &Notice, language: Language) -> Option<Value> {
    let stored = state.objects.get(&notice.object_id)?;
    let object = stored.value();
    let class = class_of(state, &object);
    let reader = Reader { object: &object, class: &class, language };
    let title = names(stored.kind, &reader).1.unwrap_or_default();
    let arabic = language == Language::Arabic;
    let (title, body) = match &notice.what {
        NoticeKind::Points { after, .. } => {
            let label = reader.field("object.loyaltyPoints.balance").map(|field| field.label).unwrap_or_default();
            (title, format!("{label}: {}", words::balance(after)?))
        }
        NoticeKind::Message { message } => {
            let said = said(message, language);
            (if said.label.is_empty() { title } else { said.label }, said.value)
        }
        NoticeKind::Linked => (title, (if arabic { "أُضيفت إلى محفظتك" } else { "Added to your wallet" }).to_owned()),
        NoticeKind::Changed => (title, (if arabic { "تغيّرت بطاقتك" } else { "Your pass has changed" }).to_owned()),
    };
    Some(json!({"number": notice.number, "at": notice.at.millis(), "id": notice.object_id, "title": title, "body": body}))
}

/// Whether text on this colour must be dark.
fn is_bright(colour: &str) -> bool {
    let digits: Vec<u32> = colour.trim_start_matches('#').chars().filter_map(|digit| digit.to_digit(16)).collect();
    let channels: Vec<u32> = match digits.len() {
        3 => digits.iter().map(|digit| digit * 17).collect(),
        6 => digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect(),
        _ => return false,
    };
    // How bright each channel looks, in thousandths.
    let seen: u32 = channels.iter().zip([299, 587, 114]).map(|(channel, weight)| channel * weight).sum();
    seen / 1_000 > BRIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_out_from_its_card() {
        assert!(!is_bright("#2b1a12") && !is_bright("#000") && is_bright("#fff6ea") && is_bright("#fc0"));
    }

    #[test]
    fn what_ended_or_was_ended_is_over() {
        let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
        assert!(!is_over(&json!({"state": "ACTIVE", "validTimeInterval": {"end": {"date": "2026-12-01T00:00:00Z"}}}), now));
        assert!(is_over(&json!({"state": "ACTIVE", "validTimeInterval": {"end": {"date": "2026-11-01T00:00:00Z"}}}), now));
        assert!(is_over(&json!({"state": "INACTIVE"}), now));
    }
}
