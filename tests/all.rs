//! All tests, in one binary.

mod api;
mod cli;
mod contract;
mod crash;
mod google;
mod model;
mod support;
mod tidy;
mod vectors;
mod wallet;
