//! The database trait and its backends. Only this module knows SQL.
