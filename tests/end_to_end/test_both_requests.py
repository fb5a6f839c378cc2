"""Both kinds of request in a real browser, from the first form to the evidence that verifies offline."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from demo.corpus import DemoCorpus
from demo.site import mails_to

from .installation import Installation, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.usefixtures("model")]
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PROJECT = Path(__file__).resolve().parents[2]
WITHOUT_DJANGO = (
    "import runpy, sys; sys.modules['django'] = None; sys.argv = ['evidence', 'verify', 'bundle'];"
    "runpy.run_module('compliance.evidence', run_name='__main__')"
)


class Person:
    """Somebody at a browser: every page they land on is checked by axe."""

    def __init__(self, chromium: Browser, installation: Installation) -> None:
        self.page: Page = chromium.new_page(base_url=installation.stack.url)
        self.checked: set[str] = set()

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.check()

    def press(self, name: str | re.Pattern[str]) -> None:
        self._click("button", name)

    def follow(self, name: str | re.Pattern[str]) -> None:
        self._click("link", name)

    def _click(self, role: Literal["button", "link"], name: str | re.Pattern[str]) -> None:
        found = self.page.get_by_role(role, name=name).first
        shown = self.page.get_by_role("main").inner_text()
        expect(found, f"{self.page.url} has no {role} {name}; it says:\n{shown}").to_be_visible()
        with self.page.expect_navigation():
            found.click()
        self.check()

    def check(self) -> None:
        """No accessibility violation on this page; one look per page and heading is enough."""
        self.page.wait_for_load_state()
        key = self.page.url.split("?")[0] + self.page.title()
        if key not in self.checked:
            found = Axe().run(self.page, options=AXE_RULES)
            assert found.violations_count == 0, f"{self.page.url}\n{found.generate_report()}"
            self.checked.add(key)

    def sign_in(self, installation: Installation, name: str) -> Person:
        self.open("/sign-in/")
        login = installation.login(name)
        self.page.get_by_label("Username").fill(login.username)
        self.page.get_by_label("Password").fill(login.password)
        self.press("Sign in")
        return self


@pytest.fixture(scope="module")
def staff(chromium: Browser, installation: Installation) -> Iterator[dict[str, Person]]:
    """Everybody who works on both requests, signed in."""
    staff = {name: Person(chromium, installation).sign_in(installation, name) for name in ("omar", "lena", "nils", "iris")}
    yield staff
    for person in staff.values():
        person.page.close()


@pytest.fixture
def people(chromium: Browser, installation: Installation, staff: dict[str, Person]) -> Iterator[dict[str, Person]]:
    """The staff, and a claimant whom the site has never seen."""
    claimant = Person(chromium, installation)
    yield staff | {"claimant": claimant}
    claimant.page.close()


def send(claimant: Person) -> str:
    """Presses on from the check page; returns the reference from the confirmation."""
    expect(claimant.page.get_by_role("heading", level=1)).to_contain_text("Check your answers")
    claimant.press(re.compile("Send"))
    return claimant.page.locator(".reference").inner_text()


def confirm(claimant: Person, installation: Installation, address: str) -> None:
    def link() -> str:
        found = re.findall(r"/confirm/[\w-]+/", "".join(mails_to(installation.stack.var, address)))
        return found[-1] if found else ""

    claimant.open(wait_until("the confirmation mail", link))
    claimant.press(re.compile("Confirm"))


def review(officer: Person, installation: Installation, reference: str) -> int:
    """Accepts what was found, looks at the marked passages, grants the item; returns how many matches there were."""
    sql = "SELECT state FROM requests_app_erasurerequest WHERE reference = %s"
    wait_until("the search", lambda: installation.query(sql, reference)[0][0] == "review")
    officer.open("/cases/")
    officer.follow(reference)
    officer.open(f"/cases/{reference}/matches/")
    cards = officer.page.locator(".matches > li")
    count = cards.count()
    assert cards.locator("mark").count() >= count
    officer.press(re.compile("^Accept (all|the) .* shown"))
    officer.press(re.compile("^Accept .* match"))
    officer.follow("Finish the review")
    officer.press(re.compile("^(Finish|End)"))
    officer.open(f"/cases/{reference}/items/1/decide/")
    officer.page.get_by_label("Grant", exact=True).check()
    officer.page.locator("input[name=grant_ground]").first.check()
    officer.press("Continue")
    officer.press(re.compile("^Grant the erasure"))
    return count


def unlearn(people: dict[str, Person], installation: Installation, reference: str, method: str) -> str:
    """Omar proposes, Lena approves, the job runs; returns the verdict."""
    omar, lena = people["omar"], people["lena"]
    omar.open(f"/cases/{reference}/items/1/propose/")
    omar.page.locator(f"input[name=method][value={method}]").check()
    omar.press("Propose to another officer")
    expect(omar.page.get_by_text("another officer must approve it")).to_be_visible()
    lena.open(omar.page.url)
    lena.press(re.compile("^Approve and start"))
    sql = "SELECT id, state, verdict FROM unlearning_jobs_job WHERE subject = %s ORDER BY id DESC LIMIT 1"

    def newest() -> tuple[int, str, str]:
        ((job, state, verdict),) = installation.query(sql, f"request:{reference}")
        return job, state, verdict

    job = newest()[0]
    omar.open(f"/jobs/{job}/")
    wait_until("the end of the job", lambda: newest()[1] not in {"queued", "running"}, seconds=600)
    assert newest()[1] == "completed"
    omar.open(f"/jobs/{job}/report/")
    return newest()[2]


def released(people: dict[str, Person], installation: Installation, reference: str) -> None:
    """Has the model retrained, which is released on the evidence of its process, and has Nils release the result."""
    assert unlearn(people, installation, reference, "retrain") == "passed"
    sql = "SELECT 1 FROM compliance_attestation WHERE subject = %s"
    wait_until("the signature", lambda: installation.query(sql, f"request:{reference}"))
    address = f"/cases/{reference}/items/1/proposals/1/release/"
    people["lena"].open(address)
    expect(people["lena"].page.get_by_text("another officer must release it")).to_be_visible()
    people["nils"].open(address)
    people["nils"].press(re.compile("^Release demo-model"))
    said = people["nils"].page.get_by_role("main").inner_text()
    expect(people["nils"].page, f"released; the page says:\n{said}").to_have_url(re.compile(rf"/cases/{reference}/$"))
    sql = "SELECT state, outcome FROM requests_app_erasurerequest WHERE reference = %s"
    assert installation.query(sql, reference) == [("closed", "completed")]


def bundle_of(auditor: Person, installation: Installation, reference: str, folder: Path) -> Path:
    """Iris downloads the evidence and unpacks it."""
    sql = "SELECT 1 FROM compliance_attestation WHERE subject = %s AND predicate_type LIKE '%%release%%'"
    wait_until("the release's signature", lambda: installation.query(sql, f"request:{reference}"))
    auditor.open(f"/record/bundles/{reference}/")
    auditor.page.get_by_role("main").get_by_role("button").first.click()
    with auditor.page.expect_download(timeout=90_000) as download:
        auditor.page.get_by_role("main").get_by_role("link", name="Download the bundle").click(timeout=90_000)
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(folder)
    return next(path.parent for path in folder.rglob("checkpoint"))


def verifies_alone(bundle: Path, folder: Path) -> bool:
    """Whether it verifies from a copy of the compliance folder alone, where Django cannot be imported."""
    shutil.copytree(PROJECT / "compliance", folder / "compliance", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(bundle, folder / "bundle")
    done = subprocess.run([sys.executable, "-c", WITHOUT_DJANGO], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0


def test_an_erasure_goes_from_the_form_to_verified_evidence(
    people: dict[str, Person], installation: Installation, corpus: DemoCorpus, tmp_path: Path
) -> None:
    subject, claimant = corpus.people[0], people["claimant"]
    page = claimant.page
    claimant.open("/")
    claimant.open("/request/kind/")
    page.get_by_label("Personal data").check()
    claimant.press("Continue")
    page.get_by_label("Myself").check()
    claimant.press("Continue")
    claimant.press("Continue")  # nothing typed: the error is shown where it is
    expect(page).to_have_title(re.compile("^Error: "))
    page.get_by_label("What is your full name?").fill(subject.name)
    claimant.press("Continue")
    claimant.press("Continue")
    claimant.press("Continue")
    page.get_by_label("What is your e-mail address?").fill(subject.email)
    claimant.press("Continue")
    reference = send(claimant)
    confirm(claimant, installation, subject.email)

    assert review(people["omar"], installation, reference) >= len(subject.rows)
    released(people, installation, reference)
    bundle = bundle_of(people["iris"], installation, reference, tmp_path / "download")
    assert verifies_alone(bundle, tmp_path)


def test_a_revocation_goes_from_the_form_to_verified_evidence(
    people: dict[str, Person], installation: Installation, corpus: DemoCorpus, tmp_path: Path
) -> None:
    work, claimant, address = corpus.works[0], people["claimant"], "rights@example.org"
    page = claimant.page
    claimant.open("/request/kind/")
    page.get_by_label("A copyrighted work").check()
    claimant.press("Continue")
    page.get_by_label("Yes, I hold the rights to the work").check()
    claimant.press("Continue")
    page.get_by_label("What is the name of the rightsholder?").fill(work.author)
    claimant.press("Continue")
    page.get_by_label("Title of the work").fill(work.title)
    page.get_by_label("The text, or an excerpt").fill(work.text)
    claimant.press("Continue")
    claimant.press("Continue")
    page.get_by_label("E-mail address").fill(address)
    claimant.press("Continue")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_label("Your full name, as your signature").fill(work.author)
    claimant.press("Continue")
    reference = send(claimant)
    confirm(claimant, installation, address)

    assert review(people["omar"], installation, reference) == len(work.rows)
    released(people, installation, reference)
    bundle = bundle_of(people["iris"], installation, reference, tmp_path / "download")
    assert verifies_alone(bundle, tmp_path)
