"""Command line: `python -m compliance.evidence verify DIR [--trust FILE] [--json]`,
`... proof DIR INDEX OUT --trust FILE` and `... consistency OLD NEW [PROOF] --trust FILE [--json]`.

A trust file in the bundle counts as none.

Exit status: 0 if every step passed, 1 if one failed, 2 if the command could not be used as given, 4 if none failed but one
could not be checked. With `--require-trust`, 3 if every step passed but only with the keys that the bundle itself names.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from compliance.formats.errors import EvidenceError, FormatError, VerificationError

from .bundle import CHECKPOINT, MAX_READ, BundleFolder
from .checkpoints import vkey
from .consistency import OlderCheckpoint, verify_extension
from .record import leaf_bytes
from .tlog_proofs import TlogProof
from .trust import TrustFile
from .verification import Verification, verify_bundle

MARKS = {"passed": "pass", "failed": "FAIL", "not checked": "----"}
KEYS = {
    "bundle": "those that the bundle itself names: integrity only, not who signed",
    "trust file": "those in the trust file that you gave",
}
PASSED, FAILED, INTEGRITY_ONLY, INCOMPLETE = 0, 1, 3, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # File names may be any bytes, and the terminal need not know UTF-8.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are text streams here
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except (EvidenceError, OSError) as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m compliance.evidence", description="Verifies evidence offline.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="verify a bundle, step by step")
    verify.add_argument("directory", type=Path, metavar="DIR", help="the bundle")
    verify.add_argument("--trust", type=Path, metavar="FILE", help="a trust file that you got directly from the operator")
    verify.add_argument(
        "--require-trust", action="store_true", help="exit with 3 if every step passed, but only with the bundle's own keys"
    )
    verify.add_argument("--request", metavar="REFERENCE", help="fail if the bundle is about another request")
    verify.add_argument("--json", action="store_true", help="print the steps as JSON")
    proof = commands.add_parser("proof", help="write a record entry and its proof for other tools (c2sp.org/tlog-proof)")
    proof.add_argument("directory", type=Path, metavar="DIR", help="the bundle")
    proof.add_argument("index", type=int, metavar="INDEX", help="the entry's index in the log, as in record.jsonl")
    proof.add_argument("out", type=Path, metavar="FILE", help="where to write the entry; the proof goes to FILE.tlog-proof")
    proof.add_argument("--trust", type=Path, required=True, metavar="FILE", help="the trust file, from the operator")
    consistency = commands.add_parser("consistency", help="check that a checkpoint of the log extends an older one")
    consistency.add_argument("old", type=Path, metavar="OLD", help="a checkpoint, or a bundle, that you kept")
    consistency.add_argument("new", type=Path, metavar="NEW", help="a later checkpoint, or a later bundle with its proofs")
    consistency.add_argument("proof", type=Path, nargs="?", metavar="PROOF", help="the proof from the installation")
    consistency.add_argument("--trust", type=Path, required=True, metavar="FILE", help="the trust file, from the operator")
    consistency.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_READ)


def _verify(options: argparse.Namespace) -> int:
    # Whoever made the bundle made the trust file in it: naming that one is as good as naming none.
    own = options.trust is not None and options.trust.resolve().is_relative_to(options.directory.resolve())
    trust = _read(options.trust) if options.trust and not own else None
    request = options.request.strip().upper() if options.request is not None else None
    verification = verify_bundle(options.directory, trust, request=request)
    print(_as_json(verification) if options.json else _as_text(verification))  # noqa: T201  # this is the command's output
    if verification.passed and verification.keys == "bundle" and options.require_trust:
        return INTEGRITY_ONLY
    if verification.incomplete:
        return INCOMPLETE
    return PASSED if verification.passed else FAILED


def _proof(options: argparse.Namespace) -> int:
    """Write an entry and its proof as the bundle states them, and print the log's verifier keys from the trust file.

    Verifies nothing: that is for the other tool to do, with these keys.
    """
    folder, trust = BundleFolder.open(options.directory), _trust_from_elsewhere(options.trust, options.directory)
    for proven in folder.record():
        if proven.index == options.index:
            options.out.write_bytes(leaf_bytes(proven.entry))
            proof = TlogProof(proven.index, tuple(proven.hashes), folder.read(CHECKPOINT))
            options.out.with_name(f"{options.out.name}.tlog-proof").write_bytes(proof.to_bytes())
            print(*(vkey(trust.origin, key.public_key) for key in trust.with_role("log")), sep="\n")  # noqa: T201  # output
            return 0
    message = f"record.jsonl has no entry with index {options.index}."
    raise FormatError(message)


def _consistency(options: argparse.Namespace) -> int:
    """Check two checkpoints, and print the result."""
    trust = _trust_from_elsewhere(options.trust, options.old, options.new)
    old, new = (_checkpoint(path) for path in (options.old, options.new))
    proof = _read(options.proof) if options.proof else _proof_within(options.new, old)
    try:
        older, newer = verify_extension(old, new, proof, trust)
        reason = f"The log of {newer.size} entries extends the log of {older.size}: its first entries are the same."
        passed = True
    except VerificationError as error:
        passed, reason = False, str(error)
    print(json.dumps({"passed": passed, "reason": reason}) if options.json else reason)  # noqa: T201  # output
    return 0 if passed else 1


def _trust_from_elsewhere(path: Path, *bundles: Path) -> TrustFile:
    """Read a trust file (FormatError). What it is to judge must not have brought it along."""
    if any(bundle.is_dir() and path.resolve().is_relative_to(bundle.resolve()) for bundle in bundles):
        message = "The trust file is the bundle's own. Get it directly from the operator."
        raise FormatError(message)
    return TrustFile.from_hand(_read(path))


def _checkpoint(path: Path) -> bytes:
    return BundleFolder.open(path).read(CHECKPOINT) if path.is_dir() else _read(path)


def _proof_within(bundle: Path, old: bytes) -> bytes | None:
    """Return the proof in a bundle that its checkpoint extends one of the same size as `old`; None if it has none."""
    older = BundleFolder.open(bundle).older() if bundle.is_dir() else ()
    size = OlderCheckpoint(old.decode("utf-8", "replace"), ()).size
    return next((one.proof_bytes for one in older if one.size == size), None)


def _as_json(verification: Verification) -> str:
    steps = [asdict(step) for step in verification.steps]
    value = {
        "passed": verification.passed,
        "incomplete": verification.incomplete,
        "keys": verification.keys,
        "steps": steps,
        "summary": verification.summary,
    }
    return json.dumps(value, indent=2)


def _as_text(verification: Verification) -> str:
    lines = []
    for step in verification.steps:
        lines.append(f"{step.number:>2}  {MARKS[step.status]}  {step.title}")
        if step.reason:
            lines.append(f"          {step.reason}")
    return "\n".join([*lines, "", f"Keys: {KEYS[verification.keys]}.", "", verification.summary])


COMMANDS = {"verify": _verify, "proof": _proof, "consistency": _consistency}

if __name__ == "__main__":
    sys.exit(main())
