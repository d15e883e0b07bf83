//! All tests.

mod wallet {
    mod pass_json;
    mod pass_previews;
    mod pass_templates;
    mod pass_views;
}
