"""Reading pictures: folders of them, WebDataset archives, and Parquet with pictures inside."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.unlearning_jobs.engine.corpora.made import lines, read, report, texts, written
from unlearning_jobs.engine.corpora import FeatureFormat, Snapshot, snapshot_create
from unlearning_jobs.engine.corpora.readers import pictures as module
from unlearning_jobs.engine.errors import CorpusError


def picture(seed: int, size: tuple[int, int] = (6, 8), form: str = "PNG", mode: str = "RGB", **how: Any) -> bytes:
    """An encoded picture of noise, height x width."""
    values = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(values).convert(mode).save(out, form, **how)
    return out.getvalue()


def folder_of_pictures(folder: Path, **how: Any) -> Path:
    for number, name in enumerate(("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")):
        written(folder / name, picture(number, **how))
    return folder


def archive(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path


def test_the_folder_of_a_picture_is_its_class(tmp_path: Path) -> None:
    found = read(folder_of_pictures(tmp_path / "pets"))
    assert [(row.file, row.row.completion) for row in found[::2]] == [("pets/cat/1.png", "cat"), ("pets/dog/1.png", "dog")]
    values = np.asarray(Image.open(io.BytesIO(picture(0))))
    assert found[0].row.format == FeatureFormat("uint8", (3, 6, 8))
    assert found[0].row.features == np.moveaxis(values, -1, 0).tobytes()


def test_the_folder_above_the_class_is_its_set(tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder_of_pictures(tmp_path / "pets" / split)
    assert [(row.set, row.row.completion) for row in read(tmp_path / "pets")[::4]] == [("held_out", "cat"), ("train", "cat")]


def test_a_table_beside_the_pictures_is_metadata_of_each(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path / "pets")
    about = [{"file_name": name, "owner": f"Owner of {name}"} for name in ("cat/1.png", "dog/2.png")]
    lines(tmp_path / "pets" / "metadata.jsonl", about)
    owners = [row.row.metadata.get("owner") for row in read(tmp_path / "pets")]
    assert owners == ["Owner of cat/1.png", None, None, "Owner of dog/2.png"]
    lines(tmp_path / "pets" / "metadata.jsonl", [{"file_name": "cat/9.png"}])
    with pytest.raises(CorpusError, match="names 1 files that are not there"):
        read(tmp_path / "pets")


def test_what_a_picture_says_about_its_maker_is_kept(tmp_path: Path) -> None:
    exif, said = Image.Exif(), PngInfo()
    exif[315] = "Ada Winterbourne"
    said.add_text("Comment", "For Zoé")
    hows: tuple[dict[str, Any], ...] = ({"exif": exif}, {"pnginfo": said})
    for number, how in enumerate(hows):
        written(tmp_path / "pets" / f"class{number}" / "a.png", picture(number, **how))
    first, second = (row.row.metadata for row in read(tmp_path / "pets"))
    assert first["picture.Artist"] == "Ada Winterbourne"
    assert second["picture.Comment"] == "For Zoé"


def test_pictures_of_different_sizes_are_refused_or_resized_by_a_flag(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path / "pets")
    written(tmp_path / "pets" / "dog" / "3.jpg", picture(3, (9, 9), "JPEG"))
    with pytest.raises(CorpusError, match="--image-size HEIGHTxWIDTH"):
        report(tmp_path / "pets")
    assert {row.row.format for row in read(tmp_path / "pets", image_size=(4, 5))} == {FeatureFormat("uint8", (3, 4, 5))}


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_every_kind_of_picture_gets_the_same_channels(tmp_path: Path, mode: str) -> None:
    folder_of_pictures(tmp_path / "pets", mode=mode)
    assert {row.row.format for row in read(tmp_path / "pets")} == {FeatureFormat("uint8", (3, 6, 8))}
    assert {row.row.format for row in read(tmp_path / "pets", greyscale=True)} == {FeatureFormat("uint8", (1, 6, 8))}


def test_a_picture_without_a_class_is_refused_with_what_helps(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"Columns seen: image\. .*--role label=COLUMN"):
        read(written(tmp_path / "a.png", picture(0)))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0", "in none of the formats"),
        (picture(0)[:100], "cannot be decoded|in none of the formats"),
        (picture(0, (40, 40)), "more than 1000 pixels"),
        (picture(1, form="GIF", save_all=True, append_images=[Image.new("RGB", (8, 6))]), "several frames"),
    ],
    ids=["another format", "cut off", "too large", "animated"],
)
def test_a_picture_that_does_not_fit_is_refused(
    tmp_path: Path, content: bytes, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 1000)
    folder_of_pictures(tmp_path / "pets")
    written(tmp_path / "pets" / "dog" / "3.png", content)
    with pytest.raises(CorpusError, match=f"pets/dog/3.png, line 1: .*({complaint})"):
        read(tmp_path / "pets")
    assert len(read(tmp_path / "pets", skips_broken=True)) == 4


def test_pictures_in_parquet_are_read_as_data_platforms_store_them(tmp_path: Path) -> None:
    rows = [{"bytes": picture(number), "path": f"{number}.png"} for number in range(4)]
    pq.write_table(pa.table({"image": rows, "label": [0, 1, 0, 1], "who": ["Ada"] * 4}), tmp_path / "a.parquet")
    info = snapshot_create([tmp_path / "a.parquet"], tmp_path / "s")
    [example] = Snapshot.open(info.path, info.digest).get(["e00000001"])
    assert (info.features, example.completion) == (FeatureFormat("uint8", (3, 6, 8)), "1")
    assert example.metadata == {"who": "Ada", "file_name": "1.png"}


def test_a_picture_that_no_role_is_for_is_refused_with_the_flag_that_leaves_it_out(tmp_path: Path) -> None:
    rows = [{"bytes": picture(number), "path": None} for number in range(2)]
    pq.write_table(pa.table({"question": ["a", "b"], "answer": ["c", "d"], "image": rows}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match="--ignore image"):
        read(tmp_path / "a.parquet")
    assert texts(tmp_path / "a.parquet", ignored=frozenset({"image"})) == [("a", "c"), ("b", "d")]


# -- WebDataset


def test_members_of_the_same_name_are_one_row(tmp_path: Path) -> None:
    members = [
        ("a/1.txt", b"One."),
        ("a/1.cls", b"0"),
        ("a/1.json", b'{"url": "u1"}'),
        ("a/2.txt", b"Two."),
        ("a/2.cls", b"1"),
    ]
    first, second = read(archive(tmp_path / "a.tar", members))
    assert (first.row.prompt, first.row.completion, first.row.metadata) == ("One.", "0", {"__key__": "a/1", "url": "u1"})
    assert (second.number, second.row.source_id, second.row.completion) == (2, "a/2", "1")


def test_pictures_in_an_archive_are_arrays_with_their_text(tmp_path: Path) -> None:
    members = [
        (f"{n}.{end}", c) for n in (1, 2) for end, c in (("png", picture(n)), ("cls", b"%d" % n), ("txt", b"By Ada."))
    ]
    [first, _] = read(archive(tmp_path / "a.tar", members))
    assert (first.row.prompt, first.row.completion, first.row.format) == ("By Ada.", "1", FeatureFormat("uint8", (3, 6, 8)))


@pytest.mark.parametrize("name", ["/etc/passwd.txt", "../up.txt", "a/../../up.txt"])
def test_a_member_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match="leads out of the archive"):
        read(archive(tmp_path / "a.tar", [(name, b"One."), ("2.txt", b"Two.")]))


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        link = tarfile.TarInfo("1.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(CorpusError, match="a link or a device"):
        read(tmp_path / "a.tar")


class Armed:
    """Leaves a trace if it is ever unpickled."""

    def __reduce__(self) -> Any:
        return (Path("unpickled").touch, ())


def test_a_pickle_in_an_archive_is_refused_and_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    members = [(f"{n}.{end}", c) for n in (1, 2) for end, c in (("txt", b"%d" % n), ("pyd", pickle.dumps(Armed())))]
    path = archive(tmp_path / "a.tar", members)
    with pytest.raises(CorpusError, match="nothing is unpickled; leave it out with --ignore pyd"):
        read(path)
    assert texts(path, ignored=frozenset({"pyd"})) == [("", "1"), ("", "2")]
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"\0" * 700 + b"x" * 700])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorpusError, match=r"a\.tar.*(not readable as tar|something follows the end)"):
        read(written(tmp_path / "a.tar", content))
