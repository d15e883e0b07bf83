//! Google Wallet, from the outside.

mod sandbox;
mod sandbox_callbacks;
mod sandbox_client;
mod sandbox_faults;
mod sandbox_phone;
mod sandbox_world;
