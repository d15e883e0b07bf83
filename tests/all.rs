//! All tests.
mod wallet;
