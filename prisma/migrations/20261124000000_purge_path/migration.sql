-- Whoever calls a function with the rights of another role must not decide which tables it means. Temporary ones come
-- first wherever the path does not name them last (PostgreSQL, "Writing SECURITY DEFINER Functions Safely"): a caller's
-- own "rekey_audit", with a trigger on it, ran code as the role that migrates.
DO $$
BEGIN
  EXECUTE format(
    'ALTER FUNCTION "rekey_purge_audit"(INTERVAL) SET search_path = pg_catalog, %I, pg_temp', current_schema()
  );
END $$;
