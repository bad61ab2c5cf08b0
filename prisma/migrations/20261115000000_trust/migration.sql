-- Letters to an account: the jobs that hold a slot and when each was claimed, in step. Arrays on the account's own row,
-- because one statement must count and claim, and the row's lock keeps parallel claims apart.
ALTER TABLE "rekey_recovery" ADD COLUMN "letter_jobs" UUID[] NOT NULL DEFAULT '{}';
ALTER TABLE "rekey_recovery" ADD COLUMN "letter_times" TIMESTAMPTZ(3)[] NOT NULL DEFAULT '{}';

-- What rate-limiter-flexible counts, in the columns that it expects. Keys are MACs and addresses, never what was typed.
CREATE TABLE "rekey_limits" (
  "key" VARCHAR(255) NOT NULL,
  "points" INTEGER NOT NULL DEFAULT 0,
  "expire" BIGINT,
  CONSTRAINT "rekey_limits_pkey" PRIMARY KEY ("key")
);

CREATE INDEX "rekey_limits_expire_idx" ON "rekey_limits" ("expire");

CREATE TABLE "rekey_audit" (
  "id" BIGINT GENERATED ALWAYS AS IDENTITY,
  "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "event" TEXT NOT NULL,
  "account_id" UUID,
  "request_id" TEXT,
  "client" TEXT,
  "reason" TEXT,
  CONSTRAINT "rekey_audit_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "rekey_audit_account_id_id_idx" ON "rekey_audit" ("account_id", "id");
CREATE INDEX "rekey_audit_at_idx" ON "rekey_audit" ("at");

-- The app only ever adds entries. Where it runs as the owner of the tables, privileges do not hold it back; this does.
CREATE FUNCTION "rekey_audit_is_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('rekey.purging', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'rekey_audit is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER "rekey_audit_append_only" BEFORE UPDATE OR DELETE ON "rekey_audit"
  FOR EACH ROW EXECUTE FUNCTION "rekey_audit_is_append_only"();
CREATE TRIGGER "rekey_audit_never_truncated" BEFORE TRUNCATE ON "rekey_audit"
  FOR EACH STATEMENT EXECUTE FUNCTION "rekey_audit_is_append_only"();

-- Enforces the retention of the audit log with the rights of the role that migrates, whoever calls it. Never takes what
-- is younger than a week, so that it is no way to wipe a trail.
CREATE FUNCTION "rekey_purge_audit"("retention" INTERVAL) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  purged BIGINT;
BEGIN
  PERFORM set_config('rekey.purging', 'on', true);
  DELETE FROM "rekey_audit" WHERE "at" < now() - GREATEST("retention", INTERVAL '7 days');
  GET DIAGNOSTICS purged = ROW_COUNT;
  PERFORM set_config('rekey.purging', 'off', true);
  RETURN purged;
END $$;

REVOKE EXECUTE ON FUNCTION "rekey_purge_audit"(INTERVAL) FROM PUBLIC;
