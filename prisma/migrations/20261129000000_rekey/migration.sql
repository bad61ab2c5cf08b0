-- Rekey's own tables. `npm run migrate` puts DATABASE_SCHEMA in the place of "rekey"; every name is qualified, so that
-- nothing depends on anybody's search_path.

-- What Rekey knows about an account, by the account's id as text. There is no foreign key: the table of accounts may
-- belong to another application. A row that nothing changed for eight days is purged; no link lives so long.
CREATE TABLE "rekey"."recovery" (
  -- The users table that the id is of, such as 'public.auth_user'; empty for Rekey's own. Two tables may have the same ids.
  "users_table" TEXT NOT NULL DEFAULT '',
  "account_id" TEXT NOT NULL,
  "links_epoch" INTEGER NOT NULL DEFAULT 0,
  "emails_paused_until" TIMESTAMPTZ(3),
  -- When Rekey last replaced the password: few users tables keep that.
  "password_changed_at" TIMESTAMPTZ(3),
  -- The account's reserved emails: the jobs that hold a reservation and when each was made, in step. Arrays on one row,
  -- because one statement must count and reserve, and the row's lock keeps parallel reservations apart.
  "email_jobs" UUID[] NOT NULL DEFAULT '{}',
  "email_times" TIMESTAMPTZ(3)[] NOT NULL DEFAULT '{}',
  "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  CONSTRAINT "recovery_pkey" PRIMARY KEY ("users_table", "account_id")
);

-- What rate-limiter-flexible counts, in the columns that it expects. Keys are MACs and addresses, never what was typed.
CREATE TABLE "rekey"."limits" (
  "key" VARCHAR(255) NOT NULL,
  "points" INTEGER NOT NULL DEFAULT 0,
  "expire" BIGINT,
  CONSTRAINT "limits_pkey" PRIMARY KEY ("key")
);

CREATE INDEX "limits_expire_idx" ON "rekey"."limits" ("expire");

CREATE TABLE "rekey"."audit" (
  "id" BIGINT GENERATED ALWAYS AS IDENTITY,
  "at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "event" TEXT NOT NULL,
  "users_table" TEXT NOT NULL DEFAULT '',
  "account_id" TEXT,
  "request_id" TEXT,
  "client" TEXT,
  "reason" TEXT,
  CONSTRAINT "audit_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "audit_account_id_at_idx" ON "rekey"."audit" ("account_id", "at");
CREATE INDEX "audit_at_idx" ON "rekey"."audit" ("at");

-- The app only ever adds entries. Where it runs as the owner of the tables, privileges do not stop it; this does.
CREATE FUNCTION "rekey"."audit_is_append_only"() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF current_setting('rekey.purging', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER "audit_append_only" BEFORE UPDATE OR DELETE ON "rekey"."audit"
  FOR EACH ROW EXECUTE FUNCTION "rekey"."audit_is_append_only"();
CREATE TRIGGER "audit_never_truncated" BEFORE TRUNCATE ON "rekey"."audit"
  FOR EACH STATEMENT EXECUTE FUNCTION "rekey"."audit_is_append_only"();

-- Enforces the retention of the audit log with the rights of the role that migrates. It never deletes what is younger
-- than a week, so that it cannot be used to remove a trail. The caller must not decide which tables it means: every name is
-- qualified, and temporary tables come last (PostgreSQL, "Writing SECURITY DEFINER Functions Safely").
CREATE FUNCTION "rekey"."purge_audit"("retention" INTERVAL) RETURNS BIGINT LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  purged BIGINT;
BEGIN
  PERFORM set_config('rekey.purging', 'on', true);
  DELETE FROM "rekey"."audit" WHERE "at" < now() - GREATEST("retention", INTERVAL '168 hours');
  GET DIAGNOSTICS purged = ROW_COUNT;
  PERFORM set_config('rekey.purging', 'off', true);
  RETURN purged;
END $$;

REVOKE EXECUTE ON FUNCTION "rekey"."purge_audit"(INTERVAL) FROM PUBLIC;

-- Whether emails leave, as the workers see it: one row for the installation.
CREATE TABLE "rekey"."mail_state" (
  "id" BOOLEAN NOT NULL DEFAULT true,
  "worker_seen_at" TIMESTAMPTZ(3),
  "accepted_at" TIMESTAMPTZ(3),
  "failed_at" TIMESTAMPTZ(3),
  "failing_since" TIMESTAMPTZ(3),
  "cause" TEXT,
  "reason" TEXT,
  "reported_at" TIMESTAMPTZ(3),
  CONSTRAINT "mail_state_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "mail_state_one_row" CHECK ("id")
);

INSERT INTO "rekey"."mail_state" DEFAULT VALUES;

-- Mappings of a users table with which a password was verified against a hash that the table's own product had made.
CREATE TABLE "rekey"."proven_mapping" (
  "fingerprint" TEXT NOT NULL,
  "proven_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  CONSTRAINT "proven_mapping_pkey" PRIMARY KEY ("fingerprint")
);
