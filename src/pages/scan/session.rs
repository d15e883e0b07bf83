//! Who a browser is by its cookies.

use crate::documents::{self, OpenShift, SHIFT_COOKIE, ShiftOver, TILL_COOKIE, Till, TillKey};
use crate::pages::Visit;
use crate::pages::errors::Failure;

/// What a browser is.
pub enum Session {
    /// No till.
    Stranger,
    /// It was a till; the till has another key by now.
    Withdrawn,
    /// A till that is switched off.
    Disabled,
    /// A till at which nobody works, and why.
    Till(Till, ShiftOver),
    /// A till with an open shift.
    Shift(Till, OpenShift),
}

impl Session {
    /// Reads the cookies and asks whom they stand for.
    ///
    /// # Errors
    /// The ledger is out of reach.
    pub async fn of(visit: &Visit) -> Result<Self, Failure> {
        let (core, environment) = (&visit.pages.core, visit.pages.environment);
        let Some(key) = visit.cookie_value(TILL_COOKIE) else { return Ok(Self::Stranger) };
        let till = match documents::till_of(core, environment, &key).await? {
            TillKey::Unknown => return Ok(Self::Stranger),
            TillKey::Withdrawn => return Ok(Self::Withdrawn),
            TillKey::Disabled => return Ok(Self::Disabled),
            TillKey::Good(till) => till,
        };
        let cookie = visit.cookie_value(SHIFT_COOKIE);
        let shift = documents::open_shift_of(core, (till.org, till.id, till.store), cookie.as_deref()).await?;
        Ok(match shift {
            Ok(open) => Self::Shift(till, open),
            Err(over) => Self::Till(till, over),
        })
    }
}
