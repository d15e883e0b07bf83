//! Pictures of passes.
