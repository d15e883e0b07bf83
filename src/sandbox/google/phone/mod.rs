//! The stand-in's phone: what an owner of an Android phone sees of the passes that were saved, with the code that turns.

mod code;
mod fields;
pub(super) mod page;
mod view;
mod words;
