-- Rekey's own table of accounts, for a team that has none.

CREATE TABLE "rekey"."users" (
  "id" UUID NOT NULL,
  "username" TEXT NOT NULL,
  "email" TEXT NOT NULL DEFAULT '',
  "first_name" TEXT NOT NULL DEFAULT '',
  "last_name" TEXT NOT NULL DEFAULT '',
  "password" TEXT,
  "is_active" BOOLEAN NOT NULL DEFAULT true,
  "locale" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "password_changed_at" TIMESTAMPTZ(3),
  CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "users_username_key" ON "rekey"."users" ("username");

-- Addresses are looked up in this form: folded in ASCII only, so that no Unicode folding can name another mailbox. Of many
-- accounts with one address a look-up reads the first in the order of this index, oldest first. Accounts that get no email
-- are not in it, so that however many there are, they come before none that does.
CREATE INDEX "users_email_folded_idx" ON "rekey"."users" (lower("email" COLLATE "C"), "id")
  WHERE "is_active" AND "password" <> '' AND (left("password", 1) = '!') IS NOT TRUE AND "email" <> '';

-- A link is bound to the address and to whether the account is active. If these were changed and put back within its life,
-- it would live again, so a change of either raises the epoch as well. The function runs with the rights of the role that
-- migrates: a role that changes accounts needs no rights on Rekey's other tables. The password is left out: links that may
-- be used more than once outlive a reset.
CREATE FUNCTION "rekey"."revoke_links"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- Compared here and not in the trigger, which would keep the owner of the table from altering the two columns.
  IF OLD."email" IS DISTINCT FROM NEW."email" OR OLD."is_active" IS DISTINCT FROM NEW."is_active" THEN
    INSERT INTO "rekey"."recovery" AS r ("account_id", "links_epoch") VALUES (NEW."id"::text, 1)
    ON CONFLICT ("users_table", "account_id") DO UPDATE SET "links_epoch" = r."links_epoch" + 1, "updated_at" = now();
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "revoke_links" AFTER UPDATE ON "rekey"."users"
  FOR EACH ROW EXECUTE FUNCTION "rekey"."revoke_links"();

-- Every role may execute a new function, and so make it the trigger of a table of its own: it would revoke links with the
-- rights of the role that migrates. A trigger fires without anybody's right to its function.
REVOKE EXECUTE ON FUNCTION "rekey"."revoke_links"() FROM PUBLIC;
