-- The database and its two users: run once, by the server's superuser, when the server is new. compose.cluster.yaml does that.
--
-- walaa_owner owns the tables and changes them (`walaa db migrate`); walaa serves, and can change no table: `walaa db migrate
-- --serving-user walaa` gives it the rights to rows.

-- Read from files, so that no password is in a command line or a log.
\set owner_password `cat /run/secrets/postgres-owner-password`
\set serving_password `cat /run/secrets/postgres-serving-password`

CREATE ROLE walaa_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE walaa LOGIN PASSWORD :'serving_password';

-- Sorted by bytes: an update of the system's C library then reorders no index.
CREATE DATABASE walaa OWNER walaa_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE ALL ON DATABASE walaa FROM PUBLIC;
GRANT CONNECT ON DATABASE walaa TO walaa;

\connect walaa
-- As PostgreSQL 15 and newer do by themselves.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO walaa_owner;
