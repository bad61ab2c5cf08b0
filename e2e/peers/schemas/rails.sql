-- Rails 8's users and sessions on PostgreSQL, as `rails generate authentication` makes them.
CREATE TABLE "users" (
  "id" bigserial PRIMARY KEY,
  "email_address" character varying NOT NULL,
  "password_digest" character varying NOT NULL,
  "created_at" timestamp(6) without time zone NOT NULL,
  "updated_at" timestamp(6) without time zone NOT NULL
);
CREATE UNIQUE INDEX "index_users_on_email_address" ON "users" ("email_address");
CREATE TABLE "sessions" (
  "id" bigserial PRIMARY KEY,
  "user_id" bigint NOT NULL REFERENCES "users" ("id"),
  "ip_address" character varying,
  "user_agent" character varying,
  "created_at" timestamp(6) without time zone NOT NULL,
  "updated_at" timestamp(6) without time zone NOT NULL
);
CREATE INDEX "index_sessions_on_user_id" ON "sessions" ("user_id");
