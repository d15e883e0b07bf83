//! Which ids our classes and objects have at Google.
//!
//! They are made of random ids and of what the shop calls its rewards and tiers, never of anything about a person: an id can't
//! be deleted or used again.

use aws_lc_rs::digest::{SHA256, digest};

use crate::google::resource::{IssuerId, MAX_SUFFIX, ResourceId, ResourceIdError};
use crate::ids::{ProgrammeId, encode};

/// What stands before a programme's letters in a class's id.
const CLASS: &str = "prog_";
/// What stands before a pass's serial number in an object's id: a class and an object never share a suffix.
const OBJECT: &str = "pass_";
/// Bytes of the short hash of a reward or tier.
const HASH_BYTES: usize = 8;

/// The class of a programme, or of one tier of it.
#[must_use]
pub fn loyalty_class(issuer: IssuerId, programme: ProgrammeId, tier: Option<&str>) -> ResourceId {
    let tier = tier.map_or_else(String::new, |tier| format!("-t{}", short_hash(tier)));
    class(issuer, &format!("{CLASS}{}{tier}", encode(&programme.0)))
}

/// The class of a reward.
#[must_use]
pub fn offer_class(issuer: IssuerId, programme: ProgrammeId, reward: &str) -> ResourceId {
    class(issuer, &format!("{CLASS}{}-r{}", encode(&programme.0), short_hash(reward)))
}

/// The object of a pass, card or voucher, by its serial number.
///
/// # Errors
/// The serial number is not one of ours: too long, or with letters that Google refuses.
pub fn object(issuer: IssuerId, serial: &str) -> Result<ResourceId, ResourceIdError> {
    ResourceId::new(issuer, &format!("{OBJECT}{serial}"))
}

/// The serial number of the pass behind an object; none if the object is not one of ours.
#[must_use]
pub fn serial(object: &ResourceId) -> Option<&str> {
    object.suffix().strip_prefix(OBJECT)
}

fn class(issuer: IssuerId, suffix: &str) -> ResourceId {
    debug_assert!(suffix.len() <= MAX_SUFFIX);
    ResourceId::new(issuer, suffix).expect("a prefix, 26 Crockford letters and a hash in hexadecimal fit")
}

fn short_hash(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_programme_tier_and_reward_and_are_the_same_each_time() {
        let issuer: IssuerId = "3388000000022141777".parse().unwrap();
        let (one, two) = (ProgrammeId([1; 16]), ProgrammeId([2; 16]));
        let all = [
            loyalty_class(issuer, one, None),
            loyalty_class(issuer, two, None),
            loyalty_class(issuer, one, Some("gold")),
            loyalty_class(issuer, one, Some("silver")),
            offer_class(issuer, one, "gold"),
            offer_class(issuer, two, "gold"),
            object(issuer, &encode(&one.0)).unwrap(),
        ];
        for (place, id) in all.iter().enumerate() {
            assert!(all[place + 1..].iter().all(|other| other != id), "{id}");
            assert!(id.suffix().len() <= MAX_SUFFIX, "{id}");
            assert_eq!(id.to_string().parse::<ResourceId>().unwrap(), *id);
        }
        assert_eq!(all[2], loyalty_class(issuer, one, Some("gold")));
        assert_eq!(serial(&all[6]), Some(encode(&one.0).as_str()));
        assert_eq!(serial(&all[0]), None);
        assert!(object(issuer, "a b").is_err());
    }
}
