//! What a form brings: its fields, the proof that it is ours, and the key that makes a second press harmless.
//!
//! The proof is a token derived from a random cookie that only our own pages can read out of themselves; beside it the browser's own word on
//! where the request comes from. With `Referrer-Policy: no-referrer` a browser says `Origin: null` even for our own forms, so `null` alone
//! accuses nobody.

use actix_web::http::header;
use actix_web::web::Query;
use serde::de::DeserializeOwned;

use super::errors::Failure;
use super::visit::{Visit, reached};
use crate::ledger::OpKey;

/// Bytes of the largest form.
pub const MAX_FORM_BYTES: usize = 8 * 1024;

/// The field in which a form brings its token.
#[derive(Debug, serde::Deserialize)]
struct Proof {
    #[serde(default)]
    token: String,
    #[serde(default)]
    op: String,
}

/// A form that came from one of our pages.
pub struct Sent<T> {
    /// Its fields.
    pub fields: T,
    /// The operation key that it was shown with.
    pub op: OpKey,
}

impl<T: DeserializeOwned> Sent<T> {
    /// Reads a form and checks that it is one of ours.
    ///
    /// # Errors
    /// It is not a form, or it comes from elsewhere, or it was shown too long ago to another browser.
    pub fn read(visit: &Visit, body: &[u8]) -> Result<Self, Failure> {
        let text = std::str::from_utf8(body).map_err(|_| Failure::Unreadable)?;
        if body.len() > MAX_FORM_BYTES {
            return Err(Failure::Unreadable);
        }
        let proof = Query::<Proof>::from_query(text).map_err(|_| Failure::Unreadable)?;
        if !comes_from_us(visit) || !visit.knows_token(&proof.token) {
            return Err(Failure::Stranger);
        }
        let op = OpKey::parse(&proof.op).ok_or(Failure::Unreadable)?;
        let fields = Query::<T>::from_query(text).map_err(|_| Failure::Unreadable)?.into_inner();
        Ok(Self { fields, op })
    }
}

/// Whether the browser does not say that the request comes from elsewhere.
fn comes_from_us(visit: &Visit) -> bool {
    let header_text = |name: &str| visit.request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    if let Some(site) = header_text("sec-fetch-site") {
        return ["same-origin", "none"].contains(&site) && own_origin(visit, header_text(header::ORIGIN.as_str()));
    }
    own_origin(visit, header_text(header::ORIGIN.as_str()))
}

fn own_origin(visit: &Visit, origin: Option<&str>) -> bool {
    let Some(origin) = origin.filter(|origin| *origin != "null") else { return true };
    reached(&visit.request, &visit.pages, |reached| reached.is_own(origin))
}
