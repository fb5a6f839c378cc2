"""Uploads to the public form: in memory only, never more than a bound, and nothing on a disk unencrypted."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any, Concatenate, Final, ParamSpec

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from requests_app.pictures import MOST_BYTES

MOST_SENT: Final = 2 * MOST_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
"""Bytes of a form. What is somewhat too large is still read, so that the form can say so beside its field."""
P = ParamSpec("P")


class BoundedUploadHandler(FileUploadHandler):
    """Keeps of each file one byte more than is allowed, and drops the rest."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002  # Django's signature
        self._kept.write(raw_data[: MOST_BYTES + 1 - self._kept.tell()])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:  # noqa: ARG002  # Django's signature
        size = self._kept.tell()
        self._kept.seek(0)
        return InMemoryUploadedFile(self._kept, self.field_name, "upload", self.content_type, size, self.charset)


def bounded_uploads(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let a view take uploads. CSRF protection reads the whole body, so it comes after the bounds are set."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_SENT:
            context = {"most": MOST_BYTES >> 20, "again": request.path}
            return render(request, "public/too_large.html", context, status=413)
        request.upload_handlers = [BoundedUploadHandler(request)]
        return protected(request, *args, **kwargs)

    return inner
