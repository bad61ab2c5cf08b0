-- A table of no product that is known, which PHP's own functions sign in to. Its names are the example of docs/users-tables.md.
CREATE TABLE "people" (
  "person_id" bigserial PRIMARY KEY,
  "mail" varchar(200) NOT NULL UNIQUE,
  "state" char(1) NOT NULL DEFAULT 'Y',
  "pw" text,
  "changed_at" timestamptz
);
CREATE TABLE "logins" (
  "person_id" bigint NOT NULL REFERENCES "people" ("person_id"),
  "agent" text PRIMARY KEY
);
