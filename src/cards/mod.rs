//! Members, cards, passes and their versions.
