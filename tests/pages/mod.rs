//! The pages over HTTP: what a browser without scripts gets, and what must hold for every one of them.

mod card;
mod consents;
mod headers;
mod join;
mod live;
mod scan;
mod texts;
mod verify;
pub mod visitor;
pub mod xss;
