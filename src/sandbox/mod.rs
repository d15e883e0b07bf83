//! Stand-ins for the outside world that the demo and the tests run against: a phone, APNs, a mailbox, a certificate authority; and the
//! guide that leads through the demo.

pub mod apns;
pub mod google;
pub mod guide;
pub mod mailbox;
pub mod phone;
pub mod stage;
pub mod verify;
