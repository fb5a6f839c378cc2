"""What goes wrong before anything runs. The stack itself carries the end-to-end tests."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from compliance.local.services import LONGEST_SOCKET_PATH, LocalServiceError, redis_socket
from compliance.local.stack import LocalStack


def test_a_taken_port_is_said_with_a_way_out_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalServiceError, match=rf"Port {port} is taken.*PORT="):
            LocalStack(tmp_path, port=port).start()
    assert not (tmp_path / "pg").exists()


def test_a_folder_that_cannot_be_made_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LocalServiceError, match="cannot be used"):
        LocalStack(tmp_path / "file").start()


def test_a_deep_folder_gets_a_socket_that_linux_accepts(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)

    assert len(str(redis_socket(deep))) <= LONGEST_SOCKET_PATH
    assert redis_socket(deep) != redis_socket(tmp_path / ("e" * 120))
