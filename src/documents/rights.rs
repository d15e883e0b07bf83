//! Who may write which document, beyond the right to write documents at all: nobody hands out more than he has.

use crate::cards::Caller;
use crate::error::{Code, Problem};
use crate::programme::KeyDocument;

/// Refuses a caller that is limited to some programmes or to a shop: what concerns the whole organisation is not its to write.
///
/// # Errors
/// `wrong_programme`, `wrong_store`.
pub fn whole_organisation(caller: &Caller) -> Result<(), Problem> {
    if !caller.programmes.is_empty() {
        return Err(Problem::new(
            Code::WrongProgramme,
            "This concerns the whole organisation; the key is for some programmes only.",
        ));
    }
    if caller.store.is_some() {
        return Err(Problem::new(Code::WrongStore, "This concerns the whole organisation; the key is for one store only."));
    }
    Ok(())
}

/// Refuses unless the caller has every right that a key has.
///
/// # Errors
/// `forbidden`.
pub fn covers(caller: &Caller, key: &KeyDocument) -> Result<(), Problem> {
    let scopes = key.role.scopes().iter().all(|scope| !key.allows(*scope) || caller.scopes.contains(scope));
    let role = caller.role.is_manager() || !key.role.is_manager();
    let programmes = caller.programmes.is_empty() || (!key.programmes.is_empty() && key.programmes.is_subset(&caller.programmes));
    let store = caller.store.as_ref().is_none_or(|(own, _)| key.store == Some(*own));
    if scopes && role && programmes && store {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "A key can't give rights that it does not have itself."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ids::{KeyId, OrgId, ProgrammeId, StoreId};
    use crate::ledger::Principal;
    use crate::programme::{Role, Scope};

    fn caller(role: Role) -> Caller {
        Caller {
            org: OrgId([1; 16]),
            principal: Principal::Key(KeyId([1; 16])),
            role,
            scopes: role.scopes().iter().copied().collect(),
            programmes: BTreeSet::new(),
            store: None,
            terminal: None,
            cashier: None,
        }
    }

    fn key(role: Role) -> KeyDocument {
        let text = format!(r#"{{"name":"till","role":{},"secret_hashes":[],"secret_generation":1}}"#, serde_json::json!(role));
        KeyDocument::parse(&text).unwrap()
    }

    #[test]
    fn an_owner_gives_every_right_and_others_only_theirs() {
        assert!(covers(&caller(Role::Owner), &key(Role::Owner)).is_ok());
        assert!(covers(&caller(Role::Owner), &key(Role::Pos)).is_ok());
        assert!(covers(&caller(Role::Manager), &key(Role::Owner)).is_err());
        assert!(covers(&caller(Role::Pos), &key(Role::Manager)).is_err());
    }

    #[test]
    fn fewer_scopes_programmes_or_one_store_bind_what_is_given() {
        let mut giver = caller(Role::Owner);
        giver.scopes = BTreeSet::from([Scope::Keys, Scope::Scan]);
        let mut given = key(Role::Pos);
        assert!(covers(&giver, &given).is_err(), "all of the role's rights");
        given.scopes = BTreeSet::from([Scope::Scan]);
        assert!(covers(&giver, &given).is_ok());
        giver.programmes = BTreeSet::from([ProgrammeId([1; 16])]);
        assert!(covers(&giver, &given).is_err(), "empty means all programmes");
        given.programmes = BTreeSet::from([ProgrammeId([1; 16])]);
        assert!(covers(&giver, &given).is_ok());
        giver.store = Some((StoreId([1; 16]), "Main".into()));
        assert!(covers(&giver, &given).is_err(), "no store means every store");
        given.store = Some(StoreId([1; 16]));
        assert!(covers(&giver, &given).is_ok());
    }
}
