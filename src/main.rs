//! The `walaa` command.

fn main() {}
