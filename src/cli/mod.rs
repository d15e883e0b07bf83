//! The commands of `walaa`: each reads its arguments, calls the part that does the work, and says in plain words what happened.

pub mod audit;
pub mod certs;
