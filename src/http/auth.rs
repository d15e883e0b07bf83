//! Who is asking: the key in `Authorization: Bearer`, as a [`Caller`].

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::cards::Caller;
use crate::error::Code;
use crate::http::problem::Refused;

/// A caller whose key was checked.
pub struct Authenticated(pub Caller);

impl FromRequest for Authenticated {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(_request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(async move { Err(Code::Unauthorized.into()) })
    }
}
