//! Several nodes on one database and one Redis: what they promise together, whatever happens to any of them.

mod checks;
mod cluster;
mod faults;
mod run;
mod till;
//! Several nodes, and what they share.

mod control;
