-- A capture as a gateway written by hand would do it with as few statements as it can: the code of a pass is a counter in its row.
\set n :n + 1
\set card :client_id + :clients * (:n % :cards_per_client)
\set generation :n / :cards_per_client + 1
BEGIN;
INSERT INTO ops (org, id, principal, key, fingerprint, kind, outcome, status, answer, at)
    VALUES ({org}, {op}, {principal}, {key}, {fingerprint}, 'capture', 'done', 201, {answer}, {now});
UPDATE tokens SET generation = generation + 1 WHERE org = {org} AND hash = {first_token} AND generation = :generation AND state = 'issued';
UPDATE lots SET available = available - 60 WHERE org = {org} AND card = {card} AND number = 1 AND available >= 60;
UPDATE cards SET code_generation = code_generation + 1 WHERE org = {org} AND id = {card} AND active;
INSERT INTO journal (position, org, op, kind, actor, at, body, passes)
    VALUES (nextval('journal_positions'), {org}, {op}, 'capture', {principal}, {now}, {body}, {pass});
INSERT INTO entries (org, card, position, place, op, programme, lot, kind, debit, credit, amount, at) VALUES
    ({org}, {card}, currval('journal_positions'), 0, {op}, {programme}, 1, 'capture', 'available', 'held', 60, {now}),
    ({org}, {card}, currval('journal_positions'), 1, {op}, {programme}, 1, 'capture', 'held', 'redeemed', 60, {now});
COMMIT;
