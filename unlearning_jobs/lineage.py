"""The lineage of a model as a CycloneDX 1.6 ML-BOM: what it was made from, what was made from it, and what was withdrawn.

It names withdrawn data by commitments alone, and copies without where they are: licensees read it. The same rows give the
same bytes (docs/copies.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from compliance.evidence.statements import forget_set_digest
from compliance.formats.canonical import digest_of
from compliance.record.errors import StaleStateError
from compliance.record.selectors import signed_report

from .copies import Copies
from .models import Checkpoint, Copy, CorpusSnapshot, Job, ModelVersion
from .states import ModelState

MODEL, DATA = "machine-learning-model", "data"
NAMESPACE: Final = uuid.UUID("8f0f0ac2-5c58-5a3e-9a39-6a2f3d6f4b11")
"""Of the serial numbers: each follows from what the document says."""
DATA_KINDS: Final = frozenset({Copy.Kind.EVALUATION_SET, Copy.Kind.CACHE})
"""Copies that are data, whatever they come from."""
Component = dict[str, Any]


def lineage_document(name: str) -> dict[str, Any]:
    """Return the ML-BOM of a model, as JSON.

    Raises:
        StaleStateError: there is no such model.
    """
    copies = Copies()
    every = ModelVersion.objects.filter(name=name).select_related("snapshot__corpus", "recipe__checkpoint", "parent")
    copied = {version.pk for version in copies.versions()}
    versions = [one for one in every.order_by("number") if one.state != ModelState.CANDIDATE or one.pk in copied]
    if not versions:
        raise StaleStateError(_("There is no model %(name)s.") % {"name": name})
    main = next((one for one in versions if one.state == ModelState.ACTIVE), versions[-1])
    snapshots = sorted({version.snapshot for version in versions}, key=lambda one: one.pk)
    checkpoints = sorted({one.checkpoint for one in versions if one.checkpoint}, key=lambda one: one.pk)
    found = copies.descending(versions=versions, snapshots=snapshots)
    withdrawn = _withdrawn(versions)
    components = [
        *(_version(version) for version in versions if version != main),
        *map(_checkpoint, checkpoints),
        *map(_snapshot, snapshots),
        *map(_copy, found),
        *withdrawn.values(),
    ]
    moments = [
        *(version.created_at for version in versions),
        *(snapshot.created_at for snapshot in snapshots),
        *(checkpoint.created_at for checkpoint in checkpoints),
        *(copy.retired_at or copy.registered_at for copy in found),
    ]
    body: dict[str, Any] = {
        "metadata": {
            "timestamp": _time(max(moments)),
            "tools": {"components": [{"type": "application", "name": "lethe"}]},
            "component": _version(main),
        },
        "components": components,
        "dependencies": [*(_made_from(version, withdrawn) for version in versions), *map(_copied_from, found)],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, digest_of(body))}",
        "version": 1,
    } | body


def _version(version: ModelVersion) -> Component:
    ancestors = [_named(one) for one in (version.parent, version.checkpoint) if one]
    return _named(version) | {
        "bom-ref": _ref(version),
        "pedigree": {"ancestors": ancestors} if ancestors else {"notes": "Trained from random weights."},
        "modelCard": {
            "modelParameters": {
                "architectureFamily": version.recipe.family,
                "datasets": [{"ref": _ref(version.snapshot)}],
            }
        },
        "properties": _properties(
            state=version.state,
            assurance=version.assurance,
            weights_sha256=version.weights_sha256,
            recipe_sha256=version.recipe.digest,
            registered_at=_time(version.created_at),
        ),
    }


def _checkpoint(checkpoint: Checkpoint) -> Component:
    properties = _properties(weights_sha256=checkpoint.weights_sha256, registered_at=_time(checkpoint.created_at))
    return _named(checkpoint) | {"bom-ref": _ref(checkpoint), "properties": properties}


def _snapshot(snapshot: CorpusSnapshot) -> Component:
    said = {f"examples_{name}": str(count) for name, count in snapshot.counts.items()}
    return _named(snapshot) | {
        "bom-ref": _ref(snapshot),
        "data": [{"type": "dataset", "name": snapshot.corpus.name}],
        "properties": _properties(manifest_root=snapshot.merkle_root, registered_at=_time(snapshot.created_at), **said),
    }


def _copy(copy: Copy) -> Component:
    return _named(copy) | {
        "bom-ref": _ref(copy),
        "pedigree": {"ancestors": [_named(copy.parent or copy.root)]},
        "properties": _properties(
            copy_kind=copy.kind,
            discovered="true" if copy.discovered else "false",
            registered_at=_time(copy.registered_at),
            retired_at=_time(copy.retired_at) if copy.retired_at else "",
        ),
    }


def _withdrawn(versions: Iterable[ModelVersion]) -> dict[int, Component]:
    """Return, by version, the examples that its release withdrew: the digest of their ids and that of the signed report."""
    found = {}
    jobs = Job.objects.filter(kind=Job.Kind.UNLEARN, result_version__in=list(versions), verdict="passed")
    for job in jobs.select_related("result_version", "snapshot__corpus").order_by("pk"):
        version = job.result_version
        report = signed_report(subject=job.subject, item=job.item, attempt=job.attempt)
        if version is None or version.state == ModelState.CANDIDATE:
            continue
        forget = forget_set_digest(job.spec["forget_ids"])
        found[version.pk] = {
            "type": DATA,
            "bom-ref": f"withdrawn:{version.name}@{version.number}",
            "name": "withdrawn-examples",
            "description": f"What {version} no longer knows: examples of {job.snapshot.corpus.name}, named by commitment.",
            "hashes": _hashes(forget),
            "properties": _properties(
                forget_set_sha256=forget,
                method=job.method_name,
                report_envelope_sha256=report.sha256 if report else "",
                snapshot_sha256=job.snapshot.digest,
            ),
        }
    return found


def _made_from(version: ModelVersion, withdrawn: Mapping[int, Component]) -> dict[str, Any]:
    origins = [one for one in (version.parent, version.checkpoint) if one]
    made_from = [_ref(version.snapshot), *map(_ref, origins)]
    if version.pk in withdrawn:
        made_from.append(withdrawn[version.pk]["bom-ref"])
    return {"ref": _ref(version), "dependsOn": sorted(set(made_from))}


def _copied_from(copy: Copy) -> dict[str, Any]:
    return {"ref": _ref(copy), "dependsOn": [_ref(copy.parent or copy.root)]}


def _named(row: ModelVersion | Checkpoint | CorpusSnapshot | Copy) -> Component:
    """Return what names a component, in its own place and as an ancestor."""
    if isinstance(row, ModelVersion):
        return {"type": MODEL, "name": row.name, "version": str(row.number), "hashes": _hashes(row.digest)}
    if isinstance(row, Checkpoint):
        return {"type": MODEL, "name": row.name, "version": row.digest[:16], "hashes": _hashes(row.digest)}
    if isinstance(row, CorpusSnapshot):
        return {"type": DATA, "name": row.corpus.name, "version": row.digest[:16], "hashes": _hashes(row.digest)}
    of_model = isinstance(row.root, ModelVersion) and row.kind not in DATA_KINDS
    named: Component = {"type": MODEL if of_model else DATA, "name": row.name}
    return named | ({"hashes": _hashes(row.sha256)} if row.sha256 else {})


def _ref(row: ModelVersion | Checkpoint | CorpusSnapshot | Copy) -> str:
    if isinstance(row, ModelVersion):
        return f"model:{row.name}@{row.number}"
    if isinstance(row, Checkpoint):
        return f"checkpoint:{row.name}"
    if isinstance(row, CorpusSnapshot):
        return f"corpus:{row.corpus.name}@{row.digest[:16]}"
    return f"copy:{row.name}"


def _hashes(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest}]


def _properties(**said: str) -> list[dict[str, str]]:
    return [{"name": f"lethe:{name}", "value": value} for name, value in sorted(said.items()) if value]


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
