//! How the ledger's types stand in PostgreSQL: ids and hashes as bytea, words as text, instants as bigint. What can't be read is an error.

use bytes::BytesMut;
use chrono::NaiveDate;
use tokio_postgres::Row;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::clock::Timestamp;
use crate::db::{Channel, DbError};
use crate::ids::{CardId, DeadLetterId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, VoucherId};
use crate::ledger::{
    Account, ChangeKind, DocumentKind, EntryKind, OpKey, OpOutcome, PassKind, PassState, Principal, RedemptionState, TokenKind,
    TokenState, VoucherState,
};
use crate::money::Currency;

type Failure = Box<dyn std::error::Error + Sync + Send>;

/// A parameter of a statement.
pub(super) type Param<'a> = &'a (dyn ToSql + Sync);

macro_rules! id_columns {
    ($($id:ident),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
                self.0.as_slice().to_sql(kind, out)
            }

            accepts!(BYTEA);
            to_sql_checked!();
        }

        impl<'a> FromSql<'a> for $id {
            fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
                Ok(Self(<&[u8]>::from_sql(kind, raw)?.try_into()?))
            }

            accepts!(BYTEA);
        }
    )*};
}

id_columns!(CardId, DeadLetterId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, VoucherId);

macro_rules! text_columns {
    ($($text:ty: $write:expr, $read:expr;)*) => {$(
        impl ToSql for $text {
            fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
                let write: fn(&$text) -> _ = $write;
                write(self).to_sql(kind, out)
            }

            accepts!(TEXT);
            to_sql_checked!();
        }

        impl<'a> FromSql<'a> for $text {
            fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
                let text = <&str>::from_sql(kind, raw)?;
                let read: fn(&str) -> Option<$text> = $read;
                read(text).ok_or_else(|| format!("{text:?} is no {}", stringify!($text)).into())
            }

            accepts!(TEXT);
        }
    )*};
}

macro_rules! word_columns {
    ($($word:ident),*) => { text_columns! { $($word: |word| word.as_str(), |text| $word::from_word(text);)* } };
}

word_columns!(
    Account,
    ChangeKind,
    Channel,
    DocumentKind,
    EntryKind,
    OpOutcome,
    PassKind,
    PassState,
    RedemptionState,
    TokenKind,
    TokenState,
    VoucherState
);

text_columns! {
    Principal: |principal| principal.to_string(), |text| text.parse().ok();
    OpKey: |key| key.as_str().to_owned(), |text| OpKey::parse(text);
    Currency: |currency| currency.as_str().to_owned(), |text| text.parse().ok();
    Day: |day| day.0.to_string(), |text| text.parse().ok().map(Day);
}

impl ToSql for Timestamp {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        self.millis().to_sql(kind, out)
    }

    accepts!(INT8);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        i64::from_sql(kind, raw).map(Self::from_millis)
    }

    accepts!(INT8);
}

/// A calendar day as `2026-12-31`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day(pub NaiveDate);

/// Passes side by side in one bytea.
pub(super) fn pass_list(passes: &[PassId]) -> Vec<u8> {
    passes.iter().flat_map(|pass| pass.0).collect()
}

/// Reads what [`pass_list`] wrote.
pub(super) fn passes(row: &Row, column: usize) -> Result<Vec<PassId>, DbError> {
    let bytes: &[u8] = row.try_get(column)?;
    let (ids, rest) = bytes.as_chunks::<16>();
    if rest.is_empty() { Ok(ids.iter().map(|id| PassId(*id)).collect()) } else { Err(unreadable("a list of passes")) }
}

/// Sixteen bytes that are no particular id.
pub(super) fn raw_id(row: &Row, column: usize) -> Result<[u8; 16], DbError> {
    row.try_get::<_, &[u8]>(column)?.try_into().map_err(|_| unreadable("an id"))
}

/// The thirty-two bytes of a hash.
pub(super) fn hash(row: &Row, column: usize) -> Result<[u8; 32], DbError> {
    row.try_get::<_, &[u8]>(column)?.try_into().map_err(|_| unreadable("a hash"))
}

/// A key's number.
pub(super) fn kid(row: &Row, column: usize) -> Result<u8, DbError> {
    u8::try_from(row.try_get::<_, i16>(column)?).map_err(|_| unreadable("the number of a key"))
}

/// A column that holds JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row, column: usize) -> Result<T, DbError> {
    serde_json::from_str(row.try_get(column)?).map_err(|error| DbError::Corrupt(error.to_string()))
}

/// The text of a JSON column.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("rows are plain data with text keys")
}

/// A limit as SQL has it.
pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn unreadable(what: &str) -> DbError {
    DbError::Corrupt(format!("{what} has another length"))
}

/// What went wrong in a transaction: what the server or the connection said, or what was read.
#[derive(Debug)]
pub(super) enum Fault {
    Server(tokio_postgres::Error),
    Read(DbError),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<DbError> for Fault {
    fn from(error: DbError) -> Self {
        Self::Read(error)
    }
}

impl From<Fault> for DbError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Server(error) => error.into(),
            Fault::Read(error) => error,
        }
    }
}

impl Fault {
    /// Whether the server says that this transaction is undone, and goes on serving: not when the connection broke or the server stops.
    pub fn is_undone(&self) -> bool {
        match self {
            Self::Server(error) => error.as_db_error().is_some_and(|refused| refused.parsed_severity() == Some(Severity::Error)),
            Self::Read(error) => !matches!(error, DbError::Unavailable(_)),
        }
    }

    /// Whether another transaction caused it: doing the same once more, alone, succeeds.
    pub fn is_in_the_way(&self) -> bool {
        self.is_one_of(&[&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED])
    }

    /// Whether a lock was waited for in vain.
    pub fn is_locked_out(&self) -> bool {
        self.is_one_of(&[&SqlState::LOCK_NOT_AVAILABLE])
    }

    fn is_one_of(&self, codes: &[&SqlState]) -> bool {
        matches!(self, Self::Server(error) if error.code().is_some_and(|code| codes.contains(&code)))
    }
}

/// How the driver's errors begin that are about a value, not about the way to the server; it tells them apart in no other way.
const UNREADABLE: &[&str] = &["error deserializing column", "error serializing parameter", "invalid column"];

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(refused) = error.as_db_error() else {
            let text = words(&error);
            let ours = UNREADABLE.iter().any(|start| text.starts_with(start));
            return if ours { Self::Corrupt(text) } else { Self::Unavailable(text) };
        };
        let state = refused.code();
        match &state.code()[..2] {
            "23" => Self::Conflict(refused.constraint().unwrap_or(refused.message()).to_owned()),
            "22" | "42" | "XX" => Self::Corrupt(refused.message().to_owned()),
            _ => Self::Unavailable(refused.message().to_owned()),
        }
    }
}

/// The error and what caused it: the outer one alone says "db error".
fn words(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
