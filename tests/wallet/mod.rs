//! What the wallets get: packages, signatures, certificates, pushes.

mod certificates;
mod forge;
mod package;
mod phone;
mod push;
mod tools;
mod verify;
