-- Run inside the restore's transaction, before the dump: takes away everything in the database that is not the system's or an
-- extension's, so that what was made after the backup is gone too. Extensions stay as they are; the dump makes those that are
-- missing. What belongs to the whole database (publications, event triggers, servers) goes where this user owns it.
SET LOCAL client_min_messages = warning;
DO $clear$
DECLARE
    item record;
BEGIN
    -- Each may depend on functions and types below; one at a time, as CASCADE takes others with it.
    LOOP
        SELECT o.statement INTO item FROM (
            SELECT 'pg_catalog.pg_publication'::regclass AS class, oid, pg_catalog.format('DROP PUBLICATION %I', pubname) AS statement
              FROM pg_catalog.pg_publication WHERE pg_catalog.pg_has_role(pubowner, 'MEMBER')
            UNION ALL
            SELECT 'pg_catalog.pg_event_trigger'::regclass, oid, pg_catalog.format('DROP EVENT TRIGGER %I', evtname)
              FROM pg_catalog.pg_event_trigger WHERE pg_catalog.pg_has_role(evtowner, 'MEMBER')
            UNION ALL
            SELECT 'pg_catalog.pg_foreign_server'::regclass, oid, pg_catalog.format('DROP SERVER %I CASCADE', srvname)
              FROM pg_catalog.pg_foreign_server WHERE pg_catalog.pg_has_role(srvowner, 'MEMBER')
            UNION ALL
            SELECT 'pg_catalog.pg_foreign_data_wrapper'::regclass, oid,
                   pg_catalog.format('DROP FOREIGN DATA WRAPPER %I CASCADE', fdwname)
              FROM pg_catalog.pg_foreign_data_wrapper WHERE pg_catalog.pg_has_role(fdwowner, 'MEMBER')
            UNION ALL
            SELECT 'pg_catalog.pg_cast'::regclass, oid,
                   pg_catalog.format('DROP CAST (%s AS %s)', castsource::regtype, casttarget::regtype)
              FROM pg_catalog.pg_cast WHERE oid >= 16384
            UNION ALL
            SELECT 'pg_catalog.pg_ts_config'::regclass, c.oid,
                   pg_catalog.format('DROP TEXT SEARCH CONFIGURATION %I.%I CASCADE', n.nspname, cfgname)
              FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_namespace n ON n.oid = cfgnamespace
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_ts_dict'::regclass, c.oid,
                   pg_catalog.format('DROP TEXT SEARCH DICTIONARY %I.%I CASCADE', n.nspname, dictname)
              FROM pg_catalog.pg_ts_dict c JOIN pg_catalog.pg_namespace n ON n.oid = dictnamespace
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_ts_template'::regclass, c.oid,
                   pg_catalog.format('DROP TEXT SEARCH TEMPLATE %I.%I CASCADE', n.nspname, tmplname)
              FROM pg_catalog.pg_ts_template c JOIN pg_catalog.pg_namespace n ON n.oid = tmplnamespace
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_ts_parser'::regclass, c.oid,
                   pg_catalog.format('DROP TEXT SEARCH PARSER %I.%I CASCADE', n.nspname, prsname)
              FROM pg_catalog.pg_ts_parser c JOIN pg_catalog.pg_namespace n ON n.oid = prsnamespace
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_opclass'::regclass, c.oid,
                   pg_catalog.format('DROP OPERATOR CLASS %I.%I USING %I CASCADE', n.nspname, opcname, amname)
              FROM pg_catalog.pg_opclass c JOIN pg_catalog.pg_namespace n ON n.oid = opcnamespace
              JOIN pg_catalog.pg_am a ON a.oid = opcmethod
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_opfamily'::regclass, c.oid,
                   pg_catalog.format('DROP OPERATOR FAMILY %I.%I USING %I CASCADE', n.nspname, opfname, amname)
              FROM pg_catalog.pg_opfamily c JOIN pg_catalog.pg_namespace n ON n.oid = opfnamespace
              JOIN pg_catalog.pg_am a ON a.oid = opfmethod
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_operator'::regclass, c.oid,
                   pg_catalog.format('DROP OPERATOR %I.%s (%s, %s) CASCADE', n.nspname, oprname,
                       CASE oprleft WHEN 0 THEN 'NONE' ELSE oprleft::regtype::text END,
                       CASE oprright WHEN 0 THEN 'NONE' ELSE oprright::regtype::text END)
              FROM pg_catalog.pg_operator c JOIN pg_catalog.pg_namespace n ON n.oid = oprnamespace
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_conversion'::regclass, c.oid,
                   pg_catalog.format('DROP CONVERSION %I.%I CASCADE', n.nspname, conname)
              FROM pg_catalog.pg_conversion c JOIN pg_catalog.pg_namespace n ON n.oid = connamespace
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_collation'::regclass, c.oid,
                   pg_catalog.format('DROP COLLATION %I.%I CASCADE', n.nspname, collname)
              FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = collnamespace
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_catalog.pg_transform'::regclass, c.oid,
                   pg_catalog.format('DROP TRANSFORM FOR %s LANGUAGE %I CASCADE', trftype::regtype, lanname)
              FROM pg_catalog.pg_transform c JOIN pg_catalog.pg_language l ON l.oid = trflang
            UNION ALL
            SELECT 'pg_catalog.pg_language'::regclass, oid, pg_catalog.format('DROP LANGUAGE %I CASCADE', lanname)
              FROM pg_catalog.pg_language WHERE oid >= 16384 AND pg_catalog.pg_has_role(lanowner, 'MEMBER')
        ) o
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                          WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype IN ('e', 'i'))
        LIMIT 1;
        EXIT WHEN NOT FOUND;
        EXECUTE item.statement;
    END LOOP;

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
                             -- A partitioned table depends on its own columns.
                             AND d.refobjid <> c.oid
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
