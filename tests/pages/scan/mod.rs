//! The scanner's pages and the cookies by which its script asks the API.

mod api;
mod counter;
mod guesses;
mod shifts;
mod tills;
