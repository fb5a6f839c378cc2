"""A folder of documents: each file is one, its path below the folder is its key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from unlearning_jobs.engine.stores.files import beside, folder_names, reader, require_there, require_writable, shred
from unlearning_jobs.engine.stores.store import Description, Document, Place, StoreError, Vector


class FolderStore:
    """Text files in a folder and its subfolders. Other files are no documents, and places all the same."""

    def __init__(self, path: str) -> None:
        self._path = require_there(Path(path))
        if not self._path.is_dir():
            message = f"{self._path} is no folder; check the path."
            raise StoreError(message, code="wrong_path")

    def describe(self) -> Description:
        return Description("folder", sum(1 for _ in self.documents()), 0, searches=False)

    def documents(self) -> Iterator[Document]:
        for file in self._files():
            if document := self._read(file):
                yield document

    def get(self, keys: Sequence[str]) -> list[Document]:
        files = [self._path / key for key in keys]
        inside = [file for file in files if file.is_relative_to(self._path) and ".." not in file.parts and file.is_file()]
        return [document for file in inside if (document := self._read(file))]

    def nearest(self, _vector: Vector, _most: int) -> list[str]:
        return []

    def check_writable(self) -> None:
        require_writable(self._path)

    def delete(self, keys: Collection[str]) -> None:
        for document in self.get(list(keys)):
            shred(self._path / document.key)

    def rebuild(self) -> None:
        """Remove folders that deletion has emptied: their names may say who it was."""
        for folder in sorted((one for one in self._path.rglob("*") if one.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                neutral = beside(folder, "").with_name("lethe-emptied")
                folder.rename(neutral)
                neutral.rmdir()

    def places(self) -> list[Place]:
        files = [Place(f"file {i}", "store", reader(file)) for i, file in enumerate(self._files(), start=1)]
        return [*files, Place("names of files", "names", lambda: folder_names(self._path))]

    def close(self) -> None:
        pass

    def _files(self) -> list[Path]:
        return sorted(one for one in self._path.rglob("*") if one.is_symlink() or not one.is_dir())

    def _read(self, file: Path) -> Document | None:
        if file.is_symlink():
            return None
        try:
            return Document(str(file.relative_to(self._path)), file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            return None
