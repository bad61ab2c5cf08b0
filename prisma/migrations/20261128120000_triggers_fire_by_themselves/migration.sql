-- Everybody may execute a new function, and with it hang it on a table of their own: on a temporary one it would have
-- killed links with the rights of the role that migrates. A trigger that is there fires without anybody's right to it.
REVOKE EXECUTE ON FUNCTION "rekey_kill_links"() FROM PUBLIC;
