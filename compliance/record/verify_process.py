"""The process that verifies one bundle from a stranger, within limits that hold whatever its files do to their readers.

    python -m compliance.record.verify_process BUNDLE TRUST-FILE SECONDS MEMORY

It writes the verification to standard output as JSON. The kernel ends it when it uses more processor time, and refuses it
more memory: then a step says that it could not be checked.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path

from compliance.evidence.verification import verify_bundle


def limit(seconds: int, memory: int) -> None:
    """Limit this process to seconds of processor time, and to bytes of memory besides those that it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    space = pages * resource.getpagesize() + memory
    for kind, most in {resource.RLIMIT_CPU: seconds, resource.RLIMIT_AS: space, resource.RLIMIT_CORE: 0}.items():
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    bundle, trust_file, *limits = sys.argv[1:]
    limit(*map(int, limits))
    print(json.dumps(asdict(verify_bundle(Path(bundle), Path(trust_file).read_bytes()))))  # noqa: T201  # this is the output
