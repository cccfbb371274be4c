"""What a MariaDB dump would do outside of its database, and what it needs of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.backup.background import StopFlag
from openviper.backup.engines.mariadb_scan import DumpFacts, scan_dump
from openviper.backup.exceptions import BackupError

HEAD = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\n"


def scan(tmp_path: Path, text: str, *, trusted: bool = False) -> DumpFacts:
    path = tmp_path / "backup.sql"
    path.write_text(text)
    return scan_dump(path, trusted=trusted, stop=StopFlag())


@pytest.mark.parametrize(
    "statement",
    [
        "USE prod;",
        "use `prod`;",
        "/*!40000 USE `prod` */;",
        "/*M!100000 use prod */;",
        "# a comment\nUSE prod;",
        "-- a comment\nUSE prod;",
        "INSERT INTO `t` VALUES ('a\\\\'); USE prod; -- ');",
        "INSERT INTO t VALUES ('it''s'); USE prod;",
        "DELIMITER $$\nUSE prod$$",
        "SELECT 1; DELIMITER //\nUSE prod//",
        "CREATE DATABASE x;",
        "/*!40000 DROP DATABASE IF EXISTS `x`*/;",
        "ALTER DATABASE x UPGRADE DATA DIRECTORY NAME;",
        "CREATE OR REPLACE SCHEMA x;",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE x;",
        "LOAD XML INFILE 'x' INTO TABLE x;",
        "LOAD/**/DATA INFILE 'x' INTO TABLE x;",
        "SELECT 1 INTO OUTFILE '/tmp/x';",
        "SELECT 1 INTO /*!50000 DUMPFILE */ '/tmp/x';",
        "INSERT INTO t SELECT LOAD_FILE('/etc/passwd');",
        "SET GLOBAL max_connections = 1;",
        "SET @@global.max_connections = 1;",
        "SET @a = 1, GLOBAL max_connections = 1;",
        "SET PASSWORD = 'x';",
        "SET STATEMENT max_statement_time = 1 FOR DROP DATABASE x;",
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES';",
        "SET sql_mode = 'NO_BACK' 'SLASH_ESCAPES';",
        "SET sql_mode = 1048576;",
        "GRANT ALL ON *.* TO x;",
        "CREATE USER x;",
        "DROP USER IF EXISTS x;",
        "RENAME USER a TO b;",
        "PREPARE s FROM 'DROP DATABASE x';",
        "EXECUTE IMMEDIATE 'x';",
        "BEGIN NOT ATOMIC DROP DATABASE x; END;",
        "START SLAVE;",
        "KILL 5;",
        "SHUTDOWN;",
        "FLUSH PRIVILEGES;",
        "INSTALL SONAME 'x';",
        "CREATE FUNCTION f RETURNS STRING SONAME 'x.so';",
        "HANDLER t OPEN;",
        "system touch x",
        "CREATE FUNCTION f() RETURNS INT RETURN 1; SELECT f();",
        "CREATE PROCEDURE `p`() SELECT 1; CALL p;",
        "SET NAMES gbk;",
        "SET @x = CONCAT('a', 'b');",
        "SET sql_mode = 'ANSI_QUOTES'; SELECT \"a\\\";",
    ],
)
@pytest.mark.parametrize("head", ["", HEAD])
def test_what_leaves_the_database_is_refused(tmp_path: Path, head: str, statement: str) -> None:
    with pytest.raises(BackupError, match="which a restore refuses|is cut off"):
        scan(tmp_path, head + statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE other.t;",
        "DROP TABLE IF EXISTS a, `other` . `t`;",
        "INSERT INTO other.t VALUES (1);",
        "INSERT INTO `other`.`t` VALUES (1);",
        "INSERT other.t VALUES (1);",
        "REPLACE INTO other.t VALUES (1);",
        "UPDATE other.t SET a = 1;",
        "DELETE FROM other.t;",
        "TRUNCATE other.t;",
        "ALTER TABLE other.t DROP a;",
        "RENAME TABLE a TO other.b;",
        "LOCK TABLES a READ, other.b WRITE;",
        "CREATE TABLE other.t (a INT);",
        "CREATE TABLE t (a INT) SELECT * FROM other.t;",
        "CREATE VIEW other.v AS SELECT 1;",
        "CREATE TRIGGER g BEFORE INSERT ON other.t FOR EACH ROW SET NEW.a = 1;",
        "CREATE INDEX i ON other.t (a);",
        "CALL other.p();",
        "SET sql_mode = 'ANSI'; DROP TABLE \"other\".t;",
        "DROP TABLE OTHER.t;",
    ],
)
def test_a_database_that_a_statement_names_is_noted(tmp_path: Path, statement: str) -> None:
    assert list(scan(tmp_path, "\n" + statement).named) == ["other"]


@pytest.mark.parametrize(
    "body",
    [
        "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW INSERT INTO other.log VALUES (1);",
        "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW UPDATE `other`.log SET a = 1;",
        "CREATE PROCEDURE p() DELETE FROM other.log;",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DROP TABLE IF EXISTS other.log;",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO CALL other.p();",
        "CREATE PROCEDURE p() REPLACE other.log VALUES (1);",
    ],
)
def test_a_database_that_a_program_would_change_is_noted(tmp_path: Path, body: str) -> None:
    facts = scan(tmp_path, body)
    assert (list(facts.named), facts.changed) == ([], {"other": 1})


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES other.t (id));",
        "CREATE VIEW v AS SELECT o.a, t.b FROM other.o JOIN t ON t.a = o.a;",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = OLD.b;",
        "DELIMITER ;;\nCREATE PROCEDURE p()\nBEGIN\n  INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE t.a = 1;\n"
        "  SELECT a INTO r.x FROM t;\nEND ;;\nDELIMITER ;\n",
        "INSERT INTO `t` VALUES (1,-1.5e-7,'USE prod; a.b','it''s','\\'',0xff,x'00',NULL,_binary 'a\\0');",
        "INSERT INTO `t` (`a`, `b`) VALUES\n(1,'x'),\n(2,'/*');\n",
        "/*!50003 SET character_set_client = utf8mb4 */ ;",
        "DO SETVAL(`ticket`, 41, 0);",
        "LOCK TABLES `t` WRITE;",
        "START TRANSACTION;",
        "/* use prod; */ SELECT 'use prod;';",
        HEAD + "SELECT 1;",
    ],
)
def test_what_stays_in_the_database_passes(tmp_path: Path, statement: str) -> None:
    facts = scan(tmp_path, statement)
    assert (facts.named, facts.changed) == ({}, {})


def test_who_trusts_a_dump_lets_through_what_only_could_reach_outside(tmp_path: Path) -> None:
    scan(tmp_path, "CREATE FUNCTION f() RETURNS INT RETURN 1; SELECT f();", trusted=True)
    scan(tmp_path, "SET NAMES gbk;", trusted=True)
    with pytest.raises(BackupError, match="holds USE in line 2"):
        scan(tmp_path, "SELECT 1;\nUSE prod;", trusted=True)


def test_the_longest_statement_and_the_definers_are_noted(tmp_path: Path) -> None:
    long = "INSERT INTO `t` VALUES ('" + "x" * 50_000 + "');\n"
    text = (
        "SELECT 1;\n"
        + long
        + "/*!50003 CREATE*/ /*!50017 DEFINER=`boss`@`%`*/ /*!50003 TRIGGER a BEFORE INSERT ON t "
        "FOR EACH ROW SET NEW.a = 1 */;\nCREATE DEFINER=root@localhost PROCEDURE p() SELECT 1;\n"
        "CREATE DEFINER=CURRENT_USER() VIEW v AS SELECT 1;\n"
    )
    facts = scan(tmp_path, text)
    assert facts.longest_statement == len(long) - 1
    assert facts.definers == {"boss@%", "ROOT@LOCALHOST"}
    assert [text[start:end] for start, end in facts.definer_spans] == [
        "DEFINER=`boss`@`%`",
        "DEFINER=root@localhost",
    ]


def test_the_encoding_of_the_source_is_taken_out_and_not_refused(tmp_path: Path) -> None:
    text = "ALTER DATABASE `shop` CHARACTER SET latin1 COLLATE latin1_swedish_ci ;\nSELECT 1;\n"
    facts = scan(tmp_path, text)
    ((start, end),) = facts.encoding_spans
    assert text[start:end].startswith("ALTER DATABASE") and facts.named == {}


def test_a_quote_without_an_end_is_a_cut_off_dump(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is cut off: .* of line 2"):
        scan(tmp_path, "SELECT 1;\nINSERT INTO t VALUES ('abc")


def test_the_line_is_found_behind_more_than_stays_in_memory(tmp_path: Path) -> None:
    row = "INSERT INTO `t` VALUES ('" + "x" * 1_000_000 + "');\n"
    with pytest.raises(BackupError, match="holds USE in line 21"):
        scan(tmp_path, row * 20 + "USE prod;\n")
