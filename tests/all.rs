//! All tests.
mod vectors;
