//! A route as a line of the table in `http`: method, path, who may, handler. Without a word on who may there is no route.

use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, Handler, HttpResponse, Responder, Route, web};

use crate::error::Code;
use crate::http::{auth, problem};
use crate::programme::Scope;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever has this right.
    Right(Scope),
    /// Whoever has a key, for what is the key's own.
    AnyKey,
    /// Everybody.
    Open,
}

/// One route.
pub struct Endpoint {
    /// Its method.
    pub method: Method,
    /// Its path, with `{id}` for ids.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    route: Route,
}

impl Endpoint {
    fn new<F, Args>(method: Method, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = Route::new().method(method.clone()).to(handler);
        let route = match access {
            Access::Open => route,
            access => route.wrap(from_fn(move |request, next| auth::door(access, request, next))),
        };
        Self { method, path, access, route }
    }
}

macro_rules! methods {
    ($($name:ident: $method:ident),*) => {
        $(
            #[doc = concat!("A `", stringify!($method), "` route for whoever has a right.")]
            pub fn $name<F, Args>(path: &'static str, scope: Scope, handler: F) -> Endpoint
            where
                F: Handler<Args>,
                Args: FromRequest + 'static,
                F::Output: Responder + 'static,
            {
                Endpoint::new(Method::$method, path, Access::Right(scope), handler)
            }
        )*
    };
}

methods!(get: GET, put: PUT, post: POST, delete: DELETE);

/// A route for whoever has a key.
pub fn any_key<F, Args>(method: Method, path: &'static str, handler: F) -> Endpoint
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Endpoint::new(method, path, Access::AnyKey, handler)
}

/// A route for everybody.
pub fn open<F, Args>(method: Method, path: &'static str, handler: F) -> Endpoint
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Endpoint::new(method, path, Access::Open, handler)
}

/// Registers routes, those of one path together: another method on the path is 405 with the methods that it takes.
pub fn register(config: &mut ServiceConfig, endpoints: Vec<Endpoint>) {
    let mut paths: Vec<(&'static str, Vec<Endpoint>)> = Vec::new();
    for endpoint in endpoints {
        match paths.iter_mut().find(|(path, _)| *path == endpoint.path) {
            Some((_, same)) => same.push(endpoint),
            None => paths.push((endpoint.path, vec![endpoint])),
        }
    }
    for (path, endpoints) in paths {
        let allow = endpoints.iter().map(|endpoint| endpoint.method.as_str()).collect::<Vec<_>>().join(", ");
        let resource = endpoints.into_iter().fold(web::resource(path), |resource, endpoint| resource.route(endpoint.route));
        config.service(resource.default_service(web::to(move || std::future::ready(other_method(&allow)))));
    }
}

fn other_method(allow: &str) -> HttpResponse {
    let mut response = problem::response(&Code::MethodNotAllowed.into());
    if let Ok(value) = header::HeaderValue::from_str(allow) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}
