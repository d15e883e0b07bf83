//! Who stands behind a request, and what they may do: rights, programmes, shop. Deny by default.

use std::collections::BTreeSet;

use crate::error::{Code, Problem};
use crate::ids::{OrgId, ProgrammeId, StoreId, TerminalId};
use crate::ledger::{Place, Principal};
use crate::programme::{Role, Scope};

/// A principal whose key was checked.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The organisation: everything that the caller sees is in it.
    pub org: OrgId,
    /// The scope of its operation ids.
    pub principal: Principal,
    /// What it is.
    pub role: Role,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The programmes it may see; empty for all.
    pub programmes: BTreeSet<ProgrammeId>,
    /// The shop that it is bound to, with its name.
    pub store: Option<(StoreId, String)>,
    /// The till that it is, with its name.
    pub terminal: Option<(TerminalId, String)>,
    /// The code of the cashier who has signed in there; none for keys, whose clients name the cashier themselves.
    pub cashier: Option<String>,
}

impl Caller {
    /// Refuses unless the caller has a right.
    ///
    /// # Errors
    /// `forbidden`, naming the right.
    pub fn need(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let scope = serde_json::to_value(scope).ok();
        let name = scope.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        Err(Problem::new(Code::Forbidden, format!("This needs the right {name}.")).with("scope", name))
    }

    /// Refuses unless the caller may work in a programme.
    ///
    /// # Errors
    /// `wrong_programme`.
    pub fn may_use(&self, programme: ProgrammeId) -> Result<(), Problem> {
        if self.programmes.is_empty() || self.programmes.contains(&programme) { Ok(()) } else { Err(Code::WrongProgramme.into()) }
    }

    /// Where an operation of this caller happens. A key that is bound to a shop can't speak for another, nor one cashier for another.
    ///
    /// # Errors
    /// `wrong_store`; `forbidden` for another cashier.
    pub fn place(&self, asked: Option<StoreId>, cashier: Option<String>) -> Result<Place, Problem> {
        if let (Some(asked), Some((own, _))) = (asked, &self.store)
            && asked != *own
        {
            return Err(Code::WrongStore.into());
        }
        if let (Some(asked), Some(own)) = (&cashier, &self.cashier)
            && asked != own
        {
            return Err(Problem::new(Code::Forbidden, "The cashier is another one than the one who has signed in at this till."));
        }
        let cashier = self.cashier.clone().or(cashier);
        let (store, store_name) = self.store.clone().map_or((asked, None), |(id, name)| (Some(id), Some(name)));
        let (terminal, terminal_name) = self.terminal.clone().unzip();
        Ok(Place { store, store_name, terminal, terminal_name, cashier })
    }
}
