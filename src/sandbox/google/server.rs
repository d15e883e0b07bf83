//! The stand-in's wire: routes of the REST API, the token endpoint, the root keys, the save page.

use actix_web::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{future, stream};
use serde_json::{Value, json};

use super::batch;
use super::dispatch::{ApiAnswer, ApiRequest, ROOT};
use super::fault::{FailKind, FailWhere, Fault, Reach};
use super::refusal::Refusal;
use super::save::{self, MAX_LINK};
use super::{ImageCheck, Shared, images, oauth, phone};

/// Bytes of a batch at most; anything else is smaller by far.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Bytes of one request to the API at most.
const MAX_REQUEST: usize = 1024 * 1024;

/// Every route.
pub(super) fn configure(config: &mut web::ServiceConfig, shared: web::Data<Shared>) {
    config
        .app_data(shared)
        .app_data(web::PayloadConfig::new(MAX_BODY))
        .route("/token", web::post().to(token))
        .route("/batch", web::post().to(batch))
        .route("/batch/{tail:.*}", web::post().to(batch))
        .route("/gp/m/issuer/keys", web::get().to(keys))
        .route("/gp/v/save/{jwt}", web::get().to(save_page))
        .route("/walletobjects/v1/{tail:.*}", web::route().to(api))
        .configure(phone::page::configure);
}

/// A connection that ends in the middle.
fn cut() -> HttpResponse {
    let broken = stream::once(future::ready(Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))));
    HttpResponse::Ok().no_chunking(1).streaming(broken)
}

/// What a fault makes of an answer. None: go on.
async fn befall(kind: FailKind) -> Option<HttpResponse> {
    match kind {
        FailKind::Hang => future::pending().await,
        FailKind::CutBefore => Some(cut()),
        FailKind::CutAfter | FailKind::Late(_) | FailKind::Status(_) => None,
    }
}

fn respond(answer: &ApiAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = answer.retry_after {
        response.insert_header((RETRY_AFTER, seconds));
    }
    response.json(&answer.body)
}

fn refuse(refusal: &Refusal) -> HttpResponse {
    respond(&ApiAnswer { status: refusal.code, body: refusal.body(), retry_after: refusal.retry_after })
}

fn authorization(request: &HttpRequest) -> Option<String> {
    request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

async fn api(shared: web::Data<Shared>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if body.len() > MAX_REQUEST {
        return refuse(&Refusal::invalid("Request payload size exceeds the limit"));
    }
    let fault = shared.state().faults.strike(FailWhere::Api, Reach::Request, &*shared.ids);
    if let Some(fault) = &fault
        && let Some(response) = befall(fault.kind).await
    {
        return response;
    }
    let overridden = request.headers().get("x-http-method-override").and_then(|value| value.to_str().ok());
    let method = match (request.method().as_str(), overridden) {
        ("POST", Some(method)) => method.to_uppercase(),
        (method, _) => method.to_owned(),
    };
    let Ok(query) = web::Query::<Vec<(String, String)>>::from_query(request.query_string()) else {
        return refuse(&Refusal::invalid("The query can't be read"));
    };
    let api_request = ApiRequest {
        method,
        path: format!("{ROOT}{}", request.match_info().query("tail")),
        query: query.into_inner(),
        authorization: authorization(&request),
        body: body.to_vec(),
        in_batch: false,
    };
    if let Err(refusal) = pictures(&shared, &api_request.body).await {
        return refuse(&refusal);
    }
    let answer = shared.dispatch(&api_request, fault.as_ref());
    befall_answer(fault.as_ref(), respond(&answer)).await
}

/// What a fault makes of an answer whose work is done.
async fn befall_answer(fault: Option<&Fault>, answer: HttpResponse) -> HttpResponse {
    match fault.map(|fault| fault.kind) {
        Some(FailKind::CutAfter) => cut(),
        Some(FailKind::Late(by)) => {
            tokio::time::sleep(by).await;
            answer
        }
        _ => answer,
    }
}

/// Looks at the pictures of a request, where that is wanted.
async fn pictures(shared: &Shared, body: &[u8]) -> Result<(), Refusal> {
    match shared.rules().images {
        ImageCheck::Trust => Ok(()),
        ImageCheck::Fetch => images::check(&shared.http, body).await,
    }
}

async fn batch(shared: web::Data<Shared>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fault = shared.state().faults.strike(FailWhere::Api, Reach::Batch, &*shared.ids);
    if let Some(fault) = &fault
        && let Some(response) = befall(fault.kind).await
    {
        return response;
    }
    let authorization = authorization(&request);
    if let Err(refusal) = oauth::caller(&shared.state(), authorization.as_deref(), shared.clock.now()) {
        return refuse(&refusal);
    }
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(boundary) = batch::boundary(content_type) else { return refuse(&Refusal::invalid("Expected multipart/mixed")) };
    let Ok(text) = std::str::from_utf8(&body) else { return refuse(&Refusal::invalid("The batch is not UTF-8")) };
    let parts = match batch::parse(text, &boundary, authorization.as_deref()) {
        Ok(parts) => parts,
        Err(why) => return refuse(&Refusal::invalid(format!("Failed to parse batch request: {why}"))),
    };
    shared.state().counters.batches += 1;
    let mut answers = Vec::with_capacity(parts.len());
    for part in parts {
        let answer = match pictures(&shared, &part.request.body).await {
            Ok(()) => shared.dispatch_part(&part.request),
            Err(refusal) => ApiAnswer { status: refusal.code, body: refusal.body(), retry_after: None },
        };
        answers.push((part, answer));
    }
    let boundary = format!("batch_{}", crate::ids::encode(&shared.ids.random()));
    let content_type = format!("multipart/mixed; boundary={boundary}");
    let answer = HttpResponse::Ok().insert_header((CONTENT_TYPE, content_type)).body(batch::answer(&answers, &boundary));
    befall_answer(fault.as_ref(), answer).await
}

async fn token(shared: web::Data<Shared>, form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let fault = shared.state().faults.strike(FailWhere::Token, Reach::Request, &*shared.ids);
    if let Some(fault) = &fault {
        if let Some(response) = befall(fault.kind).await {
            return response;
        }
        if let FailKind::Status(code) = fault.kind {
            return refuse(&Refusal::fault(code, fault.retry_after));
        }
    }
    let now = shared.clock.now();
    let answer = oauth::exchange(&mut shared.state(), &form, (now, &*shared.ids));
    shared.changed();
    match answer {
        Ok(_) if fault.is_some() => cut(),
        Ok(body) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "private")).json(body),
        Err(refused) => HttpResponse::BadRequest().json(refused.body()),
    }
}

async fn keys(shared: web::Data<Shared>) -> HttpResponse {
    let fault = shared.state().faults.strike(FailWhere::Keys, Reach::Request, &*shared.ids);
    if let Some(fault) = &fault {
        if let Some(response) = befall(fault.kind).await {
            return response;
        }
        return match fault.kind {
            FailKind::Status(code) => refuse(&Refusal::fault(code, fault.retry_after)),
            _ => cut(),
        };
    }
    shared.state().counters.key_fetches += 1;
    shared.changed();
    let mut keys = shared.callback_keys();
    let max_age = keys.max_age_seconds;
    match keys.published(shared.clock.now()) {
        Ok(body) => HttpResponse::Ok().insert_header((CACHE_CONTROL, format!("public, max-age={max_age}"))).json(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// Whose phone it is.
#[derive(serde::Deserialize)]
struct Visitor {
    user: Option<String>,
}

async fn save_page(
    shared: web::Data<Shared>,
    request: HttpRequest,
    jwt: web::Path<String>,
    visitor: web::Query<Visitor>,
) -> HttpResponse {
    let user = visitor.into_inner().user.unwrap_or_else(|| shared.phone_user.clone());
    let browser =
        request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"));
    let outcome = shared.open_link(&jwt, &user);
    match outcome {
        Ok(saved) if browser => {
            let first = saved.first().map(String::as_str).unwrap_or_default();
            HttpResponse::SeeOther().insert_header((LOCATION, format!("/phone#/{first}"))).finish()
        }
        Ok(saved) => HttpResponse::Ok().json(json!({"saved": saved})),
        Err(refusal) if browser => phone::page::refused(&refusal),
        Err(refusal) => refuse(&refusal),
    }
}

impl Shared {
    /// A user opens a save link: a JWT, or the short name of one.
    fn open_link(&self, link: &str, user: &str) -> Result<Vec<String>, Refusal> {
        let mut state = self.state();
        let known = state.links.iter().find(|(name, _)| name == link).map(|(_, jwt)| jwt.clone());
        if known.is_none() && link.len() > MAX_LINK {
            return Err(Refusal::invalid(format!("The link's JWT has {} letters; {MAX_LINK} are safe", link.len())));
        }
        let jwt = known.unwrap_or_else(|| link.to_owned());
        let saved = save::open(&mut state, &jwt, (user, self.clock.now()), self.rules())?;
        drop(state);
        self.send_callbacks(&saved.events);
        self.changed();
        Ok(saved.ids)
    }
}

/// Headers that no page of the stand-in is without.
pub(super) fn plain_headers(response: &mut actix_web::HttpResponseBuilder) {
    response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff")).insert_header((header::REFERRER_POLICY, "no-referrer"));
}

/// JSON as the phone's page wants it.
pub(super) fn fresh_json(value: &Value) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value)
}
