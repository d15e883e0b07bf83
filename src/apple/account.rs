//! Which Apple account an organisation's passes are issued from: a signer and a way to push, per pass type.
//!
//! An organisation has its own account or shares the house's default one. Passes that were installed under the default
//! account stay with it after the organisation got its own: a pass never changes its pass type.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::push::{ApnsClient, PushOutcome, PushRequest};
use super::signer::Signer;
use crate::ids::OrgId;

/// Something that pushes for one pass type.
#[async_trait]
pub trait Pusher: Send + Sync {
    /// Pushes once, within a time-out of its own, and says what is to be done about the outcome.
    async fn push(&self, request: &PushRequest) -> PushOutcome;
}

#[async_trait]
impl Pusher for ApnsClient {
    async fn push(&self, request: &PushRequest) -> PushOutcome {
        Self::push(self, request).await
    }
}

/// One pass type: what signs its passes and what pushes to the phones that hold them.
pub struct AppleAccount {
    /// Signs; knows the pass type and the team.
    pub signer: Arc<dyn Signer>,
    /// Pushes.
    pub pusher: Arc<dyn Pusher>,
}

impl AppleAccount {
    /// The pass type, such as `pass.com.example.card`.
    #[must_use]
    pub fn pass_type(&self) -> &str {
        self.signer.pass_type_id()
    }
}

/// All accounts of the gateway.
#[derive(Default)]
pub struct Apple {
    default: Option<Arc<AppleAccount>>,
    own: HashMap<OrgId, Arc<AppleAccount>>,
}

impl Apple {
    /// The default account, if there is one, and the accounts of organisations that have their own.
    #[must_use]
    pub fn new(default: Option<Arc<AppleAccount>>, own: HashMap<OrgId, Arc<AppleAccount>>) -> Self {
        Self { default, own }
    }

    /// The account that new passes of an organisation are issued from.
    #[must_use]
    pub fn account_for(&self, org: OrgId) -> Option<Arc<AppleAccount>> {
        self.own.get(&org).or(self.default.as_ref()).map(Arc::clone)
    }

    /// The account of a pass type.
    #[must_use]
    pub fn by_pass_type(&self, pass_type: &str) -> Option<Arc<AppleAccount>> {
        self.accounts().find(|account| account.pass_type() == pass_type).map(Arc::clone)
    }

    /// The account of a pass type, if passes of that organisation may have been issued from it.
    #[must_use]
    pub fn serving(&self, org: OrgId, pass_type: &str) -> Option<Arc<AppleAccount>> {
        let candidates = self.own.get(&org).into_iter().chain(self.default.as_ref());
        candidates.into_iter().find(|account| account.pass_type() == pass_type).map(Arc::clone)
    }

    /// Every account, the default one first.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<AppleAccount>> {
        self.default.iter().chain(self.own.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apple::signer::SignError;
    use crate::clock::Timestamp;

    struct Nobody(&'static str);

    impl Signer for Nobody {
        fn sign_manifest(&self, _: &[u8], _: Timestamp) -> Result<Vec<u8>, SignError> {
            Err(SignError::KeyFailed)
        }
        fn id(&self) -> &str {
            self.0
        }
        fn pass_type_id(&self) -> &str {
            self.0
        }
        fn team_id(&self) -> &str {
            "A1B2C3D4E5"
        }
        fn not_after(&self) -> Timestamp {
            Timestamp::default()
        }
    }

    #[async_trait]
    impl Pusher for Nobody {
        async fn push(&self, _: &PushRequest) -> PushOutcome {
            PushOutcome::Delivered
        }
    }

    fn account(pass_type: &'static str) -> Arc<AppleAccount> {
        Arc::new(AppleAccount { signer: Arc::new(Nobody(pass_type)), pusher: Arc::new(Nobody(pass_type)) })
    }

    #[test]
    fn an_organisation_with_its_own_account_keeps_what_was_issued_from_the_default_one() {
        let (own, other) = (OrgId([1; 16]), OrgId([2; 16]));
        let apple = Apple::new(Some(account("pass.house")), HashMap::from([(own, account("pass.own"))]));
        let name = |account: Option<Arc<AppleAccount>>| account.map(|account| account.pass_type().to_owned());
        assert_eq!(name(apple.account_for(own)).as_deref(), Some("pass.own"));
        assert_eq!(name(apple.account_for(other)).as_deref(), Some("pass.house"));
        assert!(apple.serving(own, "pass.house").is_some());
        assert!(apple.serving(other, "pass.own").is_none(), "another organisation's account");
        assert!(apple.by_pass_type("pass.own").is_some() && apple.by_pass_type("pass.none").is_none());
        assert!(Apple::default().account_for(own).is_none());
    }
}
