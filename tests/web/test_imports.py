"""What imports what: a web process loads no torch, nothing imports in a circle, and two packages stand alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from graphlib import TopologicalSorter

import grimp
import pytest
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


def test_no_imports_go_in_a_circle() -> None:
    # Imports inside functions count: a lazy import only hides a circle. Without a cache: it does not see every change.
    graph = grimp.build_graph("compliance", "requests_app", "unlearning_jobs", cache_dir=None)
    order = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    order.prepare()  # raises CycleError, which names the modules


@pytest.mark.parametrize(("package", "libraries"), [("compliance.formats", ()), ("compliance.ui", ("django",))])
def test_a_package_that_stands_alone_imports_nothing_else_of_ours(package: str, libraries: Collection[str]) -> None:
    graph = grimp.build_graph(
        "compliance", "requests_app", "unlearning_jobs", include_external_packages=True, cache_dir=None
    )
    modules = {package} | graph.find_descendants(package)
    imported = set().union(*(graph.find_modules_directly_imported_by(module) for module in modules)) - modules
    assert {module for module in imported if module.split(".")[0] not in sys.stdlib_module_names | set(libraries)} == set()
