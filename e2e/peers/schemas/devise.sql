-- Devise 4's users on PostgreSQL, as `rails generate devise User` makes them, and a column of the app's own rule of which
-- accounts are active.
CREATE TABLE "users" (
  "id" bigserial PRIMARY KEY,
  "email" character varying DEFAULT '' NOT NULL,
  "encrypted_password" character varying DEFAULT '' NOT NULL,
  "reset_password_token" character varying,
  "reset_password_sent_at" timestamp(6) without time zone,
  "remember_created_at" timestamp(6) without time zone,
  "created_at" timestamp(6) without time zone NOT NULL,
  "updated_at" timestamp(6) without time zone NOT NULL,
  "deleted_at" timestamp(6) without time zone
);
CREATE UNIQUE INDEX "index_users_on_email" ON "users" ("email");
CREATE UNIQUE INDEX "index_users_on_reset_password_token" ON "users" ("reset_password_token");
