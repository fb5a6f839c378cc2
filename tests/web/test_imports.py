"""What a web process loads."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

CODE = """
import django, sys
django.setup()
import compliance.urls
from django.urls import get_resolver
get_resolver().reverse_dict
print(sorted({"torch", "transformers", "accelerate"} & set(sys.modules)))
"""


def test_no_page_needs_torch() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, cwd=settings.BASE_DIR)
    assert done.stdout.strip() == "[]"
