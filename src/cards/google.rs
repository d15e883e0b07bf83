//! A card goes to Google Wallet too: once, whoever asks and however often.

use crate::cards::{Asked, Core};
use crate::error::{Code, Problem};
use crate::ids::{OrgId, encode};
use crate::ledger::{Body, CardState, Fingerprint, OpKey, Pass, Principal, ShowOnGoogle};

impl Core {
    /// The card's current pass, owed to Google Wallet from now on. The operation is the pass's own, so that it happens once.
    ///
    /// # Errors
    /// `member_erased`; what is not an outcome.
    pub async fn show_on_google(&self, org: OrgId, state: &CardState) -> Result<Pass, Problem> {
        let pass = self.current_pass(state).await?;
        if pass.on_google {
            return Ok(pass);
        }
        let key = OpKey::parse(&format!("google-{}", encode(&pass.id.0))).ok_or_else(|| Problem::from(Code::Internal))?;
        let fingerprint = Fingerprint(self.keyring.fingerprint(org, &[key.as_str().as_bytes()]));
        let asked = Asked { org, principal: Principal::System, key, fingerprint };
        let show = ShowOnGoogle { card: state.card.id, programme: state.card.programme };
        self.ask(&asked, Body::ShowOnGoogle(show)).await?.result?;
        self.current_pass(state).await
    }
}
