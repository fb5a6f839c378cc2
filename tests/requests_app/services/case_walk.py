"""A random walk of random people over the services of two cases about the same person, for the test of its invariants.

Their examples are in two corpora: one model has learned from the first, and trainings on the second begin and end meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field

from django.db import transaction

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from compliance.record.selectors import signed_report
from requests_app import sample_runner, search_runner
from requests_app.models import Ending, ErasureRequest, Item, Proposal
from requests_app.services import decisions, endings, intake, mapping, matches, samples, search_orders
from requests_app.services.copies_due import copies_waiting
from requests_app.services.copy_settlements import copy_settle
from requests_app.services.extensions import deadline_extend
from requests_app.services.releases import release_sign
from requests_app.states import SETTLED, ItemState, RequestState
from tests.endings import NOT_HERS, REASONS
from tests.factories import PROTOCOL, RECIPE
from tests.staging import NPO, Stage, job_completed, trained
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.services.destruction import model_version_destroy
from unlearning_jobs.services.jobs import job_cancel
from unlearning_jobs.services.reports import report_sign
from unlearning_jobs.services.trainings import model_train
from unlearning_jobs.states import JobState, ModelState

from .case_chances import BY_ITEM, BY_STATE, FURTHER, USUALLY

REFUSALS = (StaleStateError, NotAllowedError, SpecError, intake.LinkError)
"""How services say no. Anything else fails the test: a database rule, a release that is made and not signed."""
ANYBODY_DOES = 0.1
"""How often somebody else does what one person usually does; else hardly any case would get far."""
WHY = "Something else is better here."
ANYTHING_FITTING = 0.3
"""How often somebody tries anything that fits the state of the case."""
EVERYBODY_DOES = 0.15
"""How often somebody tries what does not fit the state at all."""
WANTED_DOES = 0.3
"""How often somebody tries what the walk still lacks."""
SIGN = {"sign", "release"}
"""Acts with a durable transaction, which may not be inside another one."""


class NothingThereError(StaleStateError):
    """The walk has nothing yet that the act could be about."""


@dataclass
class Walk:
    """One walk: its dice, its people, its cases."""

    dice: random.Random
    people: list[Account]
    cases: list[Stage]
    second: CorpusSnapshot
    taken: list[str] = field(default_factory=list)
    """The acts that were taken, in order: what to read when a walk fails."""
    signed: int = 0
    """Releases that were signed."""
    wanted: list[str] = field(default_factory=list)
    """Acts that seldom come by chance, and are tried often on this walk until each was taken."""
    seed: int = 0

    def step(self) -> bool:
        """Let somebody try something; return whether it was taken. Whoever is refused changes nothing."""
        case = self.dice.choice([case for case in self.cases if case.request.state != RequestState.CLOSED] or self.cases)
        case.request = ErasureRequest.objects.get(pk=case.request.pk)
        act = self.dice.choice(list(ACTS) if self.dice.random() < EVERYBODY_DOES else self.fitting(case))
        usual = {"lena": case.staff.lena, "nils": case.staff.nils}.get(USUALLY.get(act, ""), case.staff.omar)
        by = self.dice.choice(self.people) if self.dice.random() < ANYBODY_DOES else usual
        entries = RecordEntry.objects.count()
        try:
            with nullcontext() if act in SIGN else transaction.atomic():
                ACTS[act](self, case, by)
        except REFUSALS:
            assert RecordEntry.objects.count() == entries
            return False
        assert RecordEntry.objects.count() > entries, f"{act} left no entry"
        self.taken.append(f"{case.request.reference} {act} by {by.username}")
        self.wanted = [other for other in self.wanted if other != act]
        return True

    def fitting(self, case: Stage) -> list[str]:
        """Acts that fit the state of the case; mostly only those that take it on, so that walks get far."""
        state, items = RequestState(case.request.state), list(case.request.items.exclude(state__in=SETTLED).order_by("pk"))
        wanted = [act for act in self.wanted if act in BY_STATE[state]]
        if wanted and self.dice.random() < WANTED_DOES:
            return wanted
        if self.dice.random() < ANYTHING_FITTING:
            return BY_STATE[state]
        if state == RequestState.REVIEW and not case.request.matches.filter(decision="open").exists():
            return ["complete", "complete", "think again"] if items else ["complete", "close"]
        if state == RequestState.IN_PROGRESS and items:
            return BY_ITEM[ItemState(self.dice.choice(items).state)]
        return FURTHER.get(state, BY_STATE[state])

    def item(self, case: Stage, *states: ItemState) -> Item:
        """Any item of the case, rather one in these states."""
        items = list(case.request.items.select_related("request").order_by("pk"))
        fitting = [item for item in items if item.state in states]
        if not items:
            raise NothingThereError
        return self.dice.choice(fitting or items)

    def proposal(self, case: Stage) -> Proposal:
        proposals = list(Proposal.objects.filter(item__request=case.request).order_by("-pk"))
        if not proposals:
            raise NothingThereError
        return proposals[0] if self.dice.random() < 0.8 else self.dice.choice(proposals)  # mostly the last one

    def ending(self, case: Stage) -> Ending:
        found = list(case.request.endings.order_by("-pk"))
        if not found:
            raise NothingThereError
        return found[0] if self.dice.random() < 0.8 else self.dice.choice(found)  # mostly the last one

    def job(self, case: Stage) -> Job:
        job = self.proposal(case).job
        if job is None:
            raise NothingThereError
        return Job.objects.get(pk=job.pk)


def confirm(walk: Walk, case: Stage, _by: Account) -> None:
    intake.email_confirm(token=case.token("confirm", f"confirm-{walk.dice.random()}"))


def withdraw(walk: Walk, case: Stage, _by: Account) -> None:
    if "withdraw" not in walk.wanted and walk.dice.random() < 0.97:  # else hardly any case would get far
        raise NothingThereError
    intake.request_withdraw(token=case.token("status", f"status-{walk.dice.random()}"))


def search_again(walk: Walk, case: Stage, by: Account) -> None:
    if walk.dice.random() < 0.5:  # the same
        raise NothingThereError
    search_orders.request_search_again(request=case.request, by=by)


def decide(walk: Walk, case: Stage, by: Account) -> None:
    ids = [pk for pk in case.request.matches.values_list("pk", flat=True).order_by("pk") if walk.dice.random() < 0.8]
    matches.matches_decide(request=case.request, match_ids=ids, accept=walk.dice.random() < 0.6, by=by)


def add(walk: Walk, case: Stage, by: Account) -> None:
    example = walk.dice.randrange(30)  # 20 to 27 are held out, the last two are not there
    mapping.match_add(request=case.request, snapshot=case.model.snapshot, example_id=f"e{example:08d}", reason=WHY, by=by)


def sample(walk: Walk, case: Stage, by: Account) -> None:
    """Somebody looks at a sample, which may take long: others act meanwhile, and it is ended later or never."""
    waiting = case.request.samples.filter(state=JobState.COMPLETED, looked_at=None).last()
    if waiting is None:
        order = samples.sample_order(request=case.request, snapshot=case.model.snapshot, size=50, by=by)
        sample_runner.sample_execute(sample_id=order.pk)
        return
    for one in waiting.examples.all():
        samples.sample_mark(sample=waiting, example_pk=one.pk, about=walk.dice.random() < 0.05, by=by)
    samples.sample_finish(sample=waiting, by=by)


def add_of_second(walk: Walk, case: Stage, by: Account) -> None:
    example = f"e{walk.dice.randrange(7):08d}"
    mapping.match_add(request=case.request, snapshot=walk.second, example_id=example, reason=WHY, by=by)


def train(walk: Walk, case: Stage, _by: Account) -> None:
    if walk.dice.random() < 0.5:  # the same
        raise NothingThereError
    model_train(name="second", recipe=RECIPE, snapshot=walk.second, seed=1, actor=case.staff.eva.opaque)


def end_training(walk: Walk, case: Stage, _by: Account) -> None:
    """It has ended with a model in use, which has learned what the training was to learn; or was cancelled."""
    job = Job.objects.filter(kind="train", state=JobState.QUEUED).first()
    if job is None:
        raise NothingThereError
    job_cancel(job_id=job.pk, actor=case.staff.eva.opaque)
    if walk.dice.random() < 0.7:
        trained(job.snapshot, "second", left_out=job.spec["exclude_ids"])


def close(_walk: Walk, case: Stage, by: Account) -> None:
    outcome = endings.closing_draft(request=case.request, reasons=REASONS, by=by).outcome
    endings.closing_propose(request=case.request, outcome=outcome, reasons=REASONS, by=by)


def think_again(walk: Walk, case: Stage, by: Account) -> None:
    """An example leaves its item by two officers, and is accepted again."""
    items = [item for item in case.request.items.exclude(state__in=SETTLED).order_by("pk") if item.example_ids]
    if not items:
        raise NothingThereError
    item = walk.dice.choice(items)
    match = case.request.matches.get(snapshot=item.snapshot, example_id=walk.dice.choice(item.example_ids))
    matches.matches_decide(request=case.request, match_ids=[match.pk], accept=False, by=by)
    ending = endings.correction_propose(request=case.request, reasons=NOT_HERS, by=by)
    endings.ending_approve(ending=ending, by=case.staff.lena)
    matches.matches_decide(request=case.request, match_ids=[match.pk], accept=True, by=by)


def submit(walk: Walk, case: Stage, by: Account) -> None:
    item = walk.item(case, ItemState.GRANTED)
    decisions.proposal_submit(item=item, method=NPO, protocol=PROTOCOL, by=by)


def end_job(walk: Walk, case: Stage, _by: Account) -> None:
    job_completed(walk.job(case), walk.dice.choice(["passed", "passed", "failed", "inconclusive", "no_influence"]))


def release(walk: Walk, case: Stage, by: Account) -> None:
    """Releases a result, and signs that: what the signing process refuses stops everything. Omar settles what is copied."""
    release_sign(proposal_id=decisions.item_release(proposal=walk.proposal(case), by=by).pk)
    walk.signed += 1
    for copy in copies_waiting(case.request):
        copy_settle(request=case.request, copy=copy, how="erased", by=case.staff.omar)


def sign(walk: Walk, case: Stage, _by: Account) -> None:
    job = walk.job(case)
    if signed_report(subject=job.subject, item=job.item, attempt=job.attempt):
        raise NothingThereError  # a second signature is the first one
    report_sign(job_id=job.pk)


def destroy(_walk: Walk, case: Stage, _by: Account) -> None:
    version = ModelVersion.objects.filter(name=case.model.name, state=ModelState.CANDIDATE).first()
    if version is None:
        raise NothingThereError
    model_version_destroy(version=version, by=case.staff.eva)


Act = Callable[[Walk, Stage, Account], object]
ACTS: dict[str, Act] = {
    "confirm": confirm,
    "withdraw": withdraw,
    "search": lambda _walk, case, _by: search_runner.request_map(request_id=case.request.pk),
    "search again": search_again,
    "decide": decide,
    "add": add,
    "sample": sample,
    "complete": lambda _walk, case, by: mapping.review_complete(request=case.request, by=by),
    "add of second": add_of_second,
    "train": train,
    "end training": end_training,
    "close": close,
    "correct": lambda _walk, case, by: endings.correction_propose(request=case.request, reasons=NOT_HERS, by=by),
    "think again": think_again,
    "approve end": lambda walk, case, by: endings.ending_approve(ending=walk.ending(case), by=by),
    "decline end": lambda walk, case, by: endings.ending_decline(ending=walk.ending(case), reason=WHY, by=by),
    "grant": lambda walk, case, by: decisions.item_grant(
        item=walk.item(case, ItemState.DECIDING), ground="17_1_b", reasons="", by=by
    ),
    "refuse": lambda walk, case, by: endings.refusal_propose(
        item=walk.item(case, ItemState.DECIDING, ItemState.GRANTED), ground="17_3_e", reasons=REASONS, by=by
    ),
    "lapse": lambda walk, case, by: endings.lapse_propose(item=walk.item(case), by=by),
    "submit": submit,
    "approve": lambda walk, case, by: decisions.proposal_approve(proposal=walk.proposal(case), by=by),
    "decline": lambda walk, case, by: decisions.proposal_decline(proposal=walk.proposal(case), reason=WHY, by=by),
    "end job": end_job,
    "cancel job": lambda walk, case, by: job_cancel(job_id=walk.job(case).pk, actor=by.opaque),
    "evaluate": lambda walk, case, _by: decisions.proposal_evaluated(job=walk.job(case)),
    "sign": sign,
    "release": release,
    "reopen": lambda walk, case, by: decisions.item_reopen(proposal=walk.proposal(case), by=by),
    "destroy": destroy,
    "extend": lambda _walk, case, by: deadline_extend(request=case.request, months=1, reasons=REASONS, by=by),
    "undo": lambda _walk, case, by: matches.decisions_undo(request=case.request, by=by),
}
