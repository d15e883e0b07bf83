-- A capture with the very rows that the gateway writes, of the same sizes, each by a statement of its own; nothing is read or decided
-- but by the conditions.
\set n :n + 1
\set card :client_id + :clients * (:n % :cards_per_client)
\set generation :n / :cards_per_client + 1
BEGIN;
INSERT INTO ops (org, id, principal, key, fingerprint, kind, outcome, status, answer, at)
    VALUES ({org}, {op}, {principal}, {key}, {fingerprint}, 'capture', 'done', 201, {answer}, {now});
UPDATE tokens SET state = 'captured', captured_by = {op} WHERE org = {org} AND hash = {token} AND state = 'issued';
UPDATE lots SET available = available - 60 WHERE org = {org} AND card = {card} AND number = 1 AND available >= 60;
UPDATE passes SET generation = :generation + 1, version = version + 1, last_modified = {now} / 1000, change_kind = 'redeemed',
    change_points = -60, change_at = {now} WHERE org = {org} AND id = {pass} AND state = 'active';
INSERT INTO tokens (org, hash, kid, kind, generation, card, pass, state, issued_at, epoch)
    VALUES ({org}, {next_token}, 1, 'card', :generation + 1, {card}, {pass}, 'issued', {now}, 1);
INSERT INTO redemptions (org, id, card, programme, token, lines, points, place, receipt, principal, at, state)
    VALUES ({org}, {op}, {card}, {programme}, {token}, {lines}, 60, {place}, 'R-123456', {principal}, {now}, 'captured');
INSERT INTO journal (position, org, op, kind, actor, at, body, passes)
    VALUES (nextval('journal_positions'), {org}, {op}, 'capture', {principal}, {now}, {body}, {pass});
INSERT INTO journal_unsealed (position) VALUES (currval('journal_positions'));
INSERT INTO entries (org, card, position, place, op, programme, lot, kind, debit, credit, amount, at)
    VALUES ({org}, {card}, currval('journal_positions'), 0, {op}, {programme}, 1, 'capture', 'available', 'redeemed', 60, {now});
INSERT INTO counters AS t (org, card, metric, day, value) VALUES ({org}, {card}, 'redemptions', '2026-03-01', 1)
    ON CONFLICT (org, card, metric, day) DO UPDATE SET value = t.value + excluded.value;
COMMIT;
