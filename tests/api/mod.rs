//! The API through its front door: a real server, spoken to over HTTP.

mod catalogue;
mod codes;
mod documents;
mod door;
mod inputs;
mod journal;
mod keys;
mod limits;
mod openapi;
mod operations;
mod outage;
mod pages;
mod reconcile;
mod rights;
mod scans;
mod staff;
mod storm;
mod story;
mod surroundings;
mod terminals;
