-- Laravel 11 to 13's users, sessions and password reset tokens on PostgreSQL, as its first migration makes them, with
-- SoftDeletes; and Sanctum's tokens.
CREATE TABLE "users" (
  "id" bigserial NOT NULL PRIMARY KEY,
  "name" varchar(255) NOT NULL,
  "email" varchar(255) NOT NULL UNIQUE,
  "email_verified_at" timestamp(0) without time zone NULL,
  "password" varchar(255) NOT NULL,
  "remember_token" varchar(100) NULL,
  "created_at" timestamp(0) without time zone NULL,
  "updated_at" timestamp(0) without time zone NULL,
  "deleted_at" timestamp(0) without time zone NULL
);
CREATE TABLE "password_reset_tokens" (
  "email" varchar(255) NOT NULL PRIMARY KEY,
  "token" varchar(255) NOT NULL,
  "created_at" timestamp(0) without time zone NULL
);
CREATE TABLE "sessions" (
  "id" varchar(255) NOT NULL PRIMARY KEY,
  "user_id" bigint NULL,
  "ip_address" varchar(45) NULL,
  "user_agent" text NULL,
  "payload" text NOT NULL,
  "last_activity" integer NOT NULL
);
CREATE INDEX "sessions_user_id_index" ON "sessions" ("user_id");
CREATE INDEX "sessions_last_activity_index" ON "sessions" ("last_activity");
CREATE TABLE "personal_access_tokens" (
  "id" bigserial NOT NULL PRIMARY KEY,
  "tokenable_type" varchar(255) NOT NULL,
  "tokenable_id" bigint NOT NULL,
  "name" text NOT NULL,
  "token" varchar(64) NOT NULL UNIQUE,
  "abilities" text NULL,
  "last_used_at" timestamp(0) without time zone NULL,
  "expires_at" timestamp(0) without time zone NULL,
  "created_at" timestamp(0) without time zone NULL,
  "updated_at" timestamp(0) without time zone NULL
);
