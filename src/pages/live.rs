//! Open pages that hear of changes: server-sent events, one stream a page, bounded.
//!
//! When any node's sequencer has numbered passes, every stream looks at the version of its own pass, at most twice a second; only a version
//! that moved is told. Nothing of the card is in the event: the page asks for itself anew.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::db::Db;
use crate::ids::PassId;
use crate::ledger::{Pass, PassState};

/// Streams that one node keeps open.
const MOST_STREAMS: usize = 2_000;

/// Streams about one card: a phone, a laptop, and a few forgotten tabs. One more takes the place of the oldest, since a browser that went
/// away is only noticed at the next line.
const MOST_STREAMS_OF_PASS: usize = 5;

/// After so long a silence a line is sent, so that proxies don't close the stream and a page that has gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// A stream lives so long; the browser then opens another by itself.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The pause before looking, in which further changes gather.
const GATHER: Duration = Duration::from_millis(300);

/// What a stream that makes way says: its browser shall not push back at once.
const COME_BACK_LATER: &[u8] = b"retry: 120000\n\n";

/// Open streams.
pub struct Live {
    newest: watch::Receiver<i64>,
    closing: watch::Sender<bool>,
    open: Mutex<HashMap<PassId, VecDeque<Arc<Notify>>>>,
}

impl Live {
    /// Streams that wake when passes were changed: the largest `seq` is another.
    #[must_use]
    pub fn new(newest: watch::Receiver<i64>) -> Arc<Self> {
        Arc::new(Self { newest, closing: watch::Sender::new(false), open: Mutex::default() })
    }

    /// Ends all streams, and takes no more: the gateway stops.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// How many streams are open.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).values().map(VecDeque::len).sum()
    }

    fn seat(self: &Arc<Self>, pass: PassId) -> Option<Seat> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().map(VecDeque::len).sum();
        if all >= MOST_STREAMS || *self.closing.borrow() {
            return None;
        }
        let own = open.entry(pass).or_default();
        if own.len() >= MOST_STREAMS_OF_PASS
            && let Some(oldest) = own.pop_front()
        {
            oldest.notify_one();
        }
        let displaced = Arc::new(Notify::new());
        own.push_back(Arc::clone(&displaced));
        Some(Seat { live: Arc::clone(self), pass, displaced })
    }

    /// Answers with the stream of a pass's changes after a version; 503 when there are too many.
    #[must_use]
    pub fn stream(self: &Arc<Self>, db: Arc<dyn Db>, pass: &Pass, since: i64) -> HttpResponse {
        let Some(seat) = self.seat(pass.id) else {
            return HttpResponse::ServiceUnavailable()
                .insert_header((header::RETRY_AFTER, 30))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .finish();
        };
        let mut newest = self.newest.clone();
        // Whatever was numbered between the page and this stream is looked at first.
        newest.mark_changed();
        let watching =
            Watching { db, newest, closing: self.closing.subscribe(), version: since, end: Instant::now() + LONGEST, seat };
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header(("x-accel-buffering", "no"))
            .insert_header(("cross-origin-resource-policy", "same-origin"))
            .streaming(stream::unfold(Some(watching), next))
    }
}

/// A place among the open streams; gone with its stream.
struct Seat {
    live: Arc<Live>,
    pass: PassId,
    /// Is woken when a younger stream takes the place.
    displaced: Arc<Notify>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.live.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.pass) {
            own.retain(|other| !Arc::ptr_eq(other, &self.displaced));
            if own.is_empty() {
                open.remove(&self.pass);
            }
        }
    }
}

struct Watching {
    db: Arc<dyn Db>,
    newest: watch::Receiver<i64>,
    closing: watch::Receiver<bool>,
    version: i64,
    end: Instant,
    seat: Seat,
}

type Sent = Option<(Result<Bytes, actix_web::Error>, Option<Watching>)>;

/// The next piece of a stream: a change, a heartbeat, or its end.
async fn next(state: Option<Watching>) -> Sent {
    let mut state = state?;
    loop {
        let waited = tokio::select! {
            biased;
            _ = state.closing.wait_for(|closing| *closing) => return None,
            () = tokio::time::sleep_until(state.end) => return None,
            () = state.seat.displaced.notified() => return Some((Ok(Bytes::from_static(COME_BACK_LATER)), None)),
            changed = state.newest.changed() => changed.map(|()| Woken::Numbered).ok()?,
            () = tokio::time::sleep(HEARTBEAT) => Woken::Silence,
        };
        if let Woken::Silence = waited {
            return Some((Ok(Bytes::from_static(b": here\n\n")), Some(state)));
        }
        tokio::time::sleep(GATHER).await;
        state.newest.mark_unchanged();
        match state.db.pass(state.seat.pass).await {
            Ok(Some(pass)) if pass.state == PassState::Voided => {
                return Some((Ok(Bytes::from_static(b"event: gone\ndata: -\n\n")), None));
            }
            Ok(Some(pass)) if pass.version != state.version => {
                state.version = pass.version;
                return Some((Ok(Bytes::from(format!("event: change\ndata: {}\n\n", pass.version))), Some(state)));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "an open page could not be told of changes"),
        }
    }
}

enum Woken {
    Numbered,
    Silence,
}
