//! Handlers of cards.
