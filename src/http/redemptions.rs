//! Handlers of redemptions.
