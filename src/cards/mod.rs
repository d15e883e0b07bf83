//! Members, cards, passes and their versions: what the ledger's rows mean to the outside, with names unsealed and codes derived.

mod caller;
mod contact;
mod core;
mod documents;
mod enrol;
mod export;
mod google;
mod links;
mod mint;
mod offered;
mod profile;
mod templates;
mod view;

pub use caller::Caller;
pub use contact::{ConsentAnswer, Told};
pub use core::{Asked, Core};
pub use documents::ProgrammeCache;
pub use enrol::{Joining, Person};
pub use export::{entry_view, points_of, voucher_view};
pub use links::{CardView, Links, MemberView};
pub use mint::{Codes, card_link, pass_link, pass_of_link};
pub use offered::Offered;
pub use profile::{Consent, Profile, Reopened};
pub use templates::{LoadedTemplate, Templates};
pub use view::{ViewBuilder, ViewError, Viewed};
