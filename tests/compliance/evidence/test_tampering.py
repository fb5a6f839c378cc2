"""Whatever is changed, added or taken away in a bundle, verification fails at a named step and never breaks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.evidence.verification import verify_bundle

from .sample import SampleRequest, honest

damaging = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
"""Each example restores what it changed, so the copied bundle may be shared between examples."""


def files_of(bundle: Path) -> list[Path]:
    return sorted(path for path in bundle.rglob("*") if path.is_file())


def assert_noticed(bundle: Path) -> None:
    result = verify_bundle(bundle)
    failed = [step for step in result.steps if step.status == "failed"]
    assert failed, "nothing was noticed"
    assert not result.passed
    for step in failed:
        assert step.reason.isprintable()
        assert "broke on this input" not in step.reason, step


@damaging
@given(data=st.data())
def test_any_changed_bit_is_noticed(bundle: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(files_of(bundle)))
    before = file.read_bytes()
    place = data.draw(st.integers(0, len(before) * 8 - 1))
    changed = bytearray(before)
    changed[place // 8] ^= 1 << place % 8
    file.write_bytes(changed)
    try:
        assert_noticed(bundle)
    finally:
        file.write_bytes(before)


def test_every_byte_of_the_trust_file_counts(bundle: Path) -> None:
    before = (bundle / "trust.json").read_bytes()
    for place in range(len(before)):
        changed = bytearray(before)
        changed[place] ^= 1
        (bundle / "trust.json").write_bytes(changed)
        assert_noticed(bundle)


@damaging
@given(data=st.data())
def test_any_other_content_is_noticed(bundle: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(files_of(bundle)))
    before = file.read_bytes()
    cut = data.draw(st.integers(0, len(before)))
    content = before[:cut] + data.draw(st.binary(max_size=40))
    if content == before:
        return
    file.write_bytes(content)
    try:
        assert_noticed(bundle)
    finally:
        file.write_bytes(before)


HOSTILE_JSON = [
    b"null\n",
    b"[" * 60_000 + b"\n",
    b'{"a":' * 900 + b"1" + b"}" * 900 + b"\n",
    b'{"entry":null,"index":0,"proof":[]}\n',
    b'{"entry":{},"index":1e400,"proof":{}}\n',
    b'{"entry":{"actor":"system","at":"2026-11-20T09:00:00Z","data":{"a":' + b"[" * 700 + b"]" * 700 + b"},"
    b'"format":"lethe-record/1","kind":"a.b","number":1,"subject":"a"},"index":0,"proof":[]}\n',
    b'"\\ud800"\n',
    b"9" * 10_000 + b"\n",
    b"\x00\n",
    b"\n\n\n",
]


@pytest.mark.parametrize("content", HOSTILE_JSON)
@pytest.mark.parametrize("name", ["trust.json", "record.jsonl", "checkpoint", "report/1-2/result.json"])
def test_hostile_content_is_noticed(bundle: Path, name: str, content: bytes) -> None:
    (bundle / name).write_bytes(content)
    assert_noticed(bundle)


def test_any_missing_file_is_noticed(bundle: Path) -> None:
    for file in files_of(bundle):
        before = file.read_bytes()
        file.unlink()
        assert_noticed(bundle)
        file.write_bytes(before)
    assert verify_bundle(bundle).passed


@pytest.mark.parametrize(
    "name",
    [
        "report/1-1/extra.json",
        "report/1-3/result.json",
        "attestations/9-release.dsse.json",
        "notes.txt",
        "report/1-1/model/x",
    ],
)
def test_any_added_file_is_noticed(bundle: Path, name: str) -> None:
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_bytes(b"{}")
    assert_noticed(bundle)


def record_lines(bundle: Path) -> list[bytes]:
    return (bundle / "record.jsonl").read_bytes().splitlines(keepends=True)


def test_any_dropped_record_line_is_noticed(bundle: Path) -> None:
    lines = record_lines(bundle)
    for number in range(len(lines)):
        (bundle / "record.jsonl").write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
        assert_noticed(bundle)


def test_any_cut_off_end_of_the_record_is_noticed(bundle: Path) -> None:
    lines = record_lines(bundle)
    for number in range(len(lines)):
        (bundle / "record.jsonl").write_bytes(b"".join(lines[:number]))
        assert_noticed(bundle)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[::-1],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines[:3], b"\n", *lines[3:]],
        lambda lines: [*lines[:-1], lines[-1].rstrip(b"\n")],
    ],
    ids=["reversed", "last line twice", "blank line", "no newline at the end"],
)
def test_another_order_or_layout_of_the_record_is_noticed(
    bundle: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    (bundle / "record.jsonl").write_bytes(b"".join(change(record_lines(bundle))))
    assert_noticed(bundle)


def test_two_swapped_envelopes_are_noticed(bundle: Path) -> None:
    first, second = sorted((bundle / "attestations").glob("*unlearning-report*"))
    contents = first.read_bytes(), second.read_bytes()
    first.write_bytes(contents[1])
    second.write_bytes(contents[0])
    assert_noticed(bundle)


def test_two_swapped_reports_are_noticed(bundle: Path) -> None:
    (bundle / "report/1-1").rename(bundle / "report/x")
    (bundle / "report/1-2").rename(bundle / "report/1-1")
    (bundle / "report/x").rename(bundle / "report/1-2")
    assert_noticed(bundle)


@pytest.fixture(scope="session")
def foreign_bundle(tmp_path_factory: pytest.TempPathFactory, honest_sample: SampleRequest) -> Path:
    """Another request's honest bundle, signed by the same keys in a log of its own."""
    sample = SampleRequest(tmp_path_factory.mktemp("foreign"), "LE-AAAA-BBBB")
    sample.log_key, sample.signer, sample.log.key = honest_sample.log_key, honest_sample.signer, honest_sample.log_key
    sample.prepare()
    sample.submit()
    sample.map()
    sample.approve(1)
    sample.run(1, "failed")
    sample.approve(2)
    sample.run(2)
    sample.release(2)
    sample.seal()
    return sample.write()


@pytest.mark.parametrize(
    "part",
    [
        "checkpoint",
        "record.jsonl",
        "attestations/30-unlearning-report.dsse.json",
        "attestations/33-release.dsse.json",
        "attestations",
    ],
)
def test_a_part_of_another_requests_bundle_is_noticed(bundle: Path, foreign_bundle: Path, part: str) -> None:
    assert verify_bundle(foreign_bundle).passed
    if (bundle / part).is_dir():
        shutil.rmtree(bundle / part)
        shutil.copytree(foreign_bundle / part, bundle / part)
    else:
        shutil.copyfile(foreign_bundle / part, bundle / part)
    assert_noticed(bundle)


def test_another_requests_record_with_these_attestations_is_noticed(bundle: Path, foreign_bundle: Path) -> None:
    for part in ("checkpoint", "record.jsonl"):
        shutil.copyfile(foreign_bundle / part, bundle / part)
    assert_noticed(bundle)


def test_a_bundle_of_another_operator_is_noticed_with_ones_own_trust_file(
    tmp_path: Path, honest_sample: SampleRequest
) -> None:
    forged = honest(tmp_path).write()
    assert verify_bundle(forged).passed
    assert not verify_bundle(forged, honest_sample.trust).passed
