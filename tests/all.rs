//! All tests, in one binary.

mod contract;
mod support;
mod tidy;
mod vectors;
mod wallet;
//! All tests.

mod wallet {
    mod pass_json;
    mod pass_previews;
    mod pass_templates;
    mod pass_views;
}
