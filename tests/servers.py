"""Databases on the servers of this machine, made for a test and dropped after it.

Each has a name of its own. A server that does not answer skips the test; in CI that is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

POSTGRESQL = os.environ.get("TEST_SERVER_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")
MYSQL = os.environ.get("TEST_SERVER_MYSQL", "mysql://root@127.0.0.1:3306")
REDIS = os.environ.get("TEST_SERVER_REDIS", "redis://127.0.0.1:6379/0")
VENDORS = ("sqlite", "postgresql", "mysql")


def server(vendor: str) -> str:
    """Return the URL of a server, without a database."""
    return POSTGRESQL if vendor == "postgresql" else MYSQL


def address(vendor: str) -> str:
    """Return the host and port of a server."""
    return server(vendor).rpartition("@")[2]


def run_on_server(vendor: str, *statements: str, database: str = "") -> list[Any]:
    """Run statements as the administrator and return the rows of the last one."""
    if vendor == "postgresql":
        psycopg = pytest.importorskip("psycopg")
        try:
            connection = psycopg.connect(
                f"{POSTGRESQL}/{database or 'postgres'}", autocommit=True, connect_timeout=5
            )
        except psycopg.OperationalError as error:
            pytest.skip(f"PostgreSQL does not answer: {error}")
    else:
        pymysql = pytest.importorskip("pymysql")
        from openviper.db.connections.url import DatabaseURL

        url = DatabaseURL.parse(f"{MYSQL}/{database}")
        try:
            connection = pymysql.connect(
                host=url.host,
                port=url.port,
                user=url.username,
                password=url.password or "",
                database=database or None,
                connect_timeout=5,
                autocommit=True,
                ssl_disabled=True,  # Else the authorities of the system are read for each connection.
            )
        except pymysql.err.OperationalError as error:
            pytest.skip(f"MariaDB does not answer: {error}")
    rows: list[Any] = []
    try:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
            rows = list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()
    return rows


@contextmanager
def fresh_database(vendor: str) -> Iterator[str]:
    """Make an empty database on a server for the time of the block and give its URL."""
    name = f"openviper_test_{os.getpid()}_{uuid4().hex[:8]}"
    run_on_server(vendor, f"CREATE DATABASE {name}")
    if vendor == "postgresql":
        run_on_server(
            vendor,
            # A deadlock is looked for after a second by default, which is long for tests that provoke many.
            f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'",
            # The server itself is never killed, so nothing has to wait for the disk.
            f"ALTER DATABASE {name} SET synchronous_commit = off",
        )
    try:
        yield f"{server(vendor)}/{name}"
    finally:
        force = " WITH (FORCE)" if vendor == "postgresql" else ""
        run_on_server(vendor, f"DROP DATABASE {name}{force}")


def empty(vendor: str, url: str) -> None:
    """Drop everything in a database."""
    name = url.rpartition("/")[2]
    if vendor == "postgresql":
        run_on_server(
            vendor,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA public",
            database=name,
        )
    else:
        run_on_server(vendor, f"DROP DATABASE {name}", f"CREATE DATABASE {name}")


@contextmanager
def redis_prefix() -> Iterator[str]:
    """Give a prefix of keys that nobody else uses, and delete what bears it afterwards."""
    redis = pytest.importorskip("redis")
    client = redis.Redis.from_url(REDIS, socket_connect_timeout=5)
    try:
        client.ping()
    except redis.RedisError as error:
        pytest.skip(f"Redis does not answer: {error}")
    prefix = f"openviper_test_{os.getpid()}_{uuid4().hex[:8]}:"
    try:
        yield prefix
    finally:
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)
        client.close()
