//! All tests.

mod contract;
mod support;
mod vectors;
mod wallet;
