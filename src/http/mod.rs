//! The HTTP front door: routes, authentication, problem+json.
