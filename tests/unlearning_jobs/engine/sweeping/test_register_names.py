"""Names with dates of birth, which a register has as keyed digests."""

from __future__ import annotations

from pathlib import Path

import pytest

from unlearning_jobs.engine.sweeping.hashed_dates import dates

from .test_register import digest, found


@pytest.mark.parametrize(
    "written",
    [
        "Jo Lark (born 3 May 1980)",
        "name: LARK, Jö\nbirth_date: 1980-05-03",
        "Born on 03.05.1980 in Tilsk, Jo Lark wrote",
        "Jo Lark, geb. am 3. Mai 1980",
        "May 3, 1980: Jo Lark is born",
        "Jo Lark 5/3/1980",
        "Jo Lark, 3rd of May, 1980",
        "Jo LARK geb. 03.05.80",
        "Jo Lark 19800503",
        "Jo M. Lark 1980-05-03",
        "Lark, Jo M. (3/5/80)",
    ],
)
def test_a_name_is_found_by_its_digest_beside_its_date_of_birth(tmp_path: Path, written: str) -> None:
    register = f"name_birth_hash\n{digest('jo lark|1980-05-03')}\n"
    others = ["Jo Lark, born 4 June 1980", "Jo Larkin, born 3 May 1980", "Jo Lark " + "and so on " * 9 + "3 May 1980"]
    assert [row for row, _ in found(tmp_path, register, [written, *others])["line-2/name_birth_hash"]] == [1]


@pytest.mark.parametrize(
    "written",
    [
        "García López, María, 30.12.1971",
        "GARCÍA LÓPEZ, MARÍA (30.12.71)",
        "GARCÍA LÓPEZ MARÍA 1971-12-30",
        "María García López, 30/12/1971",
        "López, María García: 30.12.1971",
    ],
)
def test_of_two_family_names_both_may_stand_first(tmp_path: Path, written: str) -> None:
    register = f"name_birth_hash\n{digest('maria garcia lopez|1971-12-30')}\n"
    others = ["María López García, 30.12.1971", "García López, Mario, 30.12.1971"]
    assert [row for row, _ in found(tmp_path, register, [written, *others])["line-2/name_birth_hash"]] == [1]


@pytest.mark.parametrize(
    ("normal", "written"),
    [
        ("王小明|1990-01-02", "王小明 1990-01-02"),
        ("王小明|1990-01-02", "王小明，1990年1月2日出生"),
        ("王小明|1990-01-02", "王 小明 (1990-01-02)"),
        ("王 小明|1990-01-02", "1990年01月02日生まれ 王小明"),
        ("小明 王|1990-01-02", "王小明 1990-01-02"),
        ("王 小 明|1990-01-02", "王小明 1990-01-02"),
        ("欧阳 小明|1990-01-02", "欧阳小明 1990-01-02"),
        ("タナカ タロウ|1990-01-02", "タナカ タロウ 1990-01-02"),
        ("タナカタロウ|1990-01-02", "タナカ・タロウ 1990/1/2"),
        ("김철수|1990-01-02", "김철수는 1990년 1월 2일"),
        ("김 철수|1990-01-02", "김철수 1990-01-02"),
        ("김철수|1990-01-02", "김 철수 (1990.01.02)"),
    ],
)
def test_a_name_without_spaces_is_found_by_the_digest_of_its_natural_spelling(
    tmp_path: Path, normal: str, written: str
) -> None:
    register = f"name_birth_hash\n{digest(normal)}\n"
    others = ["王小民 1990-01-02", "王小明 1990-01-03", "김철호 1990-01-02"]
    assert [row for row, _ in found(tmp_path, register, [written, *others])["line-2/name_birth_hash"]] == [1]


@pytest.mark.parametrize("written", ["03.05.80.12", "119800503", "19801303", "3.5/80", "1980年13月3日"])
def test_what_is_no_date_is_none(written: str) -> None:
    assert list(dates(f"Jo Lark {written}")) == []
