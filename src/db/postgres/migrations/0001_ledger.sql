-- The schema, the same tables as on SQLite. Portable types only: integers of 64 bits (points, minor units, Unix milliseconds), text,
-- sixteen-byte ids and hashes as bytea, JSON text. The organisation leads every primary key; foreign keys are composite, so that a row
-- can't point into another organisation. Nothing in a sale's transaction is shared by unrelated sales: what all sales would write
-- (numbers, sums) is written by the sequencer or not kept at all.

-- One row: the ledger's epoch, one more after each restore.
CREATE TABLE bookkeeping (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch BIGINT NOT NULL,
    health BIGINT NOT NULL               -- written by health checks
);
INSERT INTO bookkeeping VALUES (1, 1, 0);

-- One row, which only the sequencer writes: the newest seq of any pass.
CREATE TABLE sequencer (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_seq BIGINT NOT NULL
);
INSERT INTO sequencer VALUES (1, 0);

CREATE TABLE documents (
    org BYTEA NOT NULL,
    kind TEXT NOT NULL,
    id BYTEA NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (org, kind, id, version)
);
-- Keys, terminals and programmes are asked for by their id alone.
CREATE UNIQUE INDEX documents_id ON documents (kind, id, version);

CREATE TABLE members (
    org BYTEA NOT NULL,
    id BYTEA NOT NULL,
    language TEXT NOT NULL,
    data_key BYTEA,
    profile BYTEA,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    CHECK ((data_key IS NULL) = (profile IS NULL))
);

CREATE TABLE identities (
    org BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    member BYTEA NOT NULL,
    PRIMARY KEY (org, hash),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
);
CREATE INDEX identities_member ON identities (org, member);

CREATE TABLE cards (
    org BYTEA NOT NULL,
    id BYTEA NOT NULL,
    programme BYTEA NOT NULL,
    member BYTEA NOT NULL,
    number TEXT NOT NULL,
    held BIGINT NOT NULL CHECK (held >= 0),
    debt BIGINT NOT NULL CHECK (debt >= 0),
    pass BYTEA NOT NULL,
    code_generation BIGINT NOT NULL,
    open_vouchers BIGINT NOT NULL CHECK (open_vouchers >= 0),
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    verified BOOLEAN NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX cards_member ON cards (org, member, programme);
CREATE UNIQUE INDEX cards_number ON cards (org, number);
-- The sweep looks for those who never came back.
CREATE INDEX cards_unverified ON cards (created_at) WHERE NOT verified AND active;

CREATE TABLE lots (
    org BYTEA NOT NULL,
    card BYTEA NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    expires_on TEXT,
    available_from TEXT,
    available BIGINT NOT NULL CHECK (available >= 0),
    held BIGINT NOT NULL CHECK (held >= 0),
    PRIMARY KEY (org, card, number),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
) WITH (fillfactor = 80);

CREATE TABLE passes (
    org BYTEA NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    card BYTEA NOT NULL,
    programme BYTEA NOT NULL,
    voucher BYTEA,
    auth_kid SMALLINT NOT NULL,
    kid SMALLINT NOT NULL,
    generation BIGINT NOT NULL,
    link_generation BIGINT NOT NULL,
    version BIGINT NOT NULL,
    last_modified BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    state TEXT NOT NULL,
    document_version BIGINT NOT NULL,
    change_kind TEXT NOT NULL,
    change_points BIGINT NOT NULL,
    change_at BIGINT NOT NULL,
    fetched_version BIGINT NOT NULL DEFAULT 0,
    fetched_at BIGINT,
    on_google BOOLEAN NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
) WITH (fillfactor = 80);
-- A serial number is unique over all organisations: a phone knows nothing else.
CREATE UNIQUE INDEX passes_id ON passes (id);
CREATE INDEX passes_document ON passes (org, programme, document_version) WHERE state = 'active';

CREATE TABLE vouchers (
    org BYTEA NOT NULL,
    id BYTEA NOT NULL,
    card BYTEA NOT NULL,
    programme BYTEA NOT NULL,
    pass BYTEA NOT NULL,
    reward TEXT NOT NULL,
    points BIGINT NOT NULL CHECK (points > 0),
    state TEXT NOT NULL,
    token BYTEA NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT,
    programme_version BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
);
CREATE INDEX vouchers_card ON vouchers (org, card, issued_at);

-- U3: the hash of a token is unique.
CREATE TABLE tokens (
    org BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    kid SMALLINT NOT NULL,
    kind TEXT NOT NULL,
    generation BIGINT NOT NULL,
    card BYTEA NOT NULL,
    pass BYTEA,
    voucher BYTEA,
    state TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT,
    captured_by BYTEA,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (org, hash),
    FOREIGN KEY (org, card) REFERENCES cards (org, id),
    CHECK ((state = 'captured') = (captured_by IS NOT NULL))
);
CREATE INDEX tokens_open ON tokens (org, card) WHERE state = 'issued';
CREATE INDEX tokens_expiry ON tokens (expires_at) WHERE state = 'issued' AND expires_at IS NOT NULL;
-- Live and typed codes that ended without a capture are forgotten some time after they ran out; this finds them.
CREATE INDEX tokens_over ON tokens (expires_at) WHERE kind IN ('live', 'typed') AND state NOT IN ('issued', 'captured');

CREATE TABLE redemptions (
    org BYTEA NOT NULL,
    id BYTEA NOT NULL,
    card BYTEA NOT NULL,
    programme BYTEA NOT NULL,
    token BYTEA NOT NULL,
    voucher BYTEA,
    lines TEXT NOT NULL,
    points BIGINT NOT NULL CHECK (points > 0),
    place TEXT NOT NULL,
    receipt TEXT,
    principal TEXT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
);
-- A token is captured once, even if its state were not looked at.
CREATE UNIQUE INDEX redemptions_token ON redemptions (org, token);

CREATE TABLE earnings (
    org BYTEA NOT NULL,
    id BYTEA NOT NULL,
    programme BYTEA NOT NULL,
    card BYTEA NOT NULL,
    store BYTEA,
    place TEXT NOT NULL,
    receipt TEXT NOT NULL,
    total BIGINT NOT NULL CHECK (total >= 0),
    currency TEXT NOT NULL,
    returned BIGINT NOT NULL CHECK (returned BETWEEN 0 AND total),
    points BIGINT NOT NULL CHECK (points >= 0),
    returned_points BIGINT NOT NULL CHECK (returned_points BETWEEN 0 AND points),
    programme_version BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    lines TEXT,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
);
CREATE UNIQUE INDEX earnings_receipt ON earnings (org, programme, coalesce(store, ''::bytea), receipt);

-- U4: an operation has one outcome.
CREATE TABLE ops (
    org BYTEA NOT NULL,
    id BYTEA NOT NULL,
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER NOT NULL,
    answer BYTEA,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE UNIQUE INDEX ops_key ON ops (org, principal, key);
CREATE INDEX ops_answered ON ops (at) WHERE answer IS NOT NULL;

-- Positions are drawn while the card is locked: for each card they rise. Over all cards they are no commit order, and may have gaps:
-- what is not numbered yet stands in journal_unsealed, so that the sequencer misses nothing that commits late.
CREATE SEQUENCE journal_positions;
CREATE TABLE journal (
    position BIGINT PRIMARY KEY,
    org BYTEA NOT NULL,
    op BYTEA NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    passes BYTEA NOT NULL                -- sixteen bytes each
);
CREATE TABLE journal_unsealed (
    position BIGINT PRIMARY KEY
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- The seal of a journal row: its number and its place in the organisation's chain.
CREATE TABLE journal_seals (
    org BYTEA NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    position BIGINT NOT NULL REFERENCES journal (position),
    previous BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (org, number)
);
-- No row is numbered twice.
CREATE UNIQUE INDEX journal_seals_position ON journal_seals (position);

-- Postings, in the order of the journal rows that they belong to.
CREATE TABLE entries (
    org BYTEA NOT NULL,
    card BYTEA NOT NULL,
    position BIGINT NOT NULL,
    place BIGINT NOT NULL CHECK (place >= 0),
    op BYTEA NOT NULL,
    programme BYTEA NOT NULL,
    lot BIGINT NOT NULL,
    kind TEXT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    resolves_op BYTEA,
    resolves_place BIGINT,
    reverses_op BYTEA,
    reverses_place BIGINT,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, card, position, place),
    FOREIGN KEY (org, card) REFERENCES cards (org, id),
    CHECK (debit <> credit)
);
CREATE UNIQUE INDEX entries_op ON entries (org, op, place);
-- U1: a hold is resolved once. U2: a capture is reversed once.
CREATE UNIQUE INDEX entries_resolves ON entries (org, resolves_op, resolves_place) WHERE resolves_op IS NOT NULL;
CREATE UNIQUE INDEX entries_reverses ON entries (org, reverses_op, reverses_place) WHERE reverses_op IS NOT NULL;

-- What is evidence is never changed, whoever asks: entries, the journal, its seals, versions of documents.
CREATE FUNCTION immutable_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% are immutable', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER entries_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON entries EXECUTE FUNCTION immutable_row();
CREATE TRIGGER journal_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON journal EXECUTE FUNCTION immutable_row();
CREATE TRIGGER journal_seals_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_seals EXECUTE FUNCTION immutable_row();
CREATE TRIGGER documents_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON documents EXECUTE FUNCTION immutable_row();

CREATE TABLE counters (
    org BYTEA NOT NULL,
    card BYTEA NOT NULL,
    metric TEXT NOT NULL,
    day TEXT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (org, card, metric, day)
) WITH (fillfactor = 80);

-- U5: a rotating code is used for value once.
CREATE TABLE presence (
    org BYTEA NOT NULL,
    card BYTEA NOT NULL,
    totp_step BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, card, totp_step),
    FOREIGN KEY (org, card) REFERENCES cards (org, id)
);

CREATE TABLE registrations (
    org BYTEA NOT NULL,
    pass BYTEA NOT NULL,
    device TEXT NOT NULL,
    pass_type TEXT NOT NULL,
    push_token TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    pushed_at BIGINT,
    pushed_version BIGINT NOT NULL,
    listed_at BIGINT,
    PRIMARY KEY (org, pass, device),
    FOREIGN KEY (org, pass) REFERENCES passes (org, id)
);
CREATE INDEX registrations_device ON registrations (device, pass_type);
CREATE INDEX registrations_push_token ON registrations (push_token);

CREATE TABLE device_logs (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    org BYTEA,
    pass BYTEA,
    text TEXT NOT NULL
);

CREATE TABLE outbox (
    org BYTEA NOT NULL,
    pass BYTEA NOT NULL,
    channel TEXT NOT NULL,
    version BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    stage BIGINT NOT NULL,
    since BIGINT NOT NULL,
    last_error TEXT,
    ready_at BIGINT NOT NULL,            -- due_at, or the end of the lease while a worker has it
    leased BOOLEAN NOT NULL,
    PRIMARY KEY (org, pass, channel),
    FOREIGN KEY (org, pass) REFERENCES passes (org, id)
);
CREATE INDEX outbox_ready ON outbox (channel, ready_at);

CREATE TABLE dead_letters (
    org BYTEA NOT NULL,
    id BYTEA NOT NULL,
    pass BYTEA NOT NULL,
    channel TEXT NOT NULL,
    version BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    stage BIGINT NOT NULL,
    since BIGINT NOT NULL,
    last_error TEXT,
    died_at BIGINT NOT NULL,
    PRIMARY KEY (org, id)
);

-- Google Wallet: which passes are objects there, how each was last written, what was heard of it, which classes are there.
CREATE TABLE google_objects (
    org BYTEA NOT NULL,
    pass BYTEA NOT NULL,
    object TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    written_at BIGINT NOT NULL,
    notices TEXT NOT NULL,               -- JSON: when notices went out
    saved BOOLEAN,
    saved_at BIGINT,
    heard BIGINT NOT NULL DEFAULT 0,     -- the end of validity of the newest callback that was believed
    checked_at BIGINT,
    ask_at BIGINT NOT NULL,              -- when Google is to be asked again whether it is saved
    PRIMARY KEY (org, pass),
    FOREIGN KEY (org, pass) REFERENCES passes (org, id)
);
CREATE INDEX google_objects_ask ON google_objects (ask_at);

-- A nonce counts once, whichever organisation's address it comes to.
CREATE TABLE google_events (
    nonce TEXT NOT NULL PRIMARY KEY,
    org BYTEA NOT NULL,
    pass BYTEA,
    object TEXT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX google_events_at ON google_events (at);

CREATE TABLE google_classes (
    org BYTEA NOT NULL,
    class TEXT NOT NULL,
    digest BYTEA NOT NULL,
    written_at BIGINT NOT NULL,
    PRIMARY KEY (org, class)
);

-- Contacts that are to be proven: the one code of each member that has to.
CREATE TABLE verifications (
    org BYTEA NOT NULL,
    member BYTEA NOT NULL,
    number BIGINT NOT NULL,              -- counts the codes
    code BYTEA NOT NULL,                 -- the keyed hash of the newest
    made_at BIGINT NOT NULL,
    tries BIGINT NOT NULL CHECK (tries >= 0),
    sent TEXT NOT NULL,                  -- JSON: when codes were sent, of the last day
    claimed BOOLEAN NOT NULL,
    PRIMARY KEY (org, member),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
);
