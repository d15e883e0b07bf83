//! The buttons that put the card into a wallet: the device's own first, a code to go on with the phone on anything else.

use actix_web::http::header;

use super::{Holder, Visit};
use crate::cards::pass_link;
use crate::error::Problem;
use crate::pages::qr::Qr;

/// What the browser says that it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// iPhone, iPad, Watch; a Mac's Safari opens passes, too, but can't carry them.
    Apple,
    /// Android.
    Android,
    /// Anything else: probably not what is held at a till.
    Desk,
}

impl Device {
    /// Read from the `User-Agent`; a wrong guess changes the order of buttons only.
    #[must_use]
    pub fn guess(user_agent: &str) -> Self {
        if ["iPhone", "iPad", "iPod"].iter().any(|name| user_agent.contains(name)) {
            Self::Apple
        } else if user_agent.contains("Android") {
            Self::Android
        } else {
            Self::Desk
        }
    }
}

/// Ways into a wallet.
#[derive(Debug, Clone, Default)]
pub struct Wallets {
    /// The links, with the key of their text, in the order of likelihood.
    pub links: Vec<(String, &'static str)>,
    /// The page's own address as a code, for who sits at a desk.
    pub go_on: Option<Qr>,
}

impl Holder {
    pub(super) fn wallets(&self, visit: &Visit) -> Result<Wallets, Problem> {
        let pages = &visit.pages;
        let user_agent = visit.request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let device = Device::guess(user_agent.unwrap_or_default());
        let mut links = Vec::new();
        if pages.apple.account_for(self.card.card.org).is_some() {
            let key = pass_link(&pages.core.keyring, &self.pass)?;
            links.push((format!("/p/{key}.pkpass"), "wallet-apple"));
        }
        if pages.core.google.offers(self.card.card.org) {
            let key = pass_link(&pages.core.keyring, &self.pass)?;
            links.push((format!("/g/{key}"), "wallet-google"));
        }
        if device == Device::Android {
            links.reverse();
        }
        let url = format!("{}{}", pages.core.public_url, self.base());
        let go_on = if device == Device::Desk { Some(Qr::of(&url)?) } else { None };
        Ok(Wallets { links, go_on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_known_by_what_they_say() {
        assert_eq!(Device::guess("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"), Device::Apple);
        assert_eq!(Device::guess("Mozilla/5.0 (Linux; Android 15; Pixel 9)"), Device::Android);
        assert_eq!(Device::guess("Mozilla/5.0 (X11; Linux x86_64)"), Device::Desk);
        assert_eq!(Device::guess(""), Device::Desk);
    }
}
