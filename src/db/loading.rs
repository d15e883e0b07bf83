//! Which rows a batch of commands needs, round by round, whatever the database: a backend fetches what is [`Wanted`], puts it
//! into the working set, and asks what hangs on it until nothing does.

use crate::ids::{CardId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, VoucherId};
use crate::ledger::{Command, DocumentKey, OpKey, Principal, TokenHash, VoucherState, WorkingSet};

/// The keys of the rows to fetch in one round. A key that the set knows already is not asked again.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Operations by their clients' keys.
    pub ops: Vec<(OrgId, Principal, OpKey)>,
    /// Cards with their lots.
    pub cards: Vec<(OrgId, CardId)>,
    /// Cards whose issued tokens and open vouchers are wanted.
    pub open_of_cards: Vec<(OrgId, CardId)>,
    /// The card of a member in a programme.
    pub cards_of: Vec<(OrgId, MemberId, ProgrammeId)>,
    /// Members whose cards and identities are wanted.
    pub all_of_members: Vec<(OrgId, MemberId)>,
    /// Tokens.
    pub tokens: Vec<(OrgId, TokenHash)>,
    /// Cards whose newest used step is wanted.
    pub presence: Vec<(OrgId, CardId)>,
    /// Vouchers.
    pub vouchers: Vec<(OrgId, VoucherId)>,
    /// Redemptions.
    pub redemptions: Vec<(OrgId, RedemptionId)>,
    /// Earnings.
    pub earnings: Vec<(OrgId, EarningId)>,
    /// Receipts.
    pub receipts: Vec<(OrgId, ProgrammeId, Option<StoreId>, String)>,
    /// Members.
    pub members: Vec<(OrgId, MemberId)>,
    /// Identities.
    pub identities: Vec<(OrgId, [u8; 32])>,
    /// Passes.
    pub passes: Vec<(OrgId, PassId)>,
    /// The newest versions of documents.
    pub documents: Vec<DocumentKey>,
    /// Operations whose entries are wanted.
    pub posted: Vec<(OrgId, OpId)>,
}

impl Wanted {
    /// The roots of a batch.
    #[must_use]
    pub fn roots(commands: &[Command]) -> Self {
        let mut wanted = Self::default();
        for command in commands {
            let org = command.op.org;
            let roots = command.roots();
            wanted.ops.push((org, command.op.principal, command.op.key.clone()));
            wanted.cards.extend(roots.cards.into_iter().map(|id| (org, id)));
            wanted.open_of_cards.extend(roots.whole_cards.into_iter().map(|id| (org, id)));
            wanted.tokens.extend(roots.tokens.into_iter().map(|hash| (org, hash)));
            wanted.presence.extend(roots.presence.into_iter().map(|id| (org, id)));
            wanted.vouchers.extend(roots.vouchers.into_iter().map(|id| (org, id)));
            wanted.redemptions.extend(roots.redemptions.into_iter().map(|id| (org, id)));
            wanted.earnings.extend(roots.earnings.into_iter().map(|id| (org, id)));
            wanted.receipts.extend(roots.receipts.into_iter().map(|(programme, store, text)| (org, programme, store, text)));
            wanted.members.extend(roots.members.into_iter().map(|id| (org, id)));
            wanted.members.extend(roots.whole_members.iter().map(|id| (org, *id)));
            wanted.all_of_members.extend(roots.whole_members.into_iter().map(|id| (org, id)));
            wanted.identities.extend(roots.identities.into_iter().map(|hash| (org, hash)));
            wanted.cards_of.extend(roots.cards_of.into_iter().map(|(member, programme)| (org, member, programme)));
            wanted.passes.extend(roots.passes.into_iter().map(|id| (org, id)));
            wanted.documents.extend(roots.documents);
        }
        wanted.each_once()
    }

    /// What hangs on the rows of this round, now that they are in the set; `None` when nothing is missing any more.
    #[must_use]
    pub fn next(&self, set: &WorkingSet) -> Option<Self> {
        let mut wanted = Self::default();
        self.cards_need(set, &mut wanted);
        self.members_need(set, &mut wanted);
        self.tokens_need(set, &mut wanted);
        for key @ (org, _) in &self.vouchers {
            if set.vouchers.get(key).is_some() {
                wanted.add_voucher(set, (*org, key.1));
            }
        }
        for key @ (org, id) in &self.redemptions {
            wanted.posted.extend(set.redemptions.get(key).map(|_| (*org, OpId(id.0))));
        }
        for key @ (org, id) in &self.earnings {
            wanted.posted.extend(set.earnings.get(key).map(|_| (*org, OpId(id.0))));
        }
        for key in &self.receipts {
            wanted.earnings.extend(set.receipts.get(key).map(|id| (key.0, *id)));
        }
        wanted.earnings.retain(|key| !set.earnings.knows(key));
        wanted.posted.retain(|key| !set.posted.contains_key(key));
        let wanted = wanted.each_once();
        (!wanted.is_empty()).then_some(wanted)
    }

    fn cards_need(&self, set: &WorkingSet, wanted: &mut Self) {
        let passes = self.cards.iter().filter_map(|key| set.cards.get(key)).map(|state| (state.card.org, state.card.pass));
        wanted.passes.extend(passes.filter(|key| !set.passes.knows(key)));
        if self.open_of_cards.is_empty() {
            return;
        }
        for ((org, id), voucher) in set.vouchers.iter() {
            if voucher.state == VoucherState::Issued && self.open_of_cards.contains(&(*org, voucher.card)) {
                wanted.add_voucher(set, (*org, *id));
            }
        }
    }

    fn members_need(&self, set: &WorkingSet, wanted: &mut Self) {
        if self.all_of_members.is_empty() {
            return;
        }
        for (key @ (org, _), state) in set.cards.iter() {
            if self.all_of_members.contains(&(*org, state.card.member)) {
                wanted.open_of_cards.push(*key);
                wanted.passes.extend(Some((*org, state.card.pass)).filter(|key| !set.passes.knows(key)));
            }
        }
    }

    fn tokens_need(&self, set: &WorkingSet, wanted: &mut Self) {
        let captured =
            self.tokens.iter().filter_map(|key| set.tokens.get(key)).filter_map(|token| Some((token.org, token.captured_by?)));
        wanted.redemptions.extend(captured.filter(|key| !set.redemptions.knows(key)));
    }

    fn add_voucher(&mut self, set: &WorkingSet, key: (OrgId, VoucherId)) {
        let Some(voucher) = set.vouchers.get(&key) else { return };
        self.passes.extend(Some((key.0, voucher.pass)).filter(|key| !set.passes.knows(key)));
        self.tokens.extend(Some((key.0, voucher.token)).filter(|key| !set.tokens.knows(key)));
        self.posted.push((key.0, OpId(key.1.0)));
    }

    fn each_once(mut self) -> Self {
        once(&mut self.ops);
        once(&mut self.cards);
        once(&mut self.open_of_cards);
        once(&mut self.cards_of);
        once(&mut self.all_of_members);
        once(&mut self.tokens);
        once(&mut self.presence);
        once(&mut self.vouchers);
        once(&mut self.redemptions);
        once(&mut self.earnings);
        once(&mut self.receipts);
        once(&mut self.members);
        once(&mut self.identities);
        once(&mut self.passes);
        once(&mut self.documents);
        once(&mut self.posted);
        self
    }

    fn is_empty(&self) -> bool {
        self.ops.is_empty()
            && self.cards.is_empty()
            && self.open_of_cards.is_empty()
            && self.cards_of.is_empty()
            && self.all_of_members.is_empty()
            && self.tokens.is_empty()
            && self.presence.is_empty()
            && self.vouchers.is_empty()
            && self.redemptions.is_empty()
            && self.earnings.is_empty()
            && self.receipts.is_empty()
            && self.members.is_empty()
            && self.identities.is_empty()
            && self.passes.is_empty()
            && self.documents.is_empty()
            && self.posted.is_empty()
    }
}

/// In key order, each once: databases lock rows in one order.
fn once<K: Ord>(keys: &mut Vec<K>) {
    keys.sort_unstable();
    keys.dedup();
}
