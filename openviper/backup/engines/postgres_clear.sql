-- Run inside the restore's transaction, before the dump: takes away everything in the database's schemas, so that
-- what was made after the backup is gone too. What belongs to an extension stays; the dump makes no new extension of it.
SET LOCAL client_min_messages = warning;
DO $clear$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT n.nspname FROM pg_catalog.pg_namespace n
        WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                          WHERE d.classid = 'pg_catalog.pg_namespace'::regclass AND d.objid = n.oid
                            AND d.deptype = 'e')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extnamespace = n.oid)
    LOOP
        EXECUTE pg_catalog.format('DROP SCHEMA %I CASCADE', item.nspname);
    END LOOP;

    -- One at a time: dropping with CASCADE takes others with it.
    LOOP
        SELECT c.relname, n.nspname, CASE c.relkind
                   WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                   WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind
          INTO item
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
           AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                           WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                             -- What a composite type of its own consists of always depends on the type itself.
                             AND (d.deptype = 'e' OR d.deptype = 'i' AND c.relkind <> 'c'))
         LIMIT 1;
        EXIT WHEN NOT FOUND;
        EXECUTE pg_catalog.format('DROP %s %I.%I CASCADE', item.kind, item.nspname, item.relname);
    END LOOP;

    LOOP
        SELECT p.oid::regprocedure::text AS name, CASE p.prokind
                   WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind
          INTO item
          FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                           WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                             AND d.deptype IN ('e', 'i'))
         LIMIT 1;
        EXIT WHEN NOT FOUND;
        EXECUTE pg_catalog.format('DROP %s %s CASCADE', item.kind, item.name);
    END LOOP;

    LOOP
        SELECT t.typname, n.nspname INTO item
          FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
         WHERE t.typtype IN ('d', 'e', 'r', 'b') AND t.typelem = 0
           AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                           WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid
                             AND d.deptype IN ('e', 'i'))
         LIMIT 1;
        EXIT WHEN NOT FOUND;
        EXECUTE pg_catalog.format('DROP TYPE %I.%I CASCADE', item.nspname, item.typname);
    END LOOP;

    PERFORM pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata;
END
$clear$;
