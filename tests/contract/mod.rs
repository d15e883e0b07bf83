//! One suite for every implementation of a trait.

mod copy;
mod db;
mod gate;
mod postgres;
mod sqlite;
