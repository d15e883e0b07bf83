//! All tests, in one binary.

mod api;
mod browser;
mod cli;
mod contract;
mod crash;
mod google;
mod model;
mod nodes;
mod ops;
mod pages;
mod support;
mod tidy;
mod vectors;
mod wallet;
