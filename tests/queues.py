"""A broker of the test's own, in memory, whose queues can be counted."""

from __future__ import annotations

from typing import Self

import pytest
from celery import Celery
from kombu.transport.memory import Channel

import unlearning_jobs.queue


class Queues:
    """The messages that the code under test has sent and nobody has taken."""

    def __init__(self, broker: str) -> None:
        self.app = Celery("queues", broker=broker, set_as_current=False)

    def __len__(self) -> int:
        return sum(queue.qsize() for queue in Channel.queues.values())

    @classmethod
    def connected(cls, monkeypatch: pytest.MonkeyPatch, broker: str = "memory://") -> Self:
        """Let everything be sent to a new, empty broker until the test ends."""
        queues = cls(broker)
        Channel.queues.clear()
        monkeypatch.setattr(unlearning_jobs.queue, "app", queues.app)
        return queues


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Queues:
    return Queues.connected(monkeypatch)
