-- Versions of documents never change, as entries don't: what was in force when is evidence.
CREATE TRIGGER documents_update BEFORE UPDATE ON documents BEGIN SELECT raise(ABORT, 'documents are immutable'); END;
CREATE TRIGGER documents_delete BEFORE DELETE ON documents BEGIN SELECT raise(ABORT, 'documents are immutable'); END;

-- Live and typed codes that ended without a capture are forgotten some time after they ran out; this finds them.
CREATE INDEX tokens_over ON tokens (expires_at) WHERE kind IN ('live', 'typed') AND state NOT IN ('issued', 'captured');
