"""Devices and memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.training.device import _control_group_memory, _system_memory, choose_device, memory_available


def test_auto_takes_a_gpu_where_there_is_one() -> None:
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["tpu9", "", "cuda:77"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="There is no device"):
        choose_device(name)


def test_available_memory_is_the_least_of_system_and_control_group(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  8 kB\nMemAvailable:   2048 kB\n")
    assert _system_memory(tmp_path / "meminfo") == 2048 * 1024
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert _control_group_memory(tmp_path) == 600


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    assert _control_group_memory(tmp_path) == _system_memory(tmp_path / "none") == 2**63
    assert 0 < memory_available(torch.device("cpu")) < 2**63
