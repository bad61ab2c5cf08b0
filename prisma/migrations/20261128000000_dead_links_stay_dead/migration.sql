-- A link is bound to the address and to whether the account is active. Were these put back within its life, it would live
-- again, so a change of either raises the epoch as well, whoever makes it. It runs with the rights of the role that
-- migrates: whoever owns the table of accounts need know nothing of ours. Not so the password: links that may be used
-- more than once outlive a reset.
CREATE FUNCTION "rekey_kill_links"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  -- Compared here and not in the trigger, which would keep the owner of the table from altering the two columns.
  IF OLD."email" IS DISTINCT FROM NEW."email" OR OLD."is_active" IS DISTINCT FROM NEW."is_active" THEN
    INSERT INTO "rekey_recovery" AS r ("account_id", "links_epoch") VALUES (NEW."id", 1)
    ON CONFLICT ("account_id") DO UPDATE SET "links_epoch" = r."links_epoch" + 1;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "rekey_kill_links" AFTER UPDATE ON "users" FOR EACH ROW EXECUTE FUNCTION "rekey_kill_links"();

-- The caller must not decide which tables it means (as for "rekey_purge_audit").
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION "rekey_kill_links"() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;
