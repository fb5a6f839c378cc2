"""The officers' part of the walk: review, decide, propose, approve, follow the job, release; then export the evidence."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from compliance.local.stack import LocalStack

from .http import Browser, Page, PageError
from .site import Login
from .walk import sign_in, wait_for

Method = tuple[str, Mapping[str, Any]]
"""A method's name, and the settings that differ from its defaults."""
Stage = Callable[[str], AbstractContextManager[None]]
"""Called around each stage, with its name."""
REFUSAL_GROUND = "17_3_e"
REFUSAL_REASONS = "A court has ordered us to keep this data until the case before it ends. We will look at it again then."
JOB_PATIENCE = 3600.0
ENDED = ("completed", "failed", "cancelled")
RELEASED = "released"
REFUSED = "refused, on a ground that a second officer approved; the model is unchanged"


@dataclass(frozen=True)
class Attempt:
    """One method tried on an item: how its job ended, and what `result.json` says."""

    method: str
    job: int
    state: str
    verdict: str
    evaluation: dict[str, Any]
    seconds: dict[str, float]
    design: str = ""
    """Of the protocol: how models were compared."""


@dataclass
class DemoRequest:
    """What happened to one request."""

    reference: str
    example_ids: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    outcome: str = "NOT released: nothing passed"
    settled: bool = False
    bundle: Path | None = None


class Officers:
    """Three signed-in officers: Omar reviews and proposes, Lena approves, Nils releases."""

    def __init__(self, stack: LocalStack, logins: Sequence[Login]) -> None:
        by_name = {login.username: login for login in logins}
        self.omar, self.lena, self.nils = (sign_in(stack, by_name[name]) for name in ("omar", "lena", "nils"))


def erase(
    stack: LocalStack,
    officers: Officers,
    reference: str,
    methods: Sequence[Method],
    *,
    stage: Stage = lambda _name: nullcontext(),
) -> DemoRequest:
    """Take a confirmed request through casework: try the methods in turn until one passes, and release its result.

    Raises:
        PageError: a page is not what an officer would need to go on.
    """
    result = DemoRequest(reference)
    with stage("search"):
        request_path = searched_request(officers.omar, reference)
    with stage("review"):
        result.example_ids = accept_matches(officers.omar, request_path)
        grant_item(officers.omar, request_path)
    for name, config in methods:
        with stage(f"job: {name}"):
            choice = {f"{name}-{key}": str(value) for key, value in config.items()}
            job = propose_and_approve(officers, request_path, name, choice)
            result.attempts.append(follow_job(stack, officers.omar, name, job))
        if result.attempts[-1].verdict == "passed":
            with stage("release"):
                release(officers.nils, request_path, len(result.attempts))
            result.outcome, result.settled = RELEASED, True
            break
    return result


def refuse(officers: Officers, reference: str) -> DemoRequest:
    """Take a confirmed request to its refusal: Omar proposes it with a ground and reasons, and Lena approves.

    Raises:
        PageError: a page is not what an officer would need to go on.
    """
    request_path = searched_request(officers.omar, reference)
    result = DemoRequest(reference, accept_matches(officers.omar, request_path))
    page = officers.omar.get(f"{request_path}items/1/decide/")
    answer = {"decision": "refuse", "refuse_ground": REFUSAL_GROUND, "reasons": REFUSAL_REASONS}
    confirm = officers.omar.send(page, page.form_with("decision", "grant_ground"), answer)
    officers.omar.send(confirm, confirm.form_with("confirmed"))
    ending = officers.lena.get(f"{request_path}endings/1/")
    officers.lena.send(ending, ending.form_with("decision"), button=("decision", "approve"))
    if "Refused" not in officers.omar.get(request_path).html:
        message = f"{reference} was not refused."
        raise PageError(message)
    result.outcome, result.settled = REFUSED, True
    return result


def searched_request(officer: Browser, reference: str) -> str:
    """Wait for the end of the search, and return the path of the request's page."""
    request_path = f"/cases/{reference}/"

    def ready() -> str:
        page = officer.get(f"{request_path}matches/")
        return request_path if "/matches/complete/" in page.html or 'name="shown"' in page.html else ""

    return wait_for("The search's result", ready)


def accept_matches(officer: Browser, request_path: str) -> list[str]:
    """Accept every match page by page, end the review, and return the ids of the accepted examples.

    Candidates by meaning alone are rejected: what they were found for was found in its own words as well.
    """
    methods = {method for row in _listed(officer, request_path) for method in row["found_by"].split()}
    for method in sorted(methods - {"meaning"}):
        _decide(officer, f"{request_path}matches/?decision=open&method={method}", "accept")
    _decide(officer, f"{request_path}matches/?decision=open", "reject")
    ids = {row["example_id"] for row in _listed(officer, request_path) if row["decision"] == "accepted"}
    confirm = officer.get(f"{request_path}matches/complete/")
    officer.send(confirm, confirm.form_to("/matches/complete/"))
    return sorted(ids)


def _listed(officer: Browser, request_path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(officer.open(f"{request_path}matches/?format=csv").text.splitlines()))


def _decide(officer: Browser, address: str, decision: str) -> None:
    """Decide about all matches of a list, page by page."""
    page = officer.get(address)
    while any("shown" in form.fields for form in page.forms):
        preview = officer.send(page, page.form_with("shown", "decide"), button=("decide", decision))
        form = preview.form_with("ids")
        # Examples that no model learns from are accepted as well: they are about the same person.
        told = {"with_unlearned": "1"} if "with_unlearned" in form.fields else {}
        officer.send(preview, form, told)
        page = officer.get(address)


def grant_item(officer: Browser, request_path: str, number: int = 1) -> None:
    page = officer.get(f"{request_path}items/{number}/decide/")
    form = page.form_with("decision", "grant_ground")
    ground = re.search(r'name="grant_ground" value="([^"]+)"', page.html)
    confirm = officer.send(page, form, {"decision": "grant", "grant_ground": ground[1] if ground else ""})
    officer.send(confirm, confirm.form_with("confirmed"))


def propose_and_approve(
    officers: Officers, request_path: str, method: str, choice: Mapping[str, str], number: int = 1
) -> int:
    """Let Omar propose and Lena approve; return the number of the job."""
    page = officers.omar.get(f"{request_path}items/{number}/propose/")
    proposal = officers.omar.send(page, page.form_with("method", "oracles"), {"method": method, **choice})
    if "/proposals/" not in proposal.url:
        message = f"The proposal was not taken: {_errors(proposal)}"
        raise PageError(message)
    approval_page = officers.lena.get(proposal.url)
    officers.lena.send(approval_page, approval_page.form_with("decision"), button=("decision", "approve"))
    match = re.search(r'href="/jobs/(\d+)/"', officers.lena.get(proposal.url).html)
    if match is None:
        message = f"{proposal.url} names no job after its approval."
        raise PageError(message)
    return int(match[1])


def follow_job(stack: LocalStack, officer: Browser, method: str, job: int) -> Attempt:
    """Watch the job's page until the job has ended, and read its result."""
    state = watch_job(officer, job)
    folder = stack.var / "artefacts" / "jobs" / str(job)
    results = sorted(folder.glob("run-*/result.json"))
    result = json.loads(results[-1].read_bytes()) if results and state == "completed" else {}
    evaluation = result.get("evaluation") or {}
    verdict = evaluation.get("verdict", {}).get("outcome", "")
    spec = json.loads((results[-1].parent / "spec.json").read_bytes()) if result else {}
    design = spec.get("protocol", {}).get("design", "independent") if spec else ""
    return Attempt(method, job, state, verdict, evaluation, result.get("seconds", {}), design)


def watch_job(officer: Browser, job: int) -> str:
    """Print a job's progress until it has ended, and return its final state.

    Raises:
        PageError: it takes longer than an hour.
    """
    end = time.monotonic() + JOB_PATIENCE
    shown = ""
    while True:
        page = officer.get(f"/jobs/{job}/")
        state = _state(page)
        line = state if state in ENDED else f"{state}: {_progress(page)}"
        if line != shown:
            print(f"    job {job} {line}", flush=True)
            shown = line
        if state in ENDED:
            return state
        if time.monotonic() > end:
            message = f"Job {job} has not ended within an hour."
            raise PageError(message)
        time.sleep(1)


def _state(page: Page) -> str:
    match = re.search(r'data-job-state="(\w+)"', page.html)
    if match is None:
        message = f"{page.url} does not say in which state the job is."
        raise PageError(message)
    return match[1]


def _progress(page: Page) -> str:
    match = re.search(r'<p class="stage">([^<]*)</p>.*?<p class="numbers">([^<]*)', page.html, re.DOTALL)
    return " ".join(f"{match[1]} {match[2]}".split()) if match else "waiting"


def _errors(page: Page) -> str:
    return " ".join(unescape(text) for text in re.findall(r'<p class="error-message"[^>]*>.*?</span>([^<]+)</p>', page.html))


def release(officer: Browser, request_path: str, attempt: int, number: int = 1) -> None:
    """Release the result as soon as its report is signed."""
    address = f"{request_path}items/{number}/proposals/{attempt}/release/"

    def signed() -> str:
        return address if 'value="release"' in officer.get(address).html else ""

    wait_for("The signed report", signed)
    page = officer.get(address)
    officer.send(page, page.form_with("act"), button=("act", "release"))


def export_and_verify(stack: LocalStack, reference: str, folder: Path) -> str:
    """Export the evidence of a request, verify it in a process of its own, and return what the verifier printed.

    The keys that count come from the installation's published trust file, which is written beside the bundle.

    Raises:
        PageError: it does not verify.
    """
    stack.manage("report_export", reference, "--out", str(folder))
    trust = folder.parent / "trust.json"
    stack.manage("trust_export", "--out", str(trust))
    command = ["verify", str(folder), "--trust", str(trust), "--request", reference]
    verification = subprocess.run(  # noqa: S603  # our own interpreter and module, no shell
        [sys.executable, "-m", "compliance.evidence", *command], capture_output=True, text=True, check=False
    )
    if verification.returncode != 0:
        message = f"The evidence of {reference} does not verify:\n{verification.stdout}{verification.stderr}"
        raise PageError(message)
    return verification.stdout
