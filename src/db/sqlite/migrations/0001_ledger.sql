-- The first schema. Portable types only: integers of 64 bits (points, minor units, Unix milliseconds), text, sixteen-byte ids and
-- hashes as blobs, JSON text. The organisation leads every primary key; foreign keys are composite, so that a row can't point into
-- another organisation.

-- One row: what the database itself counts.
CREATE TABLE bookkeeping (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,              -- one more after each restore
    last_seq INTEGER NOT NULL,           -- the newest seq of any pass
    sealed_position INTEGER NOT NULL,    -- the newest journal row that is numbered
    health INTEGER NOT NULL              -- written by health checks
) STRICT;
INSERT INTO bookkeeping VALUES (1, 1, 0, 0, 0);

CREATE TABLE documents (
    org BLOB NOT NULL,
    kind TEXT NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (org, kind, id, version)
) STRICT;
-- Keys, terminals and programmes are asked for by their id alone.
CREATE UNIQUE INDEX documents_id ON documents (kind, id, version);

CREATE TABLE members (
    org BLOB NOT NULL,
    id BLOB NOT NULL,
    language TEXT NOT NULL,
    data_key BLOB,
    profile BLOB,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org, id),
    CHECK ((data_key IS NULL) = (profile IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE identities (
    org BLOB NOT NULL,
    hash BLOB NOT NULL,
    member BLOB NOT NULL,
    PRIMARY KEY (org, hash),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_member ON identities (org, member);

CREATE TABLE cards (
    org BLOB NOT NULL,
    id BLOB NOT NULL,
    programme BLOB NOT NULL,
    member BLOB NOT NULL,
    number TEXT NOT NULL,
    held INTEGER NOT NULL CHECK (held >= 0),
    debt INTEGER NOT NULL CHECK (debt >= 0),
    pass BLOB NOT NULL,
    code_generation INTEGER NOT NULL,
    open_vouchers INTEGER NOT NULL CHECK (open_vouchers >= 0),
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX cards_member ON cards (org, member, programme);
CREATE UNIQUE INDEX cards_number ON cards (org, number);

CREATE TABLE lots (
    org BLOB NOT NULL,
    card BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    expires_on TEXT,
    available_from TEXT,
    available INTEGER NOT NULL CHECK (available >= 0),
    held INTEGER NOT NULL CHECK (held >= 0),
    PRIMARY KEY (org, card, number),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE passes (
    org BLOB NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    card BLOB NOT NULL,
    programme BLOB NOT NULL,
    voucher BLOB,
    auth_kid INTEGER NOT NULL,
    kid INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    link_generation INTEGER NOT NULL,
    version INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    document_version INTEGER NOT NULL,
    change_kind TEXT NOT NULL,
    change_points INTEGER NOT NULL,
    change_at INTEGER NOT NULL,
    fetched_version INTEGER NOT NULL DEFAULT 0,
    fetched_at INTEGER,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
) STRICT, WITHOUT ROWID;
-- A serial number is unique over all organisations: a phone knows nothing else.
CREATE UNIQUE INDEX passes_id ON passes (id);
CREATE INDEX passes_document ON passes (org, programme, document_version) WHERE state = 'active';

CREATE TABLE vouchers (
    org BLOB NOT NULL,
    id BLOB NOT NULL,
    card BLOB NOT NULL,
    programme BLOB NOT NULL,
    pass BLOB NOT NULL,
    reward TEXT NOT NULL,
    points INTEGER NOT NULL CHECK (points > 0),
    state TEXT NOT NULL,
    token BLOB NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER,
    programme_version INTEGER NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX vouchers_card ON vouchers (org, card, issued_at);

-- U3: the hash of a token is unique.
CREATE TABLE tokens (
    org BLOB NOT NULL,
    hash BLOB NOT NULL,
    kid INTEGER NOT NULL,
    kind TEXT NOT NULL,
    generation INTEGER NOT NULL,
    card BLOB NOT NULL,
    pass BLOB,
    voucher BLOB,
    state TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER,
    captured_by BLOB,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (org, hash),
    FOREIGN KEY (org, card) REFERENCES cards (org, id),
    CHECK ((state = 'captured') = (captured_by IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_open ON tokens (org, card) WHERE state = 'issued';
CREATE INDEX tokens_expiry ON tokens (expires_at) WHERE state = 'issued' AND expires_at IS NOT NULL;

CREATE TABLE redemptions (
    org BLOB NOT NULL,
    id BLOB NOT NULL,
    card BLOB NOT NULL,
    programme BLOB NOT NULL,
    token BLOB NOT NULL,
    voucher BLOB,
    lines TEXT NOT NULL,
    points INTEGER NOT NULL CHECK (points > 0),
    place TEXT NOT NULL,
    receipt TEXT,
    principal TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
) STRICT, WITHOUT ROWID;
-- A token is captured once, even if its state were not looked at.
CREATE UNIQUE INDEX redemptions_token ON redemptions (org, token);

CREATE TABLE earnings (
    org BLOB NOT NULL,
    id BLOB NOT NULL,
    programme BLOB NOT NULL,
    card BLOB NOT NULL,
    store BLOB,
    place TEXT NOT NULL,
    receipt TEXT NOT NULL,
    total INTEGER NOT NULL CHECK (total >= 0),
    currency TEXT NOT NULL,
    returned INTEGER NOT NULL CHECK (returned BETWEEN 0 AND total),
    points INTEGER NOT NULL CHECK (points >= 0),
    returned_points INTEGER NOT NULL CHECK (returned_points BETWEEN 0 AND points),
    programme_version INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    lines TEXT,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX earnings_receipt ON earnings (org, programme, coalesce(store, x''), receipt);

-- U4: an operation has one outcome.
CREATE TABLE ops (
    org BLOB NOT NULL,
    id BLOB NOT NULL,
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER NOT NULL,
    answer BLOB,
    at INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ops_key ON ops (org, principal, key);
CREATE INDEX ops_answered ON ops (at) WHERE answer IS NOT NULL;

-- Commit order is the position: SQLite has one writer, so positions have no gap that could fill later.
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    org BLOB NOT NULL,
    op BLOB NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    passes BLOB NOT NULL                 -- sixteen bytes each
) STRICT;

-- The seal of a journal row: its number and its place in the organisation's chain.
CREATE TABLE journal_seals (
    org BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    position INTEGER NOT NULL REFERENCES journal (position),
    previous BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (org, number)
) STRICT, WITHOUT ROWID;

-- Postings, in the order of the journal rows that they belong to.
CREATE TABLE entries (
    org BLOB NOT NULL,
    card BLOB NOT NULL,
    position INTEGER NOT NULL,
    place INTEGER NOT NULL CHECK (place >= 0),
    op BLOB NOT NULL,
    programme BLOB NOT NULL,
    lot INTEGER NOT NULL,
    kind TEXT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    resolves_op BLOB,
    resolves_place INTEGER,
    reverses_op BLOB,
    reverses_place INTEGER,
    at INTEGER NOT NULL,
    PRIMARY KEY (org, card, position, place),
    FOREIGN KEY (org, card) REFERENCES cards (org, id),
    CHECK (debit <> credit)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entries_op ON entries (org, op, place);
-- U1: a hold is resolved once. U2: a capture is reversed once.
CREATE UNIQUE INDEX entries_resolves ON entries (org, resolves_op, resolves_place) WHERE resolves_op IS NOT NULL;
CREATE UNIQUE INDEX entries_reverses ON entries (org, reverses_op, reverses_place) WHERE reverses_op IS NOT NULL;

CREATE TRIGGER entries_update BEFORE UPDATE ON entries BEGIN SELECT raise(ABORT, 'entries are immutable'); END;
CREATE TRIGGER entries_delete BEFORE DELETE ON entries BEGIN SELECT raise(ABORT, 'entries are immutable'); END;
CREATE TRIGGER journal_update BEFORE UPDATE ON journal BEGIN SELECT raise(ABORT, 'the journal is immutable'); END;
CREATE TRIGGER journal_delete BEFORE DELETE ON journal BEGIN SELECT raise(ABORT, 'the journal is immutable'); END;
CREATE TRIGGER journal_seals_update BEFORE UPDATE ON journal_seals BEGIN SELECT raise(ABORT, 'the journal is immutable'); END;
CREATE TRIGGER journal_seals_delete BEFORE DELETE ON journal_seals BEGIN SELECT raise(ABORT, 'the journal is immutable'); END;

CREATE TABLE counters (
    org BLOB NOT NULL,
    card BLOB NOT NULL,
    metric TEXT NOT NULL,
    day TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (org, card, metric, day)
) STRICT, WITHOUT ROWID;

-- U5: a rotating code is used for value once.
CREATE TABLE presence (
    org BLOB NOT NULL,
    card BLOB NOT NULL,
    totp_step INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (org, card, totp_step),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE registrations (
    org BLOB NOT NULL,
    pass BLOB NOT NULL,
    device TEXT NOT NULL,
    pass_type TEXT NOT NULL,
    push_token TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    pushed_at INTEGER,
    pushed_version INTEGER NOT NULL,
    listed_at INTEGER,
    PRIMARY KEY (org, pass, device),
    FOREIGN KEY (org, pass) REFERENCES passes (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX registrations_device ON registrations (device, pass_type);
CREATE INDEX registrations_push_token ON registrations (push_token);

CREATE TABLE device_logs (
    position INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    org BLOB,
    pass BLOB,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE outbox (
    org BLOB NOT NULL,
    pass BLOB NOT NULL,
    channel TEXT NOT NULL,
    version INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    since INTEGER NOT NULL,
    last_error TEXT,
    ready_at INTEGER NOT NULL,           -- due_at, or the end of the lease while a worker has it
    leased INTEGER NOT NULL CHECK (leased IN (0, 1)),
    PRIMARY KEY (org, pass, channel),
    FOREIGN KEY (org, pass) REFERENCES passes (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_ready ON outbox (channel, ready_at);

CREATE TABLE dead_letters (
    org BLOB NOT NULL,
    id BLOB NOT NULL,
    pass BLOB NOT NULL,
    channel TEXT NOT NULL,
    version INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    since INTEGER NOT NULL,
    last_error TEXT,
    died_at INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
