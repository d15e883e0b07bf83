//! Hashes of PINs: argon2id with a pepper, two at a time. A hash takes 19 MiB, so what waits is bounded as well.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::{Code, Problem};
use crate::tokens::Pin;

/// Memory, passes and lanes: the least that OWASP's cheat sheet on storing passwords names for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What stands before salt and hash, in the usual text form (PHC).
const START: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Hashes that are made at once: 38 MiB and two cores at most.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Those who wait for a turn or have one; at a twentieth of a second each the last waits for half a second.
static QUEUE: Semaphore = Semaphore::const_new(16);

/// What goes into a hash beside the PIN.
pub(super) type Pepper = Zeroizing<[u8; 32]>;

/// The hash of a PIN, with its salt.
///
/// # Errors
/// `overloaded` when many wait; `internal`.
pub(super) async fn hash(pin: Pin, pepper: Pepper, salt: [u8; 16]) -> Result<String, Problem> {
    let hash = in_turn(move || digest(&pin, &pepper, &salt)).await??;
    Ok(format!("{START}{}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash)))
}

/// Whether a hash is the PIN's. A hash that can't be read is nobody's, and takes as long to refuse.
///
/// # Errors
/// As [`hash`].
pub(super) async fn verify(pin: Pin, pepper: Pepper, stored: &str) -> Result<bool, Problem> {
    let (salt, expected) = read(stored).unwrap_or(([0; 16], [0; HASH_BYTES]));
    let readable = read(stored).is_some();
    let made = in_turn(move || digest(&pin, &pepper, &salt)).await??;
    Ok(verify_slices_are_equal(&made, &expected).is_ok() && readable)
}

fn read(stored: &str) -> Option<([u8; 16], [u8; HASH_BYTES])> {
    let (salt, hash) = stored.strip_prefix(START)?.split_once('$')?;
    let bytes = |text: &str| STANDARD_NO_PAD.decode(text).ok();
    Some((bytes(salt)?.try_into().ok()?, bytes(hash)?.try_into().ok()?))
}

fn digest(pin: &Pin, pepper: &Pepper, salt: &[u8; 16]) -> Result<[u8; HASH_BYTES], Problem> {
    let made = || -> argon2::Result<[u8; HASH_BYTES]> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES))?;
        let mut hash = [0; HASH_BYTES];
        Argon2::new_with_secret(pepper.as_ref(), Algorithm::Argon2id, Version::V0x13, params)?.hash_password_into(
            pin.as_str().as_bytes(),
            salt,
            &mut hash,
        )?;
        Ok(hash)
    };
    made().map_err(|error| {
        tracing::error!(%error, "a PIN could not be hashed");
        Code::Internal.into()
    })
}

/// Does heavy work when its turn comes. The turn belongs to the work, not to who asked: he may leave, the memory is in use.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let place = QUEUE.try_acquire().map_err(|_| busy())?;
    let turn = TURNS.acquire().await.map_err(|_| Problem::from(Code::Internal))?;
    let done = tokio::task::spawn_blocking(move || {
        let _held = (place, turn);
        work()
    });
    done.await.map_err(|_| Code::Internal.into())
}

fn busy() -> Problem {
    Problem::new(Code::Overloaded, "Many PINs are being checked at this moment; nothing was changed. Try again in a few seconds.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Pin {
        Pin::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_hash_is_one_pins_under_one_pepper() {
        let pepper = Zeroizing::new([7; 32]);
        let stored = hash(pin("123456"), pepper.clone(), [9; 16]).await.unwrap();
        // As OpenSSL's ARGON2ID has it, by way of Python's cryptography.
        let expected = "$argon2id$v=19$m=19456,t=2,p=1$CQkJCQkJCQkJCQkJCQkJCQ$mYHUQWTqmtYXkTKDDnJgrd98nK+/fevEtg99LwERGLI";
        assert_eq!(stored, expected);
        assert!(verify(pin("123456"), pepper.clone(), &stored).await.unwrap());
        assert!(!verify(pin("123457"), pepper.clone(), &stored).await.unwrap());
        assert!(!verify(pin("123456"), Zeroizing::new([8; 32]), &stored).await.unwrap(), "a stolen database is not enough");
        for broken in ["", "$argon2id$v=19$m=8,t=1,p=1$CQkJCQkJCQkJCQkJCQkJCQ$AAAA", &stored[..stored.len() - 1]] {
            assert!(!verify(pin("123456"), pepper.clone(), broken).await.unwrap(), "{broken}");
        }
    }
}
