//! Stand-ins for the outside world that the demo and the tests run against: a phone, APNs, a mailbox, a certificate authority.

pub mod apns;
pub mod google;
pub mod mailbox;
pub mod phone;
pub mod stage;
pub mod verify;
