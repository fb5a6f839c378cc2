"""What the gateway refuses, in the form of OpenAI's errors."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse

INVALID: Final = "invalid_request_error"
UPSTREAM: Final = "upstream_error"


class Refusal(Exception):
    """A request is not carried out. The message goes to whoever asked, and quotes no text."""

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param

    def body(self) -> dict[str, Any]:
        """Return the error as OpenAI's clients read it."""
        kind = UPSTREAM if self.status in (502, 503, 504) else INVALID
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """Return the error as an answer."""
        return JSONResponse(self.body(), self.status)


def bad(message: str, *, param: str | None = None, code: str = "bad_request") -> Refusal:
    """Return the refusal of a request that cannot be read or guarded."""
    return Refusal(400, code, message, param=param)


def upstream_lies(message: str) -> Refusal:
    """Return the refusal of an answer that no such server would give."""
    return Refusal(502, "bad_upstream_answer", f"The model server's answer cannot be used: {message}")
