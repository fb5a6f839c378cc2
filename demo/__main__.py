"""`python -m demo` walks the main path and exits; `python -m demo serve` leaves the site up."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from compliance.local.services import LocalServiceError
from compliance.local.stack import LocalStack

from .casework import Method, Officers, Outcome, erase, export_and_verify, watch_job
from .http import Browser, PageError
from .site import seed_accounts, seed_corpus, seed_model
from .walk import confirm_address, submit_erasure, submit_revocation

VAR = Path(__file__).resolve().parents[1] / "var"
METHODS: tuple[Method, ...] = (("npo", {}), ("retrain", {}), ("retrain", {}))
"""Tried in this order until one passes. The first is quick and may fail; the second is exact, and is asked again under
a new approval where chance made its verdict inconclusive."""
COPYRIGHT_ADDRESS = "rights@example.org"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["walk", "serve"], default="walk")
    parser.add_argument("--port", type=int, default=0, help="of the web server; 0 takes a free one")
    options = parser.parse_args()
    os.environ["LETHE_ENV"] = "local"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return walk(options.port) if options.command == "walk" else serve(options.port)
    except (LocalServiceError, PageError) as error:
        print(f"\nThe demonstration stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Everything has been shut down; run it again whenever you like.", file=sys.stderr)
        return 130


def walk(port: int) -> int:
    """The main path for both kinds of request, on a fresh installation under `var/demo`."""
    began = time.monotonic()
    var = VAR / "demo"
    shutil.rmtree(var, ignore_errors=True)
    print("Starting PostgreSQL, Redis, web server, workers and signing process under var/demo ...", flush=True)
    with LocalStack(var, port=port) as stack:
        print(f"  {stack.url}")
        logins = seed_accounts(stack)
        corpus = seed_corpus(stack)
        officers = Officers(stack, logins)
        print("Training the demo model ...", flush=True)
        if watch_job(officers.omar, seed_model(stack)) != "completed":
            message = f"The demo model was not trained; see {stack.var / 'logs' / 'worker-jobs.log'}."
            raise PageError(message)
        person, work = corpus.people[0], corpus.works[0]
        outcomes = []
        for kind in ("erasure", "copyright"):
            claimant = Browser(stack.url)
            print(f"\nA claimant asks: {kind}", flush=True)
            if kind == "erasure":
                reference, address = submit_erasure(claimant, person.name, person.email), person.email
            else:
                reference, address = submit_revocation(claimant, work, COPYRIGHT_ADDRESS), COPYRIGHT_ADDRESS
            print(f"  {reference}: sent; following the link in the e-mail")
            confirm_address(claimant, stack, address)
            outcome = erase(stack, officers, reference, METHODS)
            outcome.bundle = var / "evidence" / reference
            print(export_and_verify(stack, reference, outcome.bundle))
            outcomes.append((kind, outcome))
        _summary(outcomes, time.monotonic() - began)
    return 0 if all(outcome.attempts[-1].verdict == "passed" for _, outcome in outcomes) else 1


def _summary(outcomes: list[tuple[str, Outcome]], seconds: float) -> None:
    print("What happened")
    for kind, outcome in outcomes:
        print(f"\n  {kind} request {outcome.reference}")
        print(f"    matches   {len(outcome.record_ids)} training examples accepted")
        for number, attempt in enumerate(outcome.attempts, 1):
            reasons = " ".join(reason["sentence"] for reason in attempt.evaluation.get("verdict", {}).get("reasons", []))
            print(f"    attempt {number} {attempt.method}: {attempt.verdict or attempt.state}. {reasons}")
        passed = outcome.attempts[-1].verdict == "passed"
        print(f"    outcome   {'released' if passed else 'NOT released: nothing passed'}")
        print(f"    evidence  {outcome.bundle}")
    print(f"\n{seconds:.0f} s in all. Verify again: .venv/bin/python -m compliance.evidence verify DIR")


def serve(port: int) -> int:
    """The site with demo accounts, corpus and model, until Ctrl-C. What was done stays under `var/local`."""
    print("Starting ...", flush=True)
    with LocalStack(VAR / "local", port=port) as stack:
        logins = seed_accounts(stack)
        corpus = seed_corpus(stack)
        seed_model(stack)
        print(f"\nLethe is on {stack.url}\n\nDemo log-ins (this machine only):")
        for login in logins:
            print(f"  {login.role:14} {login.username:6} {login.password}")
        print(f"\nAsk to erase somebody whom the demo model knows, such as “{corpus.people[0].name}”,")
        print(
            f"or revoke “{corpus.works[0].title}” by {corpus.works[0].author} (text in {stack.var / 'demo-corpus.jsonl'})."
        )
        print(f"E-mails are written to {stack.var / 'mail'}.\n\nCtrl-C stops everything.", flush=True)
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
