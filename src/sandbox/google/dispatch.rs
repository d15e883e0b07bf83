//! One request to the REST API, alone or in a batch: who asks, how fast, what, and what is noted of it.

use serde_json::{Map, Value, json};

use super::Shared;
use super::fault::{FailKind, FailWhere, Fault, Reach};
use super::refusal::Refusal;
use super::resources::{Api, Page};
use super::schema::schema;
use super::state::{MAX_LINKS, RecordedRequest, State, is_class};
use super::{oauth, save};
use crate::google::resource::ResourceKind;
use crate::ids;

/// Where the API is below the host.
pub(super) const ROOT: &str = "/walletobjects/v1/";

/// A request, freed of how it came.
pub(super) struct ApiRequest {
    /// In capitals, after `X-HTTP-Method-Override`.
    pub method: String,
    /// The whole path, without the query.
    pub path: String,
    /// The query.
    pub query: Vec<(String, String)>,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it came in a batch.
    pub in_batch: bool,
}

/// What is answered.
pub(super) struct ApiAnswer {
    pub status: u16,
    pub body: Value,
    pub retry_after: Option<u32>,
}

impl Shared {
    /// Does what a request asks, and notes it. A fault of a status takes its place.
    pub(super) fn dispatch(&self, request: &ApiRequest, fault: Option<&Fault>) -> ApiAnswer {
        let now = self.clock.now();
        let mut state = self.state();
        let pace = state.pace.count(now);
        state.counters.peak_per_second = state.counters.peak_per_second.max(pace);
        let body = if request.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&request.body) };
        let outcome = match fault.map(|fault| (fault.kind, fault.retry_after)) {
            Some((FailKind::Status(status), retry_after)) => Err(Refusal::fault(status, retry_after)),
            _ => self.work(&mut state, request, body.as_ref().map_err(|_| ())),
        };
        let (status, body_out, retry_after) = match &outcome {
            Ok(value) => (200, value.clone(), None),
            Err(refusal) => (refusal.code, refusal.body(), refusal.retry_after),
        };
        let sent = body.unwrap_or_default();
        state.record(RecordedRequest {
            at: now,
            method: request.method.clone(),
            path: request.path.clone(),
            status,
            refusal: outcome.err().map(|refusal| refusal.message),
            notify: sent["notifyPreference"] == "NOTIFY_ON_UPDATE" || sent["message"]["messageType"] == "TEXT_AND_NOTIFY",
            in_batch: request.in_batch,
            bytes: request.body.len(),
        });
        drop(state);
        self.changed();
        ApiAnswer { status, body: body_out, retry_after }
    }

    /// The same for a part of a batch, which faults may befall by itself.
    pub(super) fn dispatch_part(&self, request: &ApiRequest) -> ApiAnswer {
        let fault = self.state().faults.strike(FailWhere::Api, Reach::Part, &*self.ids);
        self.dispatch(request, fault.as_ref())
    }

    fn work(&self, state: &mut State, request: &ApiRequest, body: Result<&Value, ()>) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let rules = self.rules();
        if let Some(limit) = rules.rate_per_second {
            if state.granted.within_second(now) >= limit {
                state.counters.too_fast += 1;
                return Err(Refusal::too_fast());
            }
            state.granted.count(now);
        }
        let caller = oauth::caller(state, request.authorization.as_deref(), now)?;
        let body = body.map_err(|()| Refusal::invalid("Invalid JSON payload received."))?;
        let mut api = Api { state, caller: &caller, rules, now };
        let rest = request.path.strip_prefix(ROOT).ok_or_else(Refusal::no_method)?;
        let segments: Vec<&str> = rest.split('/').collect();
        match (segments.as_slice(), request.method.as_str()) {
            (["issuer", id], "GET") => api.issuer(id),
            (["jwt"], "POST") => self.insert_jwt(&mut api, body),
            (["jwt", "validate"], "POST") => validate_jwt(&api, body),
            ([collection, rest @ ..], method) => {
                let kind =
                    ResourceKind::ALL.into_iter().find(|kind| kind.path() == *collection).ok_or_else(Refusal::no_method)?;
                resource(&mut api, (kind, rest), method, (&request.query, body))
            }
            _ => Err(Refusal::no_method()),
        }
    }

    /// `jwt.insert`: keeps what is in the JWT, and makes a short link of it.
    fn insert_jwt(&self, api: &mut Api<'_>, body: &Value) -> Result<Value, Refusal> {
        schema().check("JwtResource", body)?;
        let jwt = body["jwt"].as_str().unwrap_or_default();
        let brought = save::read(api.state, jwt)?;
        let resources = save::insert(api, &brought.resources)?;
        let name = ids::encode(&self.ids.random());
        if api.state.links.len() == MAX_LINKS {
            api.state.links.pop_front();
        }
        api.state.links.push_back((name.clone(), jwt.to_owned()));
        Ok(json!({"saveUri": format!("{}/gp/v/save/{name}", self.base_url()), "resources": resources}))
    }
}

/// `jwt.validate`: either a JWT or a payload, and nothing is kept.
fn validate_jwt(api: &Api<'_>, body: &Value) -> Result<Value, Refusal> {
    schema().check("JwtValidateRequest", body)?;
    let resources = match (body["jwtResource"]["jwt"].as_str(), body["jsonResource"]["json"].as_str()) {
        (Some(jwt), None) => save::read(api.state, jwt)?.resources,
        (None, Some(text)) => {
            let json: Value = serde_json::from_str(text).map_err(|_| Refusal::invalid("json can't be read"))?;
            save::payload(json.get("payload").unwrap_or(&json))?
        }
        _ => return Err(Refusal::invalid("Either jwtResource or jsonResource must be set")),
    };
    save::check(api, &resources)?;
    Ok(Value::Object(Map::new()))
}

/// A method on classes or objects.
fn resource(
    api: &mut Api<'_>,
    (kind, rest): (ResourceKind, &[&str]),
    method: &str,
    (query, body): (&[(String, String)], &Value),
) -> Result<Value, Refusal> {
    let name = match (rest, method) {
        ([], "POST") => "insert",
        ([], "GET") => "list",
        ([_], "GET") => "get",
        ([_], "PATCH") => "patch",
        ([_], "PUT") => "update",
        ([_, "addMessage"], "POST") => "addmessage",
        _ => return Err(Refusal::no_method()),
    };
    let id = rest.first().copied().unwrap_or_default();
    let method = format!("walletobjects.{}.{name}", kind.path().to_lowercase());
    if let Some((unknown, _)) = query.iter().find(|(key, _)| !schema().takes_parameter(&method, key)) {
        return Err(Refusal::invalid(format!(
            "Invalid JSON payload received. Unknown name \"{unknown}\": Cannot bind query parameter. Field '{unknown}' could not be found."
        )));
    }
    let parameter = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match name {
        "insert" => api.insert(kind, body),
        "get" => api.get(kind, id),
        "patch" => api.patch(kind, id, body),
        "update" => api.update(kind, id, body),
        "addmessage" => api.add_message(kind, id, body),
        _ => {
            let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number > 0);
            let most =
                parameter("maxResults").map(|text| number(text).ok_or_else(|| Refusal::invalid("maxResults is no number")));
            let parent = parameter(if is_class(kind) { "issuerId" } else { "classId" });
            api.list(kind, &Page { parent, max_results: most.transpose()?, token: parameter("token") })
        }
    }
}
