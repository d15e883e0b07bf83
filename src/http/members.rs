//! Handlers of members.
