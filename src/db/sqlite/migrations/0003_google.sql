-- Google Wallet: which passes are objects there, how each was last written, what was heard of it, which classes are there.

ALTER TABLE passes ADD COLUMN on_google INTEGER NOT NULL DEFAULT 0 CHECK (on_google IN (0, 1));

CREATE TABLE google_objects (
    org BLOB NOT NULL,
    pass BLOB NOT NULL,
    object TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest BLOB NOT NULL,
    written_at INTEGER NOT NULL,
    notices TEXT NOT NULL,               -- JSON: when notices went out
    saved INTEGER CHECK (saved IN (0, 1)),
    saved_at INTEGER,
    heard INTEGER NOT NULL DEFAULT 0,    -- the end of validity of the newest callback that was believed
    checked_at INTEGER,
    ask_at INTEGER NOT NULL,             -- when Google is to be asked again whether it is saved
    PRIMARY KEY (org, pass),
    FOREIGN KEY (org, pass) REFERENCES passes (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX google_objects_ask ON google_objects (ask_at);

-- A nonce counts once, whichever organisation's address it comes to.
CREATE TABLE google_events (
    nonce TEXT NOT NULL PRIMARY KEY,
    org BLOB NOT NULL,
    pass BLOB,
    object TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX google_events_at ON google_events (at);

CREATE TABLE google_classes (
    org BLOB NOT NULL,
    class TEXT NOT NULL,
    digest BLOB NOT NULL,
    written_at INTEGER NOT NULL,
    PRIMARY KEY (org, class)
) STRICT, WITHOUT ROWID;
