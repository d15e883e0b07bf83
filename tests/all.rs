//! All tests, in one binary.

mod cli;
mod api;
mod contract;
mod crash;
mod model;
mod support;
mod tidy;
mod vectors;
mod wallet;
