//! An address of the pages and the methods that it takes. Whoever comes with another one hears which they are (RFC 9110, 15.5.6).

use actix_web::http::{Method, header};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route};

use super::errors::Failure;
use super::{Pages, Visit};

/// An address.
pub struct Address {
    resource: Resource,
    takes: Vec<Method>,
}

/// An address that takes nothing yet.
#[must_use]
pub fn at(path: &str) -> Address {
    Address { resource: web::resource(path), takes: Vec::new() }
}

impl Address {
    /// Takes GET, and HEAD with it.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.take(Method::GET, handler.clone()).take(Method::HEAD, handler)
    }

    /// Takes GET, for what goes on and on: nobody asks only for its head.
    #[must_use]
    pub fn stream<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.take(Method::GET, handler)
    }

    /// Takes POST.
    #[must_use]
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.take(Method::POST, handler)
    }

    fn take<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.takes.push(method.clone());
        self.resource = self.resource.route(Route::new().method(method).to(handler));
        self
    }

    /// Puts it among the others.
    pub fn mount(self, config: &mut ServiceConfig) {
        let takes: Vec<_> = self.takes.iter().map(Method::as_str).collect();
        let takes = takes.join(", ");
        let other = move |request: HttpRequest, pages: Data<Pages>| std::future::ready(other_method(&request, pages, &takes));
        config.service(self.resource.default_service(web::to(other)));
    }
}

fn other_method(request: &HttpRequest, pages: Data<Pages>, takes: &str) -> HttpResponse {
    let mut response = Visit::of(request, pages).failed(&Failure::Method);
    if let Ok(takes) = header::HeaderValue::from_str(takes) {
        response.headers_mut().insert(header::ALLOW, takes);
    }
    response
}
