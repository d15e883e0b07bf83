//! The pages in a real browser: the story of a card in two languages, how pages look, and whether everybody can use them.

mod cafe;
mod camera;
mod chrome;
mod lossy;
mod scanner;
mod story;
