//! The command as its users meet it: the real binary, its files, its words, its exit codes.

mod commands;
mod demo;
mod doctor;
mod installation;
mod serve;
mod upkeep;
