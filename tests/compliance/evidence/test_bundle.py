from __future__ import annotations

import os
from pathlib import Path

import pytest

from compliance.evidence import bundle as bundles
from compliance.evidence.bundle import BundleFolder, ProvenEntry, write_bundle
from compliance.evidence.verification import verify_bundle
from compliance.formats.errors import FormatError

from .sample import SampleRequest


def write(sample: SampleRequest, directory: Path, **changes: object) -> None:
    arguments: dict[str, object] = {
        "checkpoint": sample.log.checkpoint(),
        "record": sample.lines(),
        "envelopes": sample.envelopes.values(),
        "report_files": sample.report_files,
        "trust": sample.trust,
    }
    write_bundle(directory, **(arguments | changes))  # type: ignore[arg-type]  # a test may pass anything


def test_a_bundle_has_these_files(honest_bundle: Path) -> None:
    assert sorted(BundleFolder.open(honest_bundle).names) == [
        "attestations/22-unlearning-report.dsse.json",
        "attestations/30-unlearning-report.dsse.json",
        "attestations/33-release.dsse.json",
        "checkpoint",
        "record.jsonl",
        "report/1-1/outputs/examples.parquet",
        "report/1-1/result.json",
        "report/1-1/spec.json",
        "report/1-2/outputs/examples.parquet",
        "report/1-2/result.json",
        "report/1-2/spec.json",
        "trust.json",
    ]


def test_the_order_in_which_entries_are_given_does_not_matter(
    honest_sample: SampleRequest, honest_bundle: Path, tmp_path: Path
) -> None:
    write(honest_sample, tmp_path / "again", record=reversed(honest_sample.lines()))
    assert (tmp_path / "again" / "record.jsonl").read_bytes() == (honest_bundle / "record.jsonl").read_bytes()


def test_an_existing_folder_is_never_written_into(honest_sample: SampleRequest, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="already exists"):
        write(honest_sample, tmp_path)


def test_missing_parent_folders_are_made(honest_sample: SampleRequest, tmp_path: Path) -> None:
    write(honest_sample, tmp_path / "a" / "b" / "bundle")
    assert verify_bundle(tmp_path / "a" / "b" / "bundle").passed


def test_an_envelope_that_the_record_does_not_hold_is_refused(honest_sample: SampleRequest, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"attestation\.signed entry first"):
        write(honest_sample, tmp_path / "bundle", envelopes=[b"{}"])
    assert list(tmp_path.iterdir()) == []


def test_a_report_file_outside_the_report_folder_is_refused(honest_sample: SampleRequest, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not a name for a report file"):
        write(honest_sample, tmp_path / "bundle", report_files={"report/../../x": tmp_path / "x"})


def test_what_models_answered_is_handed_to_nobody(honest_sample: SampleRequest, tmp_path: Path) -> None:
    answers = tmp_path / "answers.parquet"
    answers.write_bytes(b"PAR1")
    with pytest.raises(FormatError, match="not a name for a report file"):
        write(honest_sample, tmp_path / "bundle", report_files={"report/1-1/outputs/answers.parquet": answers})


def test_a_missing_report_file_leaves_nothing_behind(honest_sample: SampleRequest, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(honest_sample, tmp_path / "bundle", report_files={"report/1-1/result.json": tmp_path / "none"})
    assert list(tmp_path.iterdir()) == []


def test_a_record_line_is_read_back(honest_sample: SampleRequest) -> None:
    line = honest_sample.lines()[4]
    assert ProvenEntry.from_line(line.to_line().rstrip(b"\n")) == line


@pytest.mark.parametrize(
    "name",
    [
        "README",
        "checkpoint.txt",
        "attestations/x.dsse.json",
        "attestations/12-other.dsse.json",
        "report/result.json",
        "report/1-1/.hidden",
        "report/1-1/with space",
        "report/1-1/a/b/c/d/e",
        "report/1-1/outputs/answers.parquet",
        "report/1-1/\x1b[31m",
        os.fsdecode(b"report/1-1/\xff"),
    ],
)
def test_a_file_that_no_bundle_has_is_refused(bundle: Path, name: str) -> None:
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_bytes(b"x")
    with pytest.raises(FormatError) as error:
        BundleFolder.open(bundle)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("target", ["trust.json", "/etc/hostname", "nowhere"])
def test_links_are_refused(bundle: Path, target: str) -> None:
    (bundle / "report" / "1-1" / "extra.json").symlink_to(target)
    with pytest.raises(FormatError, match="a link or a device"):
        BundleFolder.open(bundle)


def test_a_linked_folder_is_refused(bundle: Path, tmp_path: Path) -> None:
    (bundle / "attestations").rename(tmp_path / "elsewhere")
    (bundle / "attestations").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FormatError, match="a link or a device"):
        BundleFolder.open(bundle)


def test_a_pipe_is_refused_and_never_opened(bundle: Path) -> None:
    os.mkfifo(bundle / "report" / "1-1" / "pipe.json")
    with pytest.raises(FormatError, match="a link or a device"):
        BundleFolder.open(bundle)


def test_an_empty_folder_inside_is_refused(bundle: Path) -> None:
    (bundle / "report" / "1-9").mkdir()
    with pytest.raises(FormatError, match="is empty"):
        BundleFolder.open(bundle)


@pytest.mark.parametrize("name", ["checkpoint", "record.jsonl", "trust.json"])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(FormatError, match=f"lacks {name}"):
        BundleFolder.open(bundle)


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such folder"):
        BundleFolder.open(tmp_path / "none")


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="empty"):
        BundleFolder.open(tmp_path)


def test_a_file_of_enormous_size_is_refused_unread(bundle: Path) -> None:
    with (bundle / "trust.json").open("r+b") as file:
        file.truncate(bundles.MAX_READ + 1)  # sparse: takes no space
    with pytest.raises(FormatError, match="too large"):
        BundleFolder.open(bundle)


def test_too_many_files_are_refused(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_FILES", 5)
    with pytest.raises(FormatError, match="more than 5 files"):
        BundleFolder.open(bundle)


def test_folders_nested_too_deep_are_refused(bundle: Path) -> None:
    deep = bundle.joinpath("report", *"abcdefgh")
    deep.mkdir(parents=True)
    (deep / "x").write_bytes(b"x")
    with pytest.raises(FormatError, match="deep"):
        BundleFolder.open(bundle)


def test_a_record_line_of_enormous_length_is_refused(bundle: Path) -> None:
    with (bundle / "record.jsonl").open("ab") as file:
        file.write(b"[" * (bundles.MAX_LINE + 1) + b"\n")
    with pytest.raises(FormatError, match=r"Line 34 of record\.jsonl: It has more than"):
        BundleFolder.open(bundle).record()
