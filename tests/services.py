"""Pytest plugin, loaded before Django's settings: without DATABASE_URL it starts the PostgreSQL under var/test."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import psycopg2

from compliance.local.services import database_start, redis_url

VAR = Path(__file__).resolve().parents[1] / "var" / "test"

FORGETFUL = ("fsync", "synchronous_commit", "full_page_writes")


def forgetful_database_start() -> str:
    """Start PostgreSQL without waiting for the disk: its data need not outlive the tests."""
    url = database_start(VAR)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for name in FORGETFUL:
            cursor.execute(f"ALTER SYSTEM SET {name} = off")
        cursor.execute("SELECT pg_reload_conf()")
    return url


os.environ["LETHE_ENV"] = "local"
os.environ["LETHE_VAR"] = str(VAR)
if "DATABASE_URL" not in os.environ:
    os.environ["DATABASE_URL"] = forgetful_database_start()
os.environ.setdefault("REDIS_URL", redis_url(VAR))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["MEANING_ENCODER"] = "off"  # its process takes seconds to begin; tests of it set the encoder
if "PYTEST_XDIST_WORKER" in os.environ:  # the other cores belong to the other test processes
    os.environ.setdefault("OMP_NUM_THREADS", "1")
