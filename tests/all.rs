//! All tests, in one binary.

mod contract;
mod support;
mod vectors;
mod wallet;
