//! Handlers of what could not be delivered, and of what phones say about it.

use actix_web::HttpResponse;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::db::DeadLetter;
use crate::documents::whole_organisation;
use crate::error::Code;
use crate::http::State;
use crate::http::auth::Authenticated;
use crate::http::extract::Id;
use crate::http::page::{self, Cursor, Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::ids::{DeadLetterId, PassId};

/// Dead letters that are looked through at most: more are a page of their own once these were dealt with.
const MOST_DEAD_LETTERS: usize = 1_000;

/// A change that a wallet never got.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeadLetterView {
    /// Its id.
    pub id: DeadLetterId,
    /// The pass.
    pub pass: PassId,
    /// `apple` or `google`.
    pub channel: String,
    /// The version that was owed.
    pub version: i64,
    /// Failed tries.
    pub tries: i64,
    /// When it was first owed.
    pub since: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
    /// What went wrong last.
    pub last_error: Option<String>,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            pass: letter.item.pass,
            channel: letter.item.channel.as_str().to_owned(),
            version: letter.item.version,
            tries: letter.item.tries,
            since: letter.item.since,
            died_at: letter.died_at,
            last_error: letter.item.last_error,
        }
    }
}

/// What a phone logged.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeviceLogView {
    /// When we heard it.
    pub at: Timestamp,
    /// The pass that the text names.
    pub pass: Option<PassId>,
    /// The text; the phone's id is masked.
    pub text: String,
}

/// List dead letters
#[utoipa::path(get, path = "/v1/dead-letters", tag = "deliveries", params(PagingQuery),
    responses((status = 200, description = "A page of dead letters, newest first", body = Page<DeadLetterView>)))]
pub async fn dead_letters(state: State, caller: Authenticated, paging: Paging) -> Handled {
    whole_organisation(&caller.0)?;
    let after = paging.after::<16>("dead-letters")?.map(DeadLetterId);
    let letters = state.core.db.dead_letters(caller.0.org, MOST_DEAD_LETTERS).await?;
    let start = after.map_or(Some(0), |after| letters.iter().position(|letter| letter.id == after).map(|place| place + 1));
    let rest = letters.into_iter().skip(start.unwrap_or(0));
    page::answer(paging.limit, rest, |letter| Cursor::of("dead-letters", &letter.id.0), |letter| Ok(DeadLetterView::from(letter)))
}

/// Replay a dead letter
///
/// The pass is owed to its wallet again, due at once. It takes no Idempotency-Key, since the letter is one itself: a repeat finds it gone
/// (`not_found`) and pushes nothing, and points are not touched.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/replay", tag = "deliveries",
    responses((status = 204, description = "Owed again")))]
pub async fn replay(state: State, caller: Authenticated, id: Id<DeadLetterId>) -> Handled {
    whole_organisation(&caller.0)?;
    let found = state.core.db.replay_dead_letter(caller.0.org, id.0, state.core.clock.now()).await?;
    done(found)
}

/// Drop a dead letter
///
/// It takes no Idempotency-Key, since the letter is one itself: a repeat finds it gone (`not_found`).
#[utoipa::path(delete, path = "/v1/dead-letters/{id}", tag = "deliveries",
    responses((status = 204, description = "Dropped")))]
pub async fn forget(state: State, caller: Authenticated, id: Id<DeadLetterId>) -> Handled {
    whole_organisation(&caller.0)?;
    let found = state.core.db.drop_dead_letter(caller.0.org, id.0).await?;
    done(found)
}

/// Read what phones logged
///
/// Apple Wallet reports here what it could not read or show. The newest come first; there is no second page.
#[utoipa::path(get, path = "/v1/device-logs", tag = "deliveries", params(PagingQuery),
    responses((status = 200, description = "The newest logs", body = Page<DeviceLogView>)))]
pub async fn device_logs(state: State, caller: Authenticated, paging: Paging) -> Handled {
    whole_organisation(&caller.0)?;
    paging.after::<0>("device-logs")?;
    let logs = state.core.db.device_logs(caller.0.org, paging.limit).await?;
    let show = |log: crate::db::DeviceLog| Ok(DeviceLogView { at: log.at, pass: log.pass, text: log.text });
    page::answer(paging.limit, logs, |_| String::new(), show)
}

fn done(found: bool) -> Handled {
    if found { Ok(HttpResponse::NoContent().finish()) } else { Err(Code::NotFound.into()) }
}
