//! Everything that is kept about a member, as one JSON value; and entries and vouchers as clients see them.

use serde_json::{Value, json};

use crate::cards::{Asked, CardView, Core};
use crate::error::Problem;
use crate::ids::{MemberId, OrgId, PassId};
use crate::ledger::{Account, Answer, Body, CardState, Entry, Member, Reissue, Voucher};

/// The most entries of a card that an export holds; beyond it the statement is read page by page.
const MAX_EXPORTED_ENTRIES: usize = 10_000;

/// The most vouchers of a card that an export holds.
const MAX_EXPORTED_VOUCHERS: usize = 1_000;

/// New pass ids for a re-issue: the card's and one for each of the at most 20 open vouchers.
const REISSUED_PASSES: usize = 21;

/// What an entry did to the balance.
#[must_use]
pub fn points_of(entry: &Entry) -> i64 {
    match (entry.debit, entry.credit) {
        (_, Account::Available) => entry.amount,
        (Account::Available, _) => -entry.amount,
        _ => 0,
    }
}

/// An entry as clients see one; `points` is what it did to the balance.
#[must_use]
pub fn entry_view(entry: &Entry) -> Value {
    json!({
        "op": entry.op, "place": entry.place, "at": entry.at, "kind": entry.kind, "points": points_of(entry), "lot": entry.lot,
        "debit": entry.debit, "credit": entry.credit, "amount": entry.amount,
    })
}

/// A voucher as clients see one.
#[must_use]
pub fn voucher_view(voucher: &Voucher) -> Value {
    json!({
        "id": voucher.id, "card": voucher.card, "programme": voucher.programme, "pass": voucher.pass, "reward": voucher.reward,
        "points": voucher.points, "state": voucher.state, "issued_at": voucher.issued_at, "expires_at": voucher.expires_at,
    })
}

impl Core {
    /// A member's cards without links, as the member's own export shows them.
    ///
    /// # Errors
    /// The database is out of reach.
    pub async fn cards_without_links(&self, (org, member): (OrgId, MemberId)) -> Result<Vec<CardView>, Problem> {
        let mut views = Vec::new();
        for state in self.db.cards_of(org, member).await? {
            views.push(Self::bare_card_view(&state, &self.current_pass(&state).await?));
        }
        Ok(views)
    }

    /// Everything that is kept about a member whose cards are these.
    ///
    /// # Errors
    /// The database is out of reach; the profile can't be opened.
    pub async fn export(&self, member: &Member, views: Vec<CardView>) -> Result<Value, Problem> {
        let mut cards = Vec::new();
        for view in views {
            let entries = self.db.entries_of(member.org, view.id, None, MAX_EXPORTED_ENTRIES).await?;
            let vouchers = self.db.vouchers_of(member.org, view.id, MAX_EXPORTED_VOUCHERS).await?;
            let vouchers: Vec<Value> = vouchers.iter().map(voucher_view).collect();
            let truncated = entries.len() == MAX_EXPORTED_ENTRIES;
            let entries: Vec<Value> = entries.iter().map(entry_view).collect();
            cards.push(json!({ "card": view, "entries": entries, "entries_truncated": truncated, "vouchers": vouchers }));
        }
        let history = self.profile(member)?.consents;
        let view = self.member_view(member)?;
        Ok(json!({ "exported_at": self.clock.now(), "member": view, "consent_history": history, "cards": cards }))
    }

    /// Issues a card's passes anew: the old ones are void and their codes die at once.
    ///
    /// # Errors
    /// Only what is not an outcome: overload, a database out of reach.
    pub async fn reissue(&self, asked: &Asked, state: &CardState) -> Result<Answer, Problem> {
        let passes = (0..REISSUED_PASSES).map(|_| PassId(self.ids.random())).collect();
        self.ask(asked, Body::Reissue(Reissue { card: state.card.id, programme: state.card.programme, passes })).await
    }
}
