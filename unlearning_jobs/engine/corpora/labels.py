"""Whether files call the same classes differently: numbers in one and names in another would be classes of their own."""

from __future__ import annotations

from unlearning_jobs.engine.errors import CorpusError


class Labels:
    """What kinds of labels each file has, as its rows are read."""

    def __init__(self) -> None:
        self._file = ""
        self._kinds: set[bool] = set()
        self._files: dict[bool, str] = {}
        """A file that has numbers alone, and one that has names alone."""
        self._mixed = False

    def add(self, file: str, label: str) -> None:
        """Note the label of a row."""
        if file != self._file:
            self._end()
            self._file, self._kinds = file, set()
        if len(self._kinds) < 2:  # noqa: PLR2004  # numbers and names
            self._kinds.add(label.removeprefix("-").isdecimal())

    def check(self) -> None:
        """Refuse files of which some have numbers alone and others names alone, unless one shows that both are classes.

        Raises:
            CorpusError: it names two of them.
        """
        self._end()
        if len(self._files) > 1 and not self._mixed:
            message = (
                f"{self._files[True]} calls classes by numbers and {self._files[False]} by names, so that one class would be"
                " two; write the labels of both in the same way, or register them as two corpora."
            )
            raise CorpusError(message)

    def _end(self) -> None:
        if len(self._kinds) == 1:
            self._files.setdefault(next(iter(self._kinds)), self._file)
        self._mixed |= len(self._kinds) > 1
