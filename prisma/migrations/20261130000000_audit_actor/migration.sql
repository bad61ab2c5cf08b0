-- Who did what the support can do on the command line: send or print a link, revoke links, lift a limit.
ALTER TABLE "rekey"."audit" ADD COLUMN "actor" TEXT;
