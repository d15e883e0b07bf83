//! All tests, in one binary.

mod contract;
mod support;
mod tidy;
mod vectors;
mod wallet;
