"""Keeps the secret links of claimants and staff out of every log.

Django logs the path of each request that ends with an error, and so do web servers and tracebacks. The path of a link is the
link, so whoever reads a log could confirm or withdraw somebody's request, or use up a link to sign in.
"""

from __future__ import annotations

import logging
import re

SECRETS = re.compile(
    # whatever follows in the place of a token, mistyped and cut off ones included
    r"(?P<before>(?:confirm|status|sign-in(?:/|%2f)+link)(?:/|%2f)+)(?!resend/)[^/\s?#'\"%]+"
    # the form of a token, wherever it stands (requests_app.services.messages makes them)
    r"|(?<![\w-])[\w-]{43}(?![\w-])",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Replace every secret of a link in `text`."""
    return SECRETS.sub(lambda match: f"{match['before'] or ''}[secret]", text)


class RedactingRecord(logging.LogRecord):
    """A log record whose message has no secret, whichever logger and handler it goes through."""

    def getMessage(self) -> str:  # noqa: N802  # the name is the standard library's
        return redact(super().getMessage())


class RedactingFormatter(logging.Formatter):
    """Also redacts tracebacks, whose last line may repeat a path."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def redact_logs() -> None:
    """Make every record that this process logs from now on a redacting one."""
    logging.setLogRecordFactory(RedactingRecord)
