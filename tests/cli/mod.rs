//! The command as its users meet it: the real binary, its files, its words, its exit codes.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

mod commands;
mod demo;
mod doctor;
mod installation;
mod reconcile;
mod serve;
mod upkeep;
