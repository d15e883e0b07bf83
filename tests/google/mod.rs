//! What Google Wallet gets: classes, objects, patches, pictures, save links, checked against what Google says itself.

mod images;
mod model;
mod reading;
mod samples;
mod save_link;
mod schema;
