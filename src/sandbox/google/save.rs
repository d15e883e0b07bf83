//! The save link: who signed it, what is in it, and what happens when a user opens it.

use openssl::hash::{MessageDigest, hash};
use serde_json::{Map, Value};

use super::callback::Event;
use super::compact::Compact;
use super::keys::hex;
use super::refusal::Refusal;
use super::resources::Api;
use super::schema::schema;
use super::state::{State, class_of, is_class, message};
use super::{GoogleRules, rules};
use crate::clock::Timestamp;
use crate::google::resource::{ResourceId, ResourceKind};

/// Letters of a link's JWT: longer ones may be cut on their way.
pub(super) const MAX_LINK: usize = 1_800;

/// What a link brings: each resource with its kind, classes first.
pub(super) struct Brought {
    /// Who signed it.
    pub email: String,
    /// The resources.
    pub resources: Vec<(ResourceKind, Value)>,
}

/// Reads a save link's JWT and checks all that can be checked without keeping anything.
pub(super) fn read(state: &State, jwt: &str) -> Result<Brought, Refusal> {
    let jwt = Compact::parse(jwt).ok_or_else(|| Refusal::invalid("Invalid JWT: it can't be read"))?;
    let email = jwt.signer(state).map_err(|why| Refusal::invalid(format!("Invalid JWT: {why}")))?.email.clone();
    let claims = &jwt.claims;
    for (claim, wanted) in [("aud", "google"), ("typ", "savetowallet")] {
        if claims[claim] != wanted {
            return Err(Refusal::invalid(format!("Invalid JWT: {claim} must be {wanted}")));
        }
    }
    if !claims["iat"].is_i64() {
        return Err(Refusal::invalid("Invalid JWT: iat must be whole seconds"));
    }
    let origins = claims.get("origins").map(|origins| origins.as_array().ok_or(()));
    let texts = |origins: &Vec<Value>| origins.iter().all(Value::is_string);
    if matches!(origins, Some(Err(()))) || matches!(origins, Some(Ok(list)) if !texts(list)) {
        return Err(Refusal::invalid("Invalid JWT: origins must be a list of origins"));
    }
    Ok(Brought { email, resources: payload(&claims["payload"])? })
}

/// The resources of a payload, classes first.
pub(super) fn payload(payload: &Value) -> Result<Vec<(ResourceKind, Value)>, Refusal> {
    let members = payload.as_object().ok_or_else(|| Refusal::invalid("payload must be an object"))?;
    let known = |name: &String| ResourceKind::ALL.iter().any(|kind| kind.array() == name);
    if let Some(unknown) = members.keys().find(|name| !known(name)) {
        return Err(Refusal::invalid(format!("payload has {unknown}, which is not served")));
    }
    let mut found = Vec::new();
    for layer in [true, false] {
        for kind in ResourceKind::ALL.into_iter().filter(|kind| is_class(*kind) == layer) {
            let Some(list) = members.get(kind.array()) else { continue };
            let list = list.as_array().ok_or_else(|| Refusal::invalid(format!("{} must be a list", kind.array())))?;
            found.extend(list.iter().map(|resource| (kind, resource.clone())));
        }
    }
    if found.is_empty() { Err(Refusal::invalid("payload has nothing to save")) } else { Ok(found) }
}

/// Checks resources as if they were to be inserted; those that name nothing but an id must exist.
pub(super) fn check(api: &Api<'_>, resources: &[(ResourceKind, Value)]) -> Result<(), Refusal> {
    for (kind, resource) in resources {
        let id = id_of(resource)?;
        api.permit(id.issuer())?;
        let exists = api.state.find(*kind, &id.to_string()).is_some();
        if is_skinny(resource) && !exists {
            return Err(if is_class(*kind) { Refusal::no_class(&id.to_string()) } else { Refusal::no_object(&id.to_string()) });
        }
        if !is_skinny(resource) {
            let (cleaned, _) = schema().cleaned(message(*kind), resource)?;
            schema().check(message(*kind), &cleaned)?;
            rules::check(message(*kind), &cleaned)?;
        }
    }
    Ok(())
}

/// Inserts what does not exist yet. What exists stays as it is: a link does not update.
pub(super) fn insert(api: &mut Api<'_>, resources: &[(ResourceKind, Value)]) -> Result<Map<String, Value>, Refusal> {
    check(api, resources)?;
    let mut made = Map::new();
    for (kind, resource) in resources {
        let id = id_of(resource)?.to_string();
        let shown = match api.state.find(*kind, &id) {
            Some(stored) => api.shown(stored),
            None => api.insert(*kind, resource)?,
        };
        let list = made.entry(kind.array()).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut().into_iter().for_each(|list| list.push(shown.clone()));
    }
    Ok(made)
}

/// A user opens a link. Answers the ids of the objects that are in their wallet now, and what the issuer must be told.
pub(super) fn open(state: &mut State, jwt: &str, (user, now): (&str, Timestamp), rules: GoogleRules) -> Result<Saved, Refusal> {
    let brought = read(state, jwt)?;
    let mut api = Api { state, caller: &brought.email, rules, now };
    let objects = brought.resources.iter().filter(|(kind, _)| !is_class(*kind));
    for (kind, resource) in objects {
        let id = id_of(resource)?.to_string();
        may_save(api.state, (*kind, &id), resource, user)?;
    }
    insert(&mut api, &brought.resources)?;
    let mut saved = Saved::default();
    for (_, resource) in brought.resources.iter().filter(|(kind, _)| !is_class(*kind)) {
        let id = id_of(resource)?.to_string();
        let Some(stored) = api.state.objects.get_mut(&id) else { continue };
        if stored.users.insert(user.to_owned()) {
            saved.events.extend(Event::of("save", &stored.value()));
        }
        for link in stored.linked.clone() {
            if let Some(linked) = api.state.objects.get_mut(&link) {
                linked.users.insert(user.to_owned());
            }
        }
        saved.ids.push(id);
    }
    Ok(saved)
}

/// What opening a link did.
#[derive(Default)]
pub(super) struct Saved {
    /// The objects in the link.
    pub ids: Vec<String>,
    /// What the issuer must be told.
    pub events: Vec<Event>,
}

/// Whether this user may have the object: only one user unless the class says otherwise, and only the address it is bound to.
fn may_save(state: &State, (kind, id): (ResourceKind, &str), resource: &Value, user: &str) -> Result<(), Refusal> {
    let stored = state.find(kind, id);
    let value = stored.map_or_else(|| resource.clone(), super::state::Stored::value);
    let class = value["classId"].as_str().and_then(|class| state.find(class_of(kind), class)).map(super::state::Stored::value);
    let single = class.is_some_and(|class| {
        let status = class["multipleDevicesAndHoldersAllowedStatus"].as_str().unwrap_or_default();
        matches!(status, "ONE_USER_ALL_DEVICES" | "ONE_USER_ONE_DEVICE")
    });
    let taken = stored.is_some_and(|stored| stored.users.iter().any(|holder| holder != user));
    if single && taken {
        return Err(Refusal::invalid("The pass is in another user's wallet"));
    }
    let bound = value["saveRestrictions"]["restrictToEmailSha256"].as_str();
    if bound.is_some_and(|bound| bound != address_hash(user)) {
        return Err(Refusal::invalid("The pass is for another user"));
    }
    Ok(())
}

/// SHA-256 of a mail address in lower case, without dots and without what follows a plus.
fn address_hash(user: &str) -> String {
    let address = user.to_lowercase();
    let (name, host) = address.split_once('@').unwrap_or((&address, ""));
    let name = name.split('+').next().unwrap_or_default().replace('.', "");
    hash(MessageDigest::sha256(), format!("{name}@{}", host.replace('.', "")).as_bytes())
        .map(|digest| hex(&digest))
        .unwrap_or_default()
}

fn id_of(resource: &Value) -> Result<ResourceId, Refusal> {
    let id = resource["id"].as_str().unwrap_or_default();
    id.parse().map_err(|_| Refusal::bad_id(id))
}

/// Whether a resource in a link only names one that exists.
fn is_skinny(resource: &Value) -> bool {
    resource.as_object().is_some_and(|members| members.keys().all(|key| key == "id" || key == "classId"))
}
