//! What a card shows in any wallet: the [`PassView`], the template folder that says where each thing stands, and the
//! sentences in the member's language.
//!
//! Nothing here does I/O: a template is a list of `(path, bytes)` that someone else read. Nothing here knows how a package is
//! hashed, signed or sent; `apple` and `google` turn what is rendered here into their own documents.

pub mod plain_text;
pub mod view;

pub mod contrast;
pub mod language;
pub mod message;
pub mod pass_strings;
pub mod placeholder;
pub mod text;

pub mod card_file;
pub mod design;
pub mod extra;
pub mod render;
pub mod template;

pub mod check;
pub mod image;
pub mod image_check;
pub mod problem;
pub mod strings_check;

pub mod google_check;
pub mod google_images;
pub mod google_layout;

pub mod palette;
pub mod raster;
pub mod stamps;

pub mod embedded;
pub mod preview;

pub use problem::{Severity, TemplateProblem};
pub use template::{StaticFiles, Template, Variant};
pub use view::{Change, ChangeKind, NextReward, PassKind, PassView, RewardLine, Stamps, VoucherView};
