//! How the ledger's types stand in SQLite: ids and hashes as blobs, words as text, instants as integers. What can't be read is an error.

use chrono::NaiveDate;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{Error, ErrorCode, Row};

use crate::clock::Timestamp;
use crate::db::{Channel, DbError};
use crate::ids::{CardId, DeadLetterId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, VoucherId};
use crate::ledger::{
    Account, ChangeKind, DocumentKind, EntryKind, OpKey, OpOutcome, PassKind, PassState, Principal, RedemptionState, TokenKind,
    TokenState, VoucherState,
};
use crate::money::Currency;

macro_rules! id_columns {
    ($($id:ident),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 16]>::column_result(value).map(Self)
            }
        }
    )*};
}

id_columns!(CardId, DeadLetterId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, VoucherId);

macro_rules! word_columns {
    ($($word:ident),*) => {$(
        impl ToSql for $word {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes())))
            }
        }

        impl FromSql for $word {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::from_word(value.as_str()?).ok_or(FromSqlError::InvalidType)
            }
        }
    )*};
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

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.millis())))
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

impl ToSql for Principal {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Text(self.to_string())))
    }
}

impl FromSql for Principal {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|_| FromSqlError::InvalidType)
    }
}

impl ToSql for OpKey {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes())))
    }
}

impl FromSql for OpKey {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for Currency {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes())))
    }
}

impl FromSql for Currency {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|_| FromSqlError::InvalidType)
    }
}

/// A calendar day as `2026-12-31`.
pub(super) struct Day(pub NaiveDate);

impl ToSql for Day {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Text(self.0.to_string())))
    }
}

impl FromSql for Day {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(|_| FromSqlError::InvalidType)
    }
}

/// Passes side by side in one blob.
pub(super) struct PassList(pub Vec<PassId>);

impl ToSql for PassList {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Blob(self.0.iter().flat_map(|pass| pass.0).collect())))
    }
}

impl FromSql for PassList {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let (ids, rest) = value.as_blob()?.as_chunks::<16>();
        if rest.is_empty() { Ok(Self(ids.iter().map(|id| PassId(*id)).collect())) } else { Err(FromSqlError::InvalidType) }
    }
}

/// A column that holds JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// The text of a JSON column.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("rows are plain data with text keys")
}

/// A limit as SQL has it.
pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl From<Error> for DbError {
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Conflict(what_conflicts(&error.to_string())),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            Some(_) => Self::Unavailable(error.to_string()),
            None => Self::Corrupt(error.to_string()),
        }
    }
}

/// The columns or the check that SQLite names, without its introduction.
fn what_conflicts(message: &str) -> String {
    message.split_once("failed: ").map_or(message, |(_, what)| what).to_owned()
}
