//! The commands of `walaa`, one file each.

pub mod template;
