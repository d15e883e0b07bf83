//! Several nodes on one database and one Redis: what they share, and what they promise together whatever happens to any of them.

mod checks;
mod cluster;
mod control;
mod faults;
mod run;
mod till;
