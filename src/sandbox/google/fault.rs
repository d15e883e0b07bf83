//! What goes wrong on purpose: answers of the API, answers of the token endpoint, callbacks.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ids::Ids;

/// Faults that may wait at once.
const MAX_FAULTS: usize = 100;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailKind {
    /// This status instead of the work: 401, 429, 500, 503.
    Status(u16),
    /// The connection ends before the work is done.
    CutBefore,
    /// The work is done and the connection ends before the answer.
    CutAfter,
    /// The work is done, and answered so much later.
    Late(Duration),
    /// No answer, ever; nothing is done.
    Hang,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FailTimes {
    /// The next so many requests.
    Next(u32),
    /// Each request with this probability (0 to 1), until cleared.
    Probability(f64),
}

/// Which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailWhere {
    /// The REST API and its batches; in a batch each part by itself (a status) or the whole (a connection).
    Api,
    /// `POST /token`.
    Token,
    /// `GET /gp/m/issuer/keys`.
    Keys,
}

/// A fault that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FailKind,
    /// How often.
    pub times: FailTimes,
    /// Which requests.
    pub place: FailWhere,
    /// `Retry-After`, in seconds, with a status.
    pub retry_after: Option<u32>,
}

/// What goes wrong with the next callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackFault {
    /// It is never sent.
    Lose,
    /// It is sent so many times more.
    Duplicate(u32),
    /// It waits until `release_callbacks` is called.
    Hold,
    /// It comes so late.
    Delay(Duration),
    /// It is not one of Google's.
    Forge(Forgery),
}

/// How a callback is forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// One letter of the signed message was changed.
    ChangedMessage,
    /// The intermediate key is signed by a root that nobody published.
    ForeignRoot,
    /// Signed for another issuer.
    OtherIssuer,
    /// `expTimeMillis` has passed.
    ExpiredMessage,
    /// The intermediate key's end has passed.
    ExpiredIntermediate,
    /// Signed as another of Google's senders.
    WrongSender,
    /// `protocolVersion` is another one.
    WrongProtocol,
}

/// The faults that wait, in the order in which they were asked for.
#[derive(Default)]
pub(super) struct Faults(VecDeque<Fault>);

impl Faults {
    /// Adds one; the oldest goes when there are too many.
    pub(super) fn add(&mut self, fault: Fault) {
        if self.0.len() == MAX_FAULTS {
            self.0.pop_front();
        }
        self.0.push_back(fault);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that befalls this request, if any. Parts of a batch have no connection of their own to lose.
    pub(super) fn strike(&mut self, place: FailWhere, reach: Reach, ids: &dyn Ids) -> Option<Fault> {
        for number in 0..self.0.len() {
            let fault = &mut self.0[number];
            let is_status = matches!(fault.kind, FailKind::Status(_));
            let reaches = match reach {
                Reach::Request => true,
                Reach::Batch => !is_status,
                Reach::Part => is_status,
            };
            if fault.place != place || !reaches {
                continue;
            }
            match &mut fault.times {
                FailTimes::Next(left) => {
                    *left = left.saturating_sub(1);
                    let struck = fault.clone();
                    if fault.times == FailTimes::Next(0) {
                        self.0.remove(number);
                    }
                    return Some(struck);
                }
                FailTimes::Probability(probability) => {
                    if chance(ids) < *probability {
                        return Some(fault.clone());
                    }
                }
            }
        }
        None
    }
}

/// What a fault can do to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anything.
    Request,
    /// It has many parts, and statuses are theirs.
    Batch,
    /// It is one of many on a connection.
    Part,
}

/// A number from 0 to 1.
fn chance(ids: &dyn Ids) -> f64 {
    let [a, b, c, d, ..] = ids.random();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SystemIds;

    #[test]
    fn a_fault_strikes_as_often_as_was_asked_and_only_where() {
        let mut faults = Faults::default();
        let fault = |kind, times| Fault { kind, times, place: FailWhere::Api, retry_after: None };
        faults.add(fault(FailKind::Status(500), FailTimes::Next(2)));
        assert!(faults.strike(FailWhere::Token, Reach::Request, &SystemIds).is_none());
        assert!(faults.strike(FailWhere::Api, Reach::Batch, &SystemIds).is_none());
        assert!(faults.strike(FailWhere::Api, Reach::Part, &SystemIds).is_some());
        assert!(faults.strike(FailWhere::Api, Reach::Request, &SystemIds).is_some());
        assert!(faults.strike(FailWhere::Api, Reach::Request, &SystemIds).is_none());
        faults.add(fault(FailKind::Hang, FailTimes::Probability(0.5)));
        let struck = (0..1_000).filter(|_| faults.strike(FailWhere::Api, Reach::Request, &SystemIds).is_some()).count();
        assert!((350..650).contains(&struck), "{struck}");
    }
}
