//! What a card shows in any wallet: templates and the PassView.
