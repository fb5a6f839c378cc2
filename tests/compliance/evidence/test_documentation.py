"""The commands in docs/verifying.md do what the page says, with tools that are not ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from compliance.evidence.verification import verify_bundle

from .sample import SampleRequest

PAGE = Path(__file__).parents[3] / "docs" / "verifying.md"
TOOLS = [tool for tool in ("bash", "openssl", "jq") if shutil.which(tool) is None]
needs_tools = pytest.mark.skipif(bool(TOOLS), reason=f"not installed: {', '.join(TOOLS)}")


def run_page(bundle: Path, attestation: str, trust: bytes, scratch: Path) -> subprocess.CompletedProcess[str]:
    (scratch / "trust.json").write_bytes(trust)
    script = "\n".join(re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    environment = os.environ | {"TRUST": str(scratch / "trust.json"), "ATTESTATION": attestation, "TMPDIR": str(scratch)}
    return subprocess.run(["bash", "-c", script], cwd=bundle, env=environment, capture_output=True, text=True, check=False)


@needs_tools
@pytest.mark.parametrize(
    "attestation",
    [
        "attestations/22-unlearning-report.dsse.json",
        "attestations/30-unlearning-report.dsse.json",
        "attestations/33-release.dsse.json",
    ],
)
def test_openssl_and_jq_verify_every_attestation(
    bundle: Path, attestation: str, honest_sample: SampleRequest, tmp_path: Path
) -> None:
    process = run_page(bundle, attestation, honest_sample.trust, tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("Signature Verified Successfully") == 2
    assert '"kind":"attestation.signed"' in process.stdout


@needs_tools
@pytest.mark.parametrize(
    "name",
    ["checkpoint", "record.jsonl", "attestations/30-unlearning-report.dsse.json", "report/1-2/outputs/examples.parquet"],
)
def test_openssl_and_jq_notice_a_changed_file(bundle: Path, name: str, honest_sample: SampleRequest, tmp_path: Path) -> None:
    changed = bytearray((bundle / name).read_bytes())
    for place in range(20, len(changed), 40):
        changed[place] ^= 1
    (bundle / name).write_bytes(changed)
    attestation = "attestations/30-unlearning-report.dsse.json"
    assert run_page(bundle, attestation, honest_sample.trust, tmp_path).returncode != 0


def test_the_page_lists_every_step(honest_bundle: Path) -> None:
    rows = re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == [step.number for step in verify_bundle(honest_bundle).steps]
