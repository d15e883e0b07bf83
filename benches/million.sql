-- Cards as enrolments leave them, for the bench of the start: each with a member, a lot, a pass and an issued token.
BEGIN;
CREATE TEMP TABLE numbers AS
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {cards}) SELECT n FROM counted;
INSERT INTO members SELECT zeroblob(16), CAST(printf('%016d', n) AS BLOB), 'en', zeroblob(61), zeroblob(60), 1, 1790000000000 FROM numbers;
INSERT INTO cards SELECT zeroblob(16), CAST(printf('%016d', n) AS BLOB), zeroblob(16), CAST(printf('%016d', n) AS BLOB),
    printf('%010d', n), 0, 0, CAST(printf('%016d', n) AS BLOB), 0, 0, 1, 1790000000000, 1 FROM numbers;
INSERT INTO lots SELECT zeroblob(16), CAST(printf('%016d', n) AS BLOB), 1, NULL, NULL, 100, 0 FROM numbers;
INSERT INTO passes (org, id, kind, card, programme, voucher, auth_kid, kid, generation, link_generation, version, last_modified, seq, state,
    document_version, change_kind, change_points, change_at)
    SELECT zeroblob(16), CAST(printf('%016d', n) AS BLOB), 'card', CAST(printf('%016d', n) AS BLOB), zeroblob(16), NULL, 1, 1, 1, 1, 1,
    1790000000, n, 'active', 1, 'joined', 0, 1790000000000 FROM numbers;
INSERT INTO tokens SELECT zeroblob(16), CAST(printf('%032d', n) AS BLOB), 1, 'card', 1, CAST(printf('%016d', n) AS BLOB),
    CAST(printf('%016d', n) AS BLOB), NULL, 'issued', 1790000000000, NULL, NULL, 1 FROM numbers;
COMMIT;
