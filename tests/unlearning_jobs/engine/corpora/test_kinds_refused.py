"""Everything that `docs/corpora.md` says is refused is refused, with the file, what is wrong, and what helps."""

from __future__ import annotations

import gzip
import json
import pickle
import tarfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unlearning_jobs.engine.corpora.made import lines, report, written
from tests.unlearning_jobs.engine.corpora.test_kinds import ADA, BO, as_arrow, as_lines, as_parquet, documented, picture
from unlearning_jobs.engine.errors import CorpusError

ROWS = [{"text": ADA}, {"text": BO}]
Case = tuple[Callable[[Path], Path], str]
"""What writes the file below a folder, and what the message says."""


def array(path: Path, **arrays: Any) -> Path:
    np.savez(path / "a.npz", **arrays)
    return path / "a.npz"


def saved(path: Path, content: Any) -> Path:
    np.save(path / "a.npy", content)
    return path / "a.npy"


def packed(path: Path, *members: tuple[str, bytes], link: str = "") -> Path:
    with tarfile.open(path / "a.tar", "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
        if link:
            member = tarfile.TarInfo("1.txt")
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return path / "a.tar"


def pets(path: Path, content: Mapping[str, bytes]) -> Path:
    for name, one in content.items():
        written(path / "pets" / name, one)
    return path / "pets"


def animated() -> bytes:
    from PIL import Image

    file = BytesIO()
    frames = [Image.new("RGB", (4, 3), (shade, 0, 0)) for shade in (0, 200)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def saved_to_disk(path: Path, state: Mapping[str, Any]) -> Path:
    written(path / "saved" / "data.arrow", as_arrow(ROWS))
    written(path / "saved" / "state.json", json.dumps(state))
    return path / "saved"


def folder(path: Path, files: Mapping[str, Any]) -> Path:
    for name, rows in files.items():
        written(path / "many" / name, rows if isinstance(rows, bytes) else as_lines(rows))
    return path / "many"


def with_link(path: Path) -> Path:
    written(path / "other.jsonl", as_lines(ROWS))
    made = folder(path, {"a.jsonl": ROWS})
    (made / "b.jsonl").symlink_to(path / "other.jsonl")
    return made


def with_pipe(path: Path) -> Path:
    import os

    made = folder(path, {"a.jsonl": ROWS})
    os.mkfifo(made / "b.jsonl")
    return made


QUOTE = 'text,label\n"Ada,a\n' + "".join(f"Row {n},b\n" for n in range(6)) + 'Bo",b\n'
REFUSED: Mapping[str, list[Case]] = {
    "columns of no known shape, or a column with a role that holds no text": [
        (
            lambda path: lines(path / "a.jsonl", [{"frage": "Wer?", "antwort": ADA}]),
            "a.jsonl.*Columns seen: frage, antwort.*--role",
        ),
        (lambda path: lines(path / "a.jsonl", [{"text": {"x": 1}}]), "a.jsonl, line 1: .*text"),
    ],
    "a row over 1 MiB": [
        (lambda path: lines(path / "a.jsonl", [{"text": "word " * 250_000}]), "a.jsonl, line 1: .*--row-bytes")
    ],
    "another encoding": [
        (lambda path: written(path / "a.txt", "Käte".encode("latin-1")), "a.txt.*--encoding"),
        (lambda path: written(path / "a.csv", "text,label\n".encode("utf-16")), "a.csv.*utf-16"),
    ],
    "one object around the rows, as SQuAD's own file is": [
        (lambda path: written(path / "a.json", json.dumps({"data": [{"title": "x"}]}, indent=1)), "a.json.*(array|lines)")
    ],
    "in NPZ files, features that are infinite or not a number, and those that would become so, or nothing, in single"
    " precision": [
        (lambda path: array(path, x=np.array([[np.inf], [1.0]]), y=[0, 1]), "a.npz: x must hold finite numbers"),
        (lambda path: array(path, x=np.array([[np.nan], [1.0]]), y=[0, 1]), "a.npz: x must hold finite numbers"),
        (lambda path: array(path, x=np.array([[1e300], [1.0]]), y=[0, 1]), "a.npz: x .*single precision.*scale them"),
    ],
    "a label that is a number with a fraction, or one with a point and beyond 2^53": [
        (lambda path: lines(path / "a.jsonl", [{"text": ADA, "label": 0.5}]), "a.jsonl, line 1: .*label"),
        (lambda path: lines(path / "a.jsonl", [{"text": ADA, "label": 2.0**60}]), "a.jsonl, line 1: .*label"),
    ],
    "pictures of several sizes, several frames, more than 50 million pixels, 16 bits a channel": [
        (
            lambda path: pets(path, {"cat/0.png": picture(0), "cat/1.png": picture(1), "dog/2.png": picture(2, (5, 3))}),
            r"pets/dog/2.png, line 1: its features are 3x3x5 .* of pets/cat/0.png, line 1 are 3x3x4 .*--image-size",
        ),
        (lambda path: pets(path, {"cat/0.gif": animated()}), "cat/0.gif.*several frames"),
    ],
    "tables of numbers (`age`, `income`)": [
        (
            lambda path: written(path / "a.csv", "age,income\n30,1000\n40,2000\n"),
            "a.csv.*seen: age, income.*--role.*NPZ file",
        )
    ],
    "labels of a single class": [
        (
            lambda path: lines(path / "a.jsonl", [{"text": ADA, "label": "a"}, {"text": BO, "label": "a"}]),
            r"a.jsonl: all labels \(column label\) name one class.*--role text=COLUMN",
        )
    ],
    "an empty file, or one without a row": [
        (lambda path: written(path / "a.jsonl", b""), "a.jsonl is empty.*Export it again"),
        (lambda path: written(path / "a.csv", "text,label\n"), "a.csv is empty.*Export it again"),
    ],
    "a quote that takes several lines of a table into one cell, if most of them look like rows (as many cells, and no comma"
    " with a blank behind it), or if what comes out has more or fewer cells than the header": [
        (lambda path: written(path / "a.csv", QUOTE), "a.csv, line 2: .*quote")
    ],
    "a single array (`.npy`)": [(lambda path: saved(path, np.zeros((2, 2))), "a.npy.*savez")],
    "a damaged or truncated file; an array, an Arrow stream or an archive without its end": [
        (lambda path: written(path / "a.parquet", as_parquet(ROWS)[:200]), "a.parquet: .*export it again"),
        (lambda path: written(path / "a.jsonl.gz", gzip.compress(as_lines(ROWS))[:-12]), "a.jsonl.gz: .*compress it again"),
        (lambda path: written(path / "a.json", json.dumps(ROWS)[:-3]), "a.json: row 2: not JSON"),
        (lambda path: written(path / "a.arrow", as_arrow(ROWS)[:-40]), "a.arrow: .*export it again"),
        (lambda path: written(path / "b.tar", packed(path, ("0.txt", b"Ada")).read_bytes()[:512]), "b.tar: .*pack it again"),
    ],
    "a file that goes on behind its end: a second JSON array, Parquet file, Arrow stream or archive": [
        (lambda path: written(path / "a.json", json.dumps(ROWS) * 2), "a.json: something follows the end"),
        (lambda path: written(path / "a.arrow", as_arrow(ROWS) * 2), "a.arrow: something follows the end"),
        (lambda path: written(path / "a.parquet", as_parquet(ROWS) * 2), "a.parquet: another Parquet file follows"),
        (
            lambda path: written(path / "b.tar", packed(path, ("0.txt", b"Ada")).read_bytes() * 2),
            "b.tar: something follows the end",
        ),
    ],
    "two members of one name for one row of an archive (such a row is broken); two arrays of one name": [
        (lambda path: packed(path, ("0.txt", b"Ada"), ("0.txt", b"Bo")), "a.tar, line 1: .*two|twice")
    ],
    "members of one row of an archive that do not follow each other": [
        (lambda path: packed(path, ("0.txt", b"Ada"), ("1.txt", b"Bo"), ("0.cls", b"a")), "a.tar.*--sort=name")
    ],
    "a folder without some of its shards (`train-00001-of-00003`, `c4-train.00001-of-01024`, `data.1.of.3`, `train-1of3`),"
    " or without what a `state.json` or `dataset_dict.json` names": [
        (lambda path, name=name: folder(path, {name: ROWS}), "missing.*--allow-missing")
        for name in ("train-00001-of-00003.jsonl", "c4-train.00001-of-01024.jsonl", "data.1.of.3.jsonl", "train-1of3.jsonl")
    ]
    + [
        (
            lambda path: saved_to_disk(path, {"_data_files": [{"filename": "b.arrow"}, {"filename": "data.arrow"}]}),
            "missing: .*b.arrow",
        )
    ],
    "a `state.json` that selects rows of its files": [
        (
            lambda path: saved_to_disk(
                path, {"_data_files": [{"filename": "data.arrow"}], "_indices_data_files": [{"filename": "i"}]}
            ),
            r"state.json.*flatten_indices\(\)",
        )
    ],
    "files of which some have numbers alone as labels and others names alone": [
        (
            lambda path: folder(
                path,
                {
                    "a.jsonl": [{"text": f"{n}", "label": n % 2} for n in range(4)],
                    "b.jsonl": [{"text": "x", "label": "cat"}],
                },
            ),
            "a.jsonl calls classes by numbers and many/b.jsonl by names",
        )
    ],
    "links in a folder": [(with_link, "b.jsonl.*--follow-links")],
    "pipes and devices": [(with_pipe, "b.jsonl in many is no plain file; take it out")],
    "archives whose members lead elsewhere, or are links or devices": [
        (lambda path: packed(path, ("../0.txt", b"Ada")), "a.tar: .*leads out of the archive; pack it again"),
        (lambda path: packed(path, ("0.txt", b"Ada"), link="/etc/hostname"), "a.tar: it holds a link or a device"),
    ],
    "pickles (objects in NPZ, `.pkl`, `.pyd`, `.pt` in archives)": [
        (lambda path: array(path, x=np.zeros((2, 2)), y=np.array([{"a": 1}, None])), "a.npz.*objects"),
        (lambda path: packed(path, ("0.txt", b"Ada"), ("0.pyd", pickle.dumps(1))), "a.tar.*--ignore pyd"),
    ],
    "a file that expands two-hundredfold and beyond 64 MiB, as a decompression bomb would": [
        (
            lambda path: written(
                path / "a.jsonl.gz", gzip.compress((json.dumps({"text": "a " * 50_000}) + "\n").encode() * 800)
            ),
            "a.jsonl.gz.*expands",
        )
    ],
}
ELSEWHERE = {"a file that changes while it is read": "test_folders.py"}
"""What needs more than a file; where its test is."""


def test_the_page_lists_what_is_refused_here() -> None:
    assert documented("refused") == [*REFUSED, *ELSEWHERE]


@pytest.mark.parametrize(("kind", "number"), [(kind, number) for kind, own in REFUSED.items() for number in range(len(own))])
def test_what_the_page_says_is_refused_is_refused_with_the_file_and_what_helps(
    tmp_path: Path, kind: str, number: int
) -> None:
    write, said = REFUSED[kind][number]
    with pytest.raises(CorpusError, match=f"(?s){said}") as raised:
        report(write(tmp_path))
    assert ADA not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)
