-- Contacts that are to be proven: which cards wait for it, and the one code of each member that does.

ALTER TABLE cards ADD COLUMN verified INTEGER NOT NULL DEFAULT 1 CHECK (verified IN (0, 1));

-- The sweep looks for those who never came back.
CREATE INDEX cards_unverified ON cards (created_at) WHERE verified = 0 AND active = 1;

CREATE TABLE verifications (
    org BLOB NOT NULL,
    member BLOB NOT NULL,
    number INTEGER NOT NULL,             -- counts the codes
    code BLOB NOT NULL,                  -- the keyed hash of the newest
    made_at INTEGER NOT NULL,
    tries INTEGER NOT NULL CHECK (tries >= 0),
    sent TEXT NOT NULL,                  -- JSON: when codes were sent, of the last day
    claimed INTEGER NOT NULL CHECK (claimed IN (0, 1)),
    PRIMARY KEY (org, member),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT, WITHOUT ROWID;
