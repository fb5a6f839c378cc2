#!/usr/bin/env python
"""Django's command line. On a local machine without DATABASE_URL it starts the PostgreSQL under var/ first."""

import os
import sys
from pathlib import Path

WITHOUT_DATABASE = {"check", "help", "version", "messages_update"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    local = os.environ.get("LETHE_ENV", "local") == "local"
    if local and "DATABASE_URL" not in os.environ and command not in WITHOUT_DATABASE:
        from compliance.local.services import LocalServiceError, database_start, redis_url

        var = Path(os.environ.get("LETHE_VAR", Path(__file__).parent / "var" / "local")).resolve()
        os.environ.setdefault("REDIS_URL", redis_url(var))
        try:
            os.environ["DATABASE_URL"] = database_start(var)
        except LocalServiceError as error:
            sys.exit(str(error))
    from compliance.command_line import command_run

    command_run(sys.argv)


if __name__ == "__main__":
    main()
