CREATE TABLE "users" (
  "id" UUID NOT NULL,
  "username" TEXT NOT NULL,
  "email" TEXT NOT NULL DEFAULT '',
  "first_name" TEXT NOT NULL DEFAULT '',
  "last_name" TEXT NOT NULL DEFAULT '',
  "password" TEXT,
  "is_active" BOOLEAN NOT NULL DEFAULT true,
  "locale" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "password_changed_at" TIMESTAMPTZ(3),
  CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "users_username_key" ON "users" ("username");

-- Addresses are looked up in this form: folded in ASCII only, so that no Unicode folding can name another mailbox.
CREATE INDEX "users_email_folded_idx" ON "users" (lower("email" COLLATE "C"));

CREATE TABLE "rekey_recovery" (
  "account_id" UUID NOT NULL,
  "links_epoch" INTEGER NOT NULL DEFAULT 0,
  "letters_paused_until" TIMESTAMPTZ(3),
  CONSTRAINT "rekey_recovery_pkey" PRIMARY KEY ("account_id"),
  CONSTRAINT "rekey_recovery_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "users" ("id")
    ON DELETE CASCADE ON UPDATE CASCADE
);
