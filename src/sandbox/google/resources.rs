//! What the REST API does with classes and objects: insert, get, patch, update, list, messages. Every change is checked as a whole
//! before anything is kept.

use std::collections::{BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::notice::{self, NoticeKind};
use super::refusal::Refusal;
use super::schema::{merge, schema, strip_nulls};
use super::state::{MAX_RESOURCES, State, Stored, class_of, is_class, message};
use super::{ClassChange, GoogleRules, review, rules};
use crate::clock::Timestamp;
use crate::google::resource::{IssuerId, ResourceId, ResourceKind};

/// Objects that may be linked to one; more are silently ignored.
const MAX_LINKED: usize = 50;

/// Notifications that a pass may have within [`NOTIFY_WINDOW_SECONDS`].
const MAX_NOTIFICATIONS: usize = 3;

/// The rolling day of [`MAX_NOTIFICATIONS`].
const NOTIFY_WINDOW_SECONDS: i64 = 86_400;

/// One caller's view of the API.
pub(super) struct Api<'s> {
    pub state: &'s mut State,
    /// The service account that the bearer token belongs to.
    pub caller: &'s str,
    pub rules: GoogleRules,
    pub now: Timestamp,
}

type Answer = Result<Value, Refusal>;

/// A change on its way: what was, what the request brought, what shall be.
struct Change {
    kind: ResourceKind,
    id: ResourceId,
    before: Option<Value>,
    brought: Value,
    after: Value,
}

impl Api<'_> {
    /// `insert`.
    pub(super) fn insert(&mut self, kind: ResourceKind, body: &Value) -> Answer {
        let brought = self.cleaned(kind, body)?;
        schema().check(message(kind), &brought)?;
        let id = self.own_id(brought["id"].as_str().unwrap_or_default())?;
        if self.state.layer(kind).contains_key(&id.to_string()) {
            return Err(Refusal::exists(if is_class(kind) { "Class" } else { "Object" }, &id.to_string()));
        }
        if self.state.layer(kind).len() >= MAX_RESOURCES {
            return Err(Refusal::full());
        }
        let after = brought.clone();
        self.apply(Change { kind, id, before: None, brought, after })
    }

    /// `get`.
    pub(super) fn get(&self, kind: ResourceKind, id: &str) -> Answer {
        let id = self.own_id(id)?.to_string();
        self.state.find(kind, &id).map(|stored| self.shown(stored)).ok_or_else(|| missing(kind, &id))
    }

    /// `patch`.
    pub(super) fn patch(&mut self, kind: ResourceKind, id: &str, body: &Value) -> Answer {
        // Types are checked on what comes of it: a wrong one is wrong there, too.
        let brought = self.cleaned(kind, body)?;
        let (id, before) = self.known(kind, id, &brought)?;
        let mut after = before.clone();
        // What clears by null is not in the cleaned body any more: the merge needs the request as it came.
        merge(&mut after, &without_google_fields(kind, body));
        strip_nulls(&mut after);
        self.apply(Change { kind, id, before: Some(before), brought, after })
    }

    /// `update`: what is not sent is cleared.
    pub(super) fn update(&mut self, kind: ResourceKind, id: &str, body: &Value) -> Answer {
        let brought = self.cleaned(kind, body)?;
        schema().check(message(kind), &brought)?;
        let (id, before) = self.known(kind, id, &brought)?;
        let after = brought.clone();
        self.apply(Change { kind, id, before: Some(before), brought, after })
    }

    /// `addmessage`.
    pub(super) fn add_message(&mut self, kind: ResourceKind, id: &str, body: &Value) -> Answer {
        let (body, _) = schema().cleaned("AddMessageRequest", body)?;
        schema().check("AddMessageRequest", &body)?;
        rules::check("AddMessageRequest", &body)?;
        let new = body.get("message").ok_or_else(|| Refusal::invalid("message must be set"))?;
        if new["messageType"] == "EXPIRATION_NOTIFICATION" {
            return Err(Refusal::invalid("EXPIRATION_NOTIFICATION is not supported"));
        }
        let (id, mut after) = self.known(kind, id, &Value::Null)?;
        let id = id.to_string();
        if let Some(resource) = after.as_object_mut() {
            let messages = resource.entry("messages").or_insert_with(|| json!([]));
            messages.as_array_mut().into_iter().for_each(|messages| messages.push(new.clone()));
        }
        rules::check(message(kind), &after)?;
        let notify = new["messageType"] == "TEXT_AND_NOTIFY";
        if notify {
            self.spend_notification(kind, &id)?;
        }
        self.keep(kind, &id, &after, |_| {});
        if notify {
            for holder in self.holders(kind, &id) {
                self.state.tell(&holder, notice::of_message(new), self.now);
            }
        }
        let stored = self.state.find(kind, &id).ok_or_else(|| missing(kind, &id))?;
        Ok(json!({"resource": self.shown(stored)}))
    }

    /// `list`: the classes of an issuer, or the objects of a class, in the order of their ids.
    pub(super) fn list(&self, kind: ResourceKind, page: &Page<'_>) -> Answer {
        let parent = page.parent.ok_or_else(|| Refusal::invalid("Missing required parameter: issuerId or classId"))?;
        if is_class(kind) {
            let issuer: IssuerId = parent.parse().map_err(|_| Refusal::bad_id(parent))?;
            self.permit(issuer)?;
        } else {
            let class = self.own_id(parent)?.to_string();
            self.state.find(class_of(kind), &class).ok_or_else(|| Refusal::no_class(&class))?;
        }
        let after = page.token.map(|token| read_token(token).ok_or_else(|| Refusal::invalid("Invalid token"))).transpose()?;
        let of_parent = |stored: &Stored| {
            let key = if is_class(kind) { "id" } else { "classId" };
            let value = stored.value();
            let found = value[key].as_str().unwrap_or_default();
            if is_class(kind) { found.split('.').next() == Some(parent) } else { found == parent }
        };
        let later = |id: &str| after.as_deref().is_none_or(|after| id > after);
        let mut found =
            self.state.layer(kind).iter().filter(|(id, stored)| stored.kind == kind && later(id) && of_parent(stored));
        let most = page.max_results.unwrap_or(usize::MAX);
        let taken: Vec<_> = found.by_ref().take(most).collect();
        let mut pagination = Map::from_iter([("resultsPerPage".to_owned(), json!(taken.len()))]);
        if let (Some((last, _)), Some(_)) = (taken.last(), found.next()) {
            pagination.insert("nextPageToken".to_owned(), json!(URL_SAFE_NO_PAD.encode(last)));
        }
        let resources: Vec<Value> = taken.into_iter().map(|(_, stored)| self.shown(stored)).collect();
        Ok(json!({"resources": resources, "pagination": pagination}))
    }

    /// An issuer's account.
    pub(super) fn issuer(&self, id: &str) -> Answer {
        let issuer: IssuerId = id.parse().map_err(|_| Refusal::bad_id(id))?;
        self.permit(issuer)?;
        let name = self.state.issuers.get(&issuer).map(|issuer| issuer.name.as_str());
        Ok(json!({"issuerId": id, "name": name}))
    }

    /// What a GET answers: the resource, and what is Google's to say of it.
    pub(super) fn shown(&self, stored: &Stored) -> Value {
        let mut value = stored.value();
        value["kind"] = json!(format!("walletobjects#{}", stored.kind.path()));
        if !is_class(stored.kind) {
            value["hasUsers"] = json!(!stored.users.is_empty());
            let class = value["classId"].as_str().and_then(|id| self.state.find(class_of(stored.kind), id)).map(Stored::value);
            if let (Some(class), true) = (class, stored.kind != ResourceKind::GenericObject) {
                value["classReference"] = class;
            }
        }
        value
    }

    /// Whether the caller is a user of this issuer.
    pub(super) fn permit(&self, issuer: IssuerId) -> Result<(), Refusal> {
        let permitted = self.state.issuers.get(&issuer).is_some_and(|issuer| issuer.users.contains(self.caller));
        if permitted { Ok(()) } else { Err(Refusal::permission_denied()) }
    }

    fn own_id(&self, id: &str) -> Result<ResourceId, Refusal> {
        let id: ResourceId = id.parse().map_err(|_| Refusal::bad_id(id))?;
        self.permit(id.issuer())?;
        Ok(id)
    }

    /// A resource that exists, for a request that may name it in its body, too.
    fn known(&self, kind: ResourceKind, id: &str, brought: &Value) -> Result<(ResourceId, Value), Refusal> {
        let own = self.own_id(id)?;
        if brought["id"].as_str().is_some_and(|in_body| in_body != id) {
            return Err(Refusal::invalid("The id in the path is not the one in the body"));
        }
        let before = self.state.find(kind, id).map(Stored::value).ok_or_else(|| missing(kind, id))?;
        Ok((own, before))
    }

    fn cleaned(&mut self, kind: ResourceKind, body: &Value) -> Result<Value, Refusal> {
        if !body.is_object() {
            return Err(Refusal::invalid("Invalid JSON payload received."));
        }
        let (cleaned, ignored) = schema().cleaned(message(kind), body)?;
        self.state.counters.ignored_fields += u64::try_from(ignored.len()).unwrap_or_default();
        Ok(cleaned)
    }

    /// Checks a change against all rules, keeps it and tells of it.
    fn apply(&mut self, mut change: Change) -> Answer {
        let (kind, id) = (change.kind, change.id.to_string());
        // "Ephemeral": it belongs to the request and not to the pass.
        let notify = change.brought["notifyPreference"] == "NOTIFY_ON_UPDATE";
        change.after.as_object_mut().and_then(|after| after.remove("notifyPreference"));
        schema().check(message(kind), &change.after)?;
        rules::check(message(kind), &change.after)?;
        let mut linked = Vec::new();
        if is_class(kind) {
            review::decide(kind, change.before.as_ref(), &change.brought, &mut change.after, self.rules.review)?;
        } else {
            self.check_class(&change)?;
            self.check_offers(&change)?;
            linked = self.check_links(&mut change)?;
        }
        if notify && change.before.is_some() {
            self.spend_notification(kind, &id)?;
        }
        self.keep(kind, &id, &change.after, |stored| stored.linked.extend(linked.iter().cloned()));
        if notify
            && let Some(before) = &change.before
            && !is_class(kind)
        {
            self.state.tell(&id, notice::of_change(before, &change.after), self.now);
        }
        self.deliver_links(&id, &linked);
        let stored = self.state.find(kind, &id).ok_or_else(|| missing(kind, &id))?;
        Ok(self.shown(stored))
    }

    /// "The class must be of the same type as this object, must already exist, and must be approved."
    fn check_class(&self, change: &Change) -> Result<(), Refusal> {
        let text = change.after["classId"].as_str().unwrap_or_default();
        let class: ResourceId = text.parse().map_err(|_| Refusal::bad_id(text))?;
        if class.issuer() != change.id.issuer() {
            return Err(Refusal::invalid("The class is of another issuer"));
        }
        let moved = change.before.as_ref().is_some_and(|before| before["classId"] != text);
        if moved && self.rules.class_change == ClassChange::Refused {
            return Err(Refusal::invalid("classId can't be changed"));
        }
        let stored = self.state.classes.get(text).ok_or_else(|| Refusal::no_class(text))?;
        if stored.kind != class_of(change.kind) {
            return Err(Refusal::invalid(format!("{text} is a {}", stored.kind.path())));
        }
        let approved = stored.kind == ResourceKind::GenericClass || stored.value()["reviewStatus"] == "APPROVED";
        if approved { Ok(()) } else { Err(Refusal::invalid(format!("The class {text} is not approved"))) }
    }

    fn check_offers(&self, change: &Change) -> Result<(), Refusal> {
        let offers = texts(&change.after["linkedOfferIds"]);
        let unknown = offers.into_iter().find(|offer| self.state.find(ResourceKind::OfferObject, offer).is_none());
        unknown.map_or(Ok(()), |offer| Err(Refusal::no_object(&offer)))
    }

    /// Linked objects exist, are the issuer's, and neither side of a link may be on the other side of one. Answers the new ones.
    fn check_links(&self, change: &mut Change) -> Result<Vec<String>, Refusal> {
        let id = change.id.to_string();
        let stored = self.state.objects.get(&id);
        let known: BTreeSet<String> = stored.map(|stored| stored.linked.iter().cloned().collect()).unwrap_or_default();
        let mut wanted = texts(&change.after["linkedObjectIds"]);
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        wanted.truncate(MAX_LINKED);
        change.after["linkedObjectIds"] = json!(wanted);
        if self.state.objects.values().any(|other| other.linked.contains(&id)) {
            return Err(Refusal::invalid("An object that is linked to another can't have linked objects"));
        }
        for link in &wanted {
            let target: ResourceId = link.parse().map_err(|_| Refusal::bad_id(link))?;
            if target == change.id || target.issuer() != change.id.issuer() {
                return Err(Refusal::invalid("An object can be linked to others of its issuer only, and not to itself"));
            }
            let other = self.state.objects.get(link).ok_or_else(|| Refusal::no_object(link))?;
            if !other.linked.is_empty() {
                return Err(Refusal::invalid(format!("{link} has linked objects itself")));
            }
        }
        Ok(wanted.into_iter().filter(|link| !known.contains(link)).take(MAX_LINKED.saturating_sub(known.len())).collect())
    }

    /// Linked objects come to whoever has the primary one.
    fn deliver_links(&mut self, id: &str, linked: &[String]) {
        let users = self.state.objects.get(id).map(|object| object.users.clone()).unwrap_or_default();
        for link in linked {
            if let Some(other) = self.state.objects.get_mut(link) {
                other.users.extend(users.iter().cloned());
            }
            self.state.tell(link, NoticeKind::Linked, self.now);
        }
    }

    /// One of the three notifications that a pass may have in a day.
    fn spend_notification(&mut self, kind: ResourceKind, id: &str) -> Result<(), Refusal> {
        let (now, code) = (self.now, self.rules.notify_quota_status);
        let stored = self.state.layer_mut(kind).get_mut(id).ok_or_else(|| missing(kind, id))?;
        stored.notified.retain(|at| now.since(*at) < NOTIFY_WINDOW_SECONDS * 1_000);
        if stored.notified.len() >= MAX_NOTIFICATIONS {
            return Err(Refusal::notified_too_often(code));
        }
        stored.notified.push_back(now);
        Ok(())
    }

    /// The objects that show a class or an object.
    fn holders(&self, kind: ResourceKind, id: &str) -> Vec<String> {
        if !is_class(kind) {
            return vec![id.to_owned()];
        }
        let held = self.state.objects.iter().filter(|(_, object)| !object.users.is_empty());
        held.filter(|(_, object)| object.value()["classId"] == id).map(|(id, _)| id.clone()).collect()
    }

    fn keep(&mut self, kind: ResourceKind, id: &str, value: &Value, also: impl FnOnce(&mut Stored)) {
        let now = self.now;
        let stored = self.state.layer_mut(kind).entry(id.to_owned()).or_insert_with(|| Stored {
            kind,
            text: Box::default(),
            revision: 0,
            changed_at: now,
            notified: VecDeque::new(),
            users: BTreeSet::new(),
            linked: Vec::new(),
        });
        stored.text = value.to_string().into();
        stored.revision += 1;
        stored.changed_at = now;
        also(stored);
    }
}

/// Which part of a list.
pub(super) struct Page<'p> {
    /// `issuerId` or `classId`.
    pub parent: Option<&'p str>,
    /// `maxResults`; everything if absent.
    pub max_results: Option<usize>,
    /// `token`.
    pub token: Option<&'p str>,
}

fn read_token(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

fn missing(kind: ResourceKind, id: &str) -> Refusal {
    if is_class(kind) { Refusal::no_class(id) } else { Refusal::no_object(id) }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A body without the fields that are Google's to set, nulls still in it.
fn without_google_fields(kind: ResourceKind, body: &Value) -> Value {
    let mut left = body.clone();
    if let (Some(members), Some(fields)) = (left.as_object_mut(), schema().fields(message(kind))) {
        members.retain(|key, _| fields.get(key).is_none_or(|field| field["readOnly"] != true));
    }
    left
}
