//! What the wallets get: packages, signatures, certificates.

mod certificates;
mod forge;
mod package;
mod tools;
mod verify;
