//! Who is asking: the key in `Authorization: Bearer`, or the cookies of the scanner's page (`scanner`), as a [`Caller`]. Every route but the open ones is behind [`door`].
//!
//! Unknown keys, wrong secrets, keys of the other environment and texts that are no key get the same 401. Only who knows the secret
//! hears that a key has expired or was revoked.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::cards::Caller;
use crate::error::{Code, Problem};
use crate::http::endpoint::Access;
use crate::http::holders::{self, Holder};
use crate::http::problem::{self, Refused};
use crate::http::{AppState, State, address, limits, scanner};
use crate::tokens::Credential;

/// A caller whose key was checked.
pub struct Authenticated(pub Caller);

impl FromRequest for Authenticated {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Caller>().cloned().map(Self).ok_or_else(|| Code::Unauthorized.into()))
    }
}

/// Lets a request in, or refuses it before its body is read: limits of address and key, the key itself, the right to this route.
///
/// # Errors
/// Never by itself; what the handler's services fail with.
pub async fn door(
    access: Access,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let admitted = match request.app_data::<State>() {
        Some(state) => admit(state, access, request.request()).await,
        None => Err(Code::Internal.into()),
    };
    match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await
        }
        Err(problem) => Ok(request.into_response(problem::response(&problem))),
    }
}

async fn admit(state: &AppState, access: Access, request: &HttpRequest) -> Result<Caller, Problem> {
    let address = address::client(request, &state.trusted_proxies);
    let by_cookie = scanner::is_meant(request);
    let sent = if by_cookie { scanner::credential(state, request)? } else { credential(request) };
    let sent = sent.filter(|sent| sent.environment == state.environment);
    let Some(sent) = sent else {
        limits::hold(&state.core, [state.limits.on_address(address), state.limits.on_failures(address)]).await?;
        return Err(unknown("no_key"));
    };
    let now = state.core.clock.now();
    let mut door = vec![state.limits.on_address(address)];
    let known = match state.holders.fresh(sent.holder, now) {
        Some(known) => known,
        None => {
            limits::hold(&state.core, door.drain(..)).await?;
            state.holders.look_up(&state.core, sent.holder, now).await?
        }
    };
    let Some(holder) = right_one(known, &sent) else {
        door.push(state.limits.on_failures(address));
        limits::hold(&state.core, door).await?;
        return Err(unknown("wrong_key"));
    };
    door.push(state.limits.on_holder(sent.holder));
    door.push(state.limits.on_organisation(holder.org()));
    limits::hold(&state.core, door).await?;
    let caller = holder.enter(now)?;
    let caller = if by_cookie { scanner::sign_in(state, request, caller).await? } else { caller };
    if let Access::Right(scope) = access {
        caller.need(scope)?;
    }
    Ok(caller)
}

/// The holder, if the secret is his.
fn right_one(known: Option<Arc<Holder>>, sent: &Credential) -> Option<Arc<Holder>> {
    match known {
        Some(holder) => holder.knows(&sent.secret).then_some(holder),
        None => {
            holders::refuse_unknown(&sent.secret);
            None
        }
    }
}

/// The key in the `Authorization` header; two headers are none.
fn credential(request: &HttpRequest) -> Option<Credential> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let (first, second) = (headers.next()?, headers.next());
    let text = first.to_str().ok().filter(|_| second.is_none())?;
    let (scheme, key) = text.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") { Credential::parse(key.trim()).ok() } else { None }
}

fn unknown(reason: &'static str) -> Problem {
    metrics::counter!("walaa_sign_ins_refused_total", "reason" => reason).increment(1);
    Code::Unauthorized.into()
}
