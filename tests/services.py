"""Pytest plugin, loaded before Django's settings: without DATABASE_URL it starts the PostgreSQL under var/test."""

from __future__ import annotations

import os
from pathlib import Path

from compliance.local.services import database_start, redis_url

VAR = Path(__file__).resolve().parents[1] / "var" / "test"

os.environ["LETHE_ENV"] = "local"
os.environ["LETHE_VAR"] = str(VAR)
if "DATABASE_URL" not in os.environ:
    os.environ["DATABASE_URL"] = database_start(VAR)
os.environ.setdefault("REDIS_URL", redis_url(VAR))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
