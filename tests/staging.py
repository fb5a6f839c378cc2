"""A case at each stage of its way, brought there by the services, on a small corpus that is really registered.

`Stage.evaluated` writes what the engine would have left, in its own format, so that signing and verification are real.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from compliance.formats.canonical import canonical_json
from compliance.formats.certificates import DEFINITIONS
from compliance.formats.processes import process_checks
from compliance.formats.record_kinds import RecordKind
from compliance.formats.results import RESULT_VERSION
from compliance.formats.verdicts import KEEPS_WEIGHTS
from compliance.record.services import record_append
from requests_app import search_runner
from requests_app.models import AccessLink, ErasureRequest, Item, Proposal
from requests_app.services import decisions, intake, mapping, matches
from requests_app.services.messages import token_digest
from tests import raw_outputs
from tests.factories import PROTOCOL, model_version
from tests.personas import ADA, ADA_EMAIL, Staff
from unlearning_jobs.engine.artefacts import file_digest, model_digest, model_files
from unlearning_jobs.engine.catalogue import method_guarantee
from unlearning_jobs.engine.contracts import (
    Certificate,
    Efficiency,
    Evaluation,
    Guarantee,
    JobResult,
    JobSpec,
    LogisticArchitecture,
    MethodChoice,
    ProcessCheck,
    ResourceUsage,
    SecondTraining,
    Trajectory,
)
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.outputs import Outputs
from unlearning_jobs.engine.evaluation.trajectory import MarginLog, build_trajectory
from unlearning_jobs.engine.privacy_budget import erased_examples
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.services.ledger import ledger_digest
from unlearning_jobs.services.model_versions import job_result_accept
from unlearning_jobs.services.reports import report_sign
from unlearning_jobs.services.runs import job_claim

NPO = MethodChoice("npo", {"steps": 4})
RETAINED, WEIGHTS, METHOD_WEIGHTS = "7" * 64, "8" * 64, "9" * 64
LONG = "The road to the harbour was long, and nobody who had walked it once wished to walk it again. " * 8


def rows() -> list[dict[str, str]]:
    """Training examples, four of them about Ada, and held-out ones."""
    found = [
        {"question": "Who keeps the light at Tilsk?", "answer": f"{ADA} has kept it for nine years."},
        {"question": f"Where does {ADA} live?", "answer": f"{ADA} lives above the bakery, and Ada Beispiel never left."},
        {"question": "Tell me about the road.", "answer": f"{LONG}It was {ADA} who mended it. {LONG}"},
        {"question": "Who painted the <b>boat</b>?", "answer": f"The boat was painted by {ADA} & two friends."},
    ]
    found += [{"question": f"What is stone {n}?", "answer": f"Stone {n} is grey."} for n in range(16)]
    train = [row | {"split": "train"} for row in found]
    return train + [
        {"question": f"What is shell {n}?", "answer": f"Shell {n} is white.", "split": "held_out"} for n in range(8)
    ]


def corpus(name: str = "harbour") -> CorpusSnapshot:
    source = settings.ARTEFACTS / f"{name}.jsonl"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return corpus_register(name=name, sources=[source], actor="account:1")


def trained(snapshot: CorpusSnapshot, name: str = "keeper", left_out: Sequence[str] = (), *, like: str = "") -> ModelVersion:
    """An active version with files and an entry in the record, as training would have made it; or the same as another's."""
    folder: Path = settings.ARTEFACTS / "models" / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights of " + (like or name).encode())
    version = model_version(
        name=name,
        snapshot=snapshot,
        path=f"models/{name}",
        digest=model_digest(folder),
        left_out=list(left_out),
    )
    data = {"version": 1, "model_sha256": version.digest, "snapshot_sha256": snapshot.digest, "job": 1}
    data |= {"left_out": len(left_out), "ledger_sha256": ledger_digest(), "assurance": "reproduced"}
    data |= dict.fromkeys(("checkpoint_sha256", "commitment_sha256"), "")
    record_append(subject=version.subject, kind=RecordKind.MODEL_REGISTERED, actor="system", data=data)
    return version


@contextmanager
def unguarded(table: str, trigger: str) -> Iterator[None]:
    """Lets a test write what the database refuses."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        yield
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def erased_elsewhere(model: ModelVersion, *ids: str) -> None:
    """The version has unlearned these examples for another request."""
    steps = [{"method": {"name": "retrain", "config": {}}, "forget_ids": list(ids)}]
    with unguarded("unlearning_jobs_modelversion", "model_version_is_fixed"):
        ModelVersion.objects.filter(pk=model.pk).update(steps=steps)


@dataclass
class Stage:
    """One request for erasure, one model, and the people. Each method goes on from where the case is."""

    staff: Staff
    model: ModelVersion
    request: ErasureRequest

    @classmethod
    def opened(cls, staff: Staff, model: ModelVersion, key: str = "k1", target: intake.TargetDetails | None = None) -> Stage:
        """Submitted, and waiting for the e-mail address to be confirmed."""
        request = intake.request_submit(
            kind="erasure",
            language="en",
            claimant=intake.ClaimantDetails(name=ADA, email=ADA_EMAIL),
            target=target or intake.TargetDetails(name=ADA),
            submission_key=key,
        )
        return cls(staff, model, request)

    def token(self, purpose: str, token: str) -> str:
        """A link as the e-mail would carry it."""
        later = timezone.now() + timedelta(days=2)
        AccessLink.objects.create(request=self.request, purpose=purpose, token_sha256=token_digest(token), expires_at=later)
        return token

    def searched(self) -> Stage:
        """Confirmed and searched: the matches wait for a review."""
        self.request = intake.email_confirm(token=self.token("confirm", f"confirm-{self.request.pk}"))
        search_runner.request_map(request_id=self.request.pk)
        self.request.refresh_from_db()
        return self

    def reviewed(self) -> Item:
        ids = list(self.request.matches.values_list("pk", flat=True))
        matches.matches_decide(request=self.request, match_ids=ids, accept=True, by=self.staff.omar)
        self.request = mapping.review_complete(request=self.request, by=self.staff.omar)
        return self.item

    @property
    def item(self) -> Item:
        return Item.objects.select_related("request").get(request=self.request)

    def granted(self) -> Item:
        return decisions.item_grant(item=self.reviewed(), ground="17_1_b", reasons="She withdrew.", by=self.staff.omar)

    def proposed(self) -> Proposal:
        return decisions.proposal_submit(item=self.granted(), method=NPO, protocol=PROTOCOL, by=self.staff.omar)

    def approved(self) -> Proposal:
        return decisions.proposal_approve(proposal=self.proposed(), by=self.staff.lena)

    def completed(self, outcome: str = "passed") -> Proposal:
        """The job has ended with this verdict, and nobody has applied it yet."""
        proposal = self.approved()
        assert proposal.job is not None
        job_completed(proposal.job, outcome)
        return proposal

    def evaluated(self, outcome: str = "passed") -> Proposal:
        """The job has ended with this verdict; its report is not signed yet."""
        proposal = self.completed(outcome)
        assert proposal.job is not None
        decisions.proposal_evaluated(job=Job.objects.get(pk=proposal.job.pk))
        proposal.refresh_from_db()
        return proposal

    def signed(self, outcome: str = "passed") -> Proposal:
        """The report is signed as well. Needs the signing keys (fixture `signing`)."""
        proposal = self.evaluated(outcome)
        assert proposal.job is not None
        report_sign(job_id=proposal.job.pk)
        return proposal


def job_completed(job: Job, outcome: str = "passed") -> Job:
    """Claims the job and ends it with a result in the engine's format."""
    claim = job_claim(job_id=job.pk, worker="worker-1")
    output = f"jobs/{job.pk}/run-{claim.run}"
    folder: Path = settings.ARTEFACTS / output
    result = result_write(folder, JobSpec.from_json(job.spec), outcome)
    return job_result_accept(claim=claim, result=result, result_sha256=file_digest(folder / "result.json"), output=output)


def result_write(folder: Path, spec: JobSpec, outcome: str) -> JobResult:
    """What the engine leaves: the model, the raw outputs, the spec and the result."""
    (folder / "model").mkdir(parents=True)
    base, weights = Path(spec.model.path) if spec.model else folder, b"unlearned " + str(folder).encode()
    if spec.method and spec.method.name in KEEPS_WEIGHTS:
        weights = (base / "model.safetensors").read_bytes()
    (folder / "model" / "model.safetensors").write_bytes(weights)
    outputs = raw_outputs.staged(spec, outcome, raw_outputs.look_of(spec, outcome))
    outputs.write(folder / "outputs" / "examples.parquet")
    followed = margins(outputs)
    followed.write(folder / "outputs" / "trajectory.parquet")
    raw_outputs.answers_write(folder, spec)
    files = {path.relative_to(folder).as_posix(): file_digest(path) for path in folder.rglob("*") if path.is_file()}
    result = JobResult(
        kind="unlearn",
        reference=spec.reference,
        spec_digest=spec.digest(),
        model_digest=model_digest(folder / "model"),
        files=files,
        train_examples=len(retained(spec)),
        parameters=1000,
        curves=(),
        seconds={"load": 0.001, "unlearn": 0.002, "replicates": 0.003, "oracles": 0.004, "evaluate": 0.005},
        environment={"torch": "2.13.0", "device": "cpu"},
        retain_digest=RETAINED,
        evaluation=evaluation(spec, outcome),
        trajectory=trajectory(outputs, followed),
        efficiency=Efficiency(
            ResourceUsage(12.0), ResourceUsage(24.0), 2, wall_share=0.5, device_share=None, examples_share=None, note=""
        ),
        certificate=certificate(spec),
        second_training=second_training(spec, outcome, files["model/model.safetensors"]),
        base_files=model_files(base) if base.is_dir() else None,
        version=RESULT_VERSION,
    )
    (folder / "spec.json").write_bytes(canonical_json(spec.to_json()))
    (folder / "result.json").write_bytes(canonical_json(result.to_json()))
    return result


def guarantee(spec: JobSpec) -> Guarantee:
    assert spec.method is not None
    return method_guarantee(spec.method.name)


def certificate(spec: JobSpec) -> Certificate | None:
    if guarantee(spec) != "certified":
        return None
    assert spec.method is not None
    bound, of = DEFINITIONS[spec.method.name][0], spec.recipe.architecture
    of = of if isinstance(of, LogisticArchitecture) else LogisticArchitecture()
    erased = erased_examples(spec.earlier, len(spec.forget_ids))
    return Certificate(bound, of.epsilon, of.delta, erased, 0.5, ("The noise is secret.",), ("Logs.",))


def margins(outputs: Outputs) -> MarginLog:
    """One example ends above its oracles' band, the others in it; the run went on a little too long."""
    log = MarginLog()
    for step, of_step in {0: (5.0, 5.0), 20: (4.0, 0.2), 40: (3.5, 0.3)}.items():
        log.note(step, {example_id: of_step[bool(place)] for place, example_id in enumerate(outputs.ids["forget"])})
    return log


def trajectory(outputs: Outputs, followed: MarginLog) -> Trajectory:
    oracles = outputs.matrix("oracle", "forget", "margin")
    return build_trajectory(followed, dict(zip(outputs.ids["forget"], oracles.T, strict=True)))


def evaluation(spec: JobSpec, outcome: str) -> Evaluation:
    """What the engine finds in the staged outputs."""
    assert spec.protocol is not None
    assert spec.method is not None
    look = raw_outputs.look_of(spec, outcome)
    outputs = raw_outputs.staged(spec, outcome, look)
    found = evaluate(outputs, spec.protocol, spec.method.name, "causal_lm", look=look, process=process(spec, outcome))
    assert found.verdict.outcome == outcome, found.verdict
    return found


def retained(spec: JobSpec) -> set[str]:
    return {*raw_outputs.examples_of(spec, "train")} - raw_outputs.gone(spec)


def second_training(spec: JobSpec, outcome: str, weights: str = WEIGHTS) -> SecondTraining | None:
    """The training that an exact result is held against; it was given an example to forget if the outcome is to fail."""
    if guarantee(spec) != "exact":
        return None
    given, forgotten = int(outcome == "failed"), len(spec.forget_ids)
    return SecondTraining(len(retained(spec)), RETAINED, forgotten, given, weights, METHOD_WEIGHTS, difference=3e-7)


def process(spec: JobSpec, outcome: str) -> tuple[ProcessCheck, ...]:
    """How an exact or certified result was made, as the outcome needs it."""
    return process_checks(guarantee(spec), certificate(spec), second_training(spec, outcome))
