//! The API's description in OpenAPI 3.1: what handlers say of themselves, completed by what the route table knows of each route: who
//! may, the operation key, the ids in the path, every error code. `tests/api/openapi.rs` holds that routes and description agree.

mod refusals;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::{Method, header};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, Required, ResponseBuilder, Schema};
use utoipa::{OpenApi, PartialSchema};

use crate::error::Code;
use crate::http::endpoint::{Access, Endpoint};
use crate::http::problem::ProblemBody;
use crate::http::{
    cards, deliveries, earnings, endpoints, google, health, journal, keys, members, ops, organisation, passes, programmes,
    redemptions, scanner, scans, staff, stores, terminals, vouchers,
};
use crate::ids::{
    CardId, DeadLetterId, EarningId, KeyId, MemberId, ProgrammeId, RedemptionId, StaffId, StoreId, TerminalId, VoucherId,
};
use refusals::Takes;

/// The name of the one way to sign in.
const SCHEME: &str = "key";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Walaa",
        description = "Points, wallet passes and one-time QR redemption. Every write names its operation in `Idempotency-Key`: \
                       repeat a request whose answer got lost with the same key, and it is told the same outcome. Refusals are \
                       `application/problem+json` with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        members::list, members::create, members::get, members::add_card, members::consent, members::export, members::erase,
        cards::get, passes::of_card, passes::by_link, google::google_link, google::open_google_link, google::google_image, cards::adjust, cards::codes, cards::delivery, cards::entries, cards::reissue,
        scans::create, earnings::create, earnings::get, earnings::create_return,
        redemptions::create, redemptions::get, redemptions::create_reversal, vouchers::create, vouchers::get, vouchers::cancel,
        ops::get, ops::abandon,
        organisation::get, organisation::put, organisation::history,
        programmes::list, programmes::create, programmes::get, programmes::put, programmes::history,
        stores::list, stores::create, stores::get, stores::put, stores::history,
        terminals::list, terminals::create, terminals::enrol, terminals::get, terminals::put, terminals::history, terminals::new_code,
        staff::list, staff::create, staff::get, staff::put, staff::history, staff::new_pin,
        keys::list, keys::create, keys::get, keys::history, keys::rotate, keys::retire, keys::revoke,
        journal::list, deliveries::dead_letters, deliveries::replay, deliveries::forget, deliveries::device_logs,
        health::alive, health::ready,
    ),
    components(schemas(ProblemBody, Code)),
    tags(
        (name = "members", description = "People who joined"),
        (name = "cards", description = "A member's account in a programme: balance, statement, codes, passes"),
        (name = "scans", description = "What a code stands for"),
        (name = "earnings", description = "Sales and their returns"),
        (name = "redemptions", description = "One code, one capture; and its reversal"),
        (name = "vouchers", description = "Rewards issued now and redeemed later"),
        (name = "operations", description = "The outcome of a request whose answer got lost"),
        (name = "organisation", description = "The shop chain"),
        (name = "programmes", description = "Points, rules, rewards"),
        (name = "stores", description = "Shops"),
        (name = "terminals", description = "Tills and scanners"),
        (name = "staff", description = "Who signs in at the scanner's page, with a PIN"),
        (name = "keys", description = "Keys of integrations and people"),
        (name = "journal", description = "What happened, in order"),
        (name = "deliveries", description = "What wallets did not get, and what phones say"),
        (name = "health", description = "For load balancers"),
    ),
)]
struct Described;

/// The API's description.
#[must_use]
pub fn document() -> Document {
    let mut document = Described::openapi();
    if let Some(components) = document.components.as_mut() {
        let mut bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("wk_live_… or wt_live_…").build();
        bearer.description = Some("An API key, or the key of an enrolled terminal.".to_owned());
        components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::Http(bearer).into());
    }
    for endpoint in endpoints() {
        let operation = document.paths.paths.get_mut(endpoint.path).and_then(|item| operation_of(item, &endpoint.method));
        if let Some(operation) = operation {
            complete(operation, &endpoint);
        }
    }
    document
}

/// The operation of a path for a method.
fn operation_of<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    match *method {
        Method::GET => item.get.as_mut(),
        Method::PUT => item.put.as_mut(),
        Method::POST => item.post.as_mut(),
        Method::DELETE => item.delete.as_mut(),
        _ => None,
    }
}

fn complete(operation: &mut Operation, endpoint: &Endpoint) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let name = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{tag}_{name}"));
    operation.summary = operation.summary.take().map(|text| text.trim_end_matches('.').replace('`', ""));
    let takes = Takes {
        key: refusals::takes_key(endpoint),
        body: operation.request_body.is_some(),
        id: endpoint.path.contains("{id}"),
        query: operation.parameters.iter().flatten().any(is_in_query),
    };
    if takes.id {
        add_parameter(operation, path_id(endpoint.path));
    }
    if endpoint.path.contains("{file}") {
        let parameter = ParameterBuilder::new().name("file").parameter_in(ParameterIn::Path).required(Required::True);
        let what = "The key of the link and `.pkpass`.";
        add_parameter(operation, parameter.description(Some(what)).schema(Some(String::schema())).build());
    }
    if takes.key {
        add_parameter(operation, operation_key());
    }
    name_right(operation, endpoint);
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in refusals::of(endpoint, &takes) {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let response = refusal(&codes);
        operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(response));
    }
}

fn is_in_query(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Query))
}

fn add_parameter(operation: &mut Operation, parameter: Parameter) {
    operation.parameters.get_or_insert_default().insert(0, RefOr::T(parameter));
}

fn name_right(operation: &mut Operation, endpoint: &Endpoint) {
    let needs = match endpoint.access {
        Access::Open => {
            operation.security = Some(Vec::new());
            return;
        }
        Access::AnyKey => "Any key may, for operations of its own.".to_owned(),
        Access::Right(scope) => format!("Needs the right `{}`.", scope_word(scope)),
    };
    let needs = match scanner::needs(endpoint.method.as_str(), endpoint.path) {
        Some(scanner::Needs::Shift) => format!("{needs} The scanner's page may by its cookies, while a shift is open."),
        Some(scanner::Needs::Till) => format!("{needs} The scanner's page may by its cookies."),
        None => needs,
    };
    operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
    let said = operation.description.take().filter(|text| !text.is_empty());
    operation.description = Some(said.map_or_else(|| needs.clone(), |said| format!("{said}\n\n{needs}")));
}

fn scope_word(scope: crate::programme::Scope) -> String {
    serde_json::to_value(scope).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The parameter `{id}` of a path: its first word says of what.
fn path_id(path: &str) -> Parameter {
    let (schema, what): (RefOr<Schema>, &str) = match path.split('/').nth(2).unwrap_or_default() {
        "members" => (MemberId::schema(), "The member"),
        "cards" => (CardId::schema(), "The card"),
        "earnings" => (EarningId::schema(), "The sale"),
        "redemptions" => (RedemptionId::schema(), "The redemption"),
        "vouchers" => (VoucherId::schema(), "The voucher"),
        "programmes" => (ProgrammeId::schema(), "The programme"),
        "stores" => (StoreId::schema(), "The store"),
        "terminals" => (TerminalId::schema(), "The terminal"),
        "staff" => (StaffId::schema(), "One of the staff"),
        "keys" => (KeyId::schema(), "The key"),
        "dead-letters" => (DeadLetterId::schema(), "The dead letter"),
        _ => (String::schema(), "The operation: the client's Idempotency-Key, or our op_… id"),
    };
    let parameter = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
    parameter.description(Some(what)).schema(Some(schema)).build()
}

fn operation_key() -> Parameter {
    let schema = utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .pattern(Some("^[A-Za-z0-9_-]{16,64}$"))
        .build();
    let parameter = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header).required(Required::True);
    let what = "The operation's id, of the client's making: the same key with the same request is told the first outcome.";
    parameter.description(Some(what)).schema(Some(Schema::Object(schema))).build()
}

/// The response of one status with its codes.
fn refusal(codes: &[Code]) -> utoipa::openapi::Response {
    let lines: Vec<String> = codes.iter().map(|code| format!("`{code}`: {}", code.title())).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(lines.join("\n\n")).content("application/problem+json", content).build()
}

/// Answers the description.
pub async fn show() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_json().unwrap_or_default());
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text.as_str())
}
