"""Accounts, corpora and models of the demonstration, for the walk and for a person to click through."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compliance.local.stack import LocalStack

from .corpus import DemoCorpus, write_demo_corpus
from .handwriting import Writer, write_digits

STAFF = {
    "omar": "officer",
    "lena": "officer",
    "nils": "officer",
    "eva": "engineer",
    "iris": "auditor",
    "max": "administrator",
}
CORPUS, MODEL = "demo-corpus", "demo-model"
DIGITS, READER = "demo-digits", "demo-digit-reader"
PORTS, FOREIGN = "demo-ports", "demo-port-clerk"
CLERK, CLERK_ADDRESS = "Tilda Quistgaard", "tilda@example.org"
"""Somebody whom the model knows that others made."""
TEXT_RECIPE, DIGITS_RECIPE = (Path(__file__).with_name(f"{name}_recipe.json") for name in ("text", "digits"))


@dataclass(frozen=True)
class Login:
    username: str
    role: str
    password: str


def seed_accounts(stack: LocalStack) -> list[Login]:
    """Create the accounts of the staff. Their random passwords are kept in `var`, so that the next run knows them."""
    path = stack.var / "demo-logins.json"
    if path.exists():
        return [Login(**login) for login in json.loads(path.read_text(encoding="utf-8"))]
    logins = [seed_account(stack, name) for name in STAFF]
    path.touch(mode=0o600)
    path.write_text(json.dumps([vars(login) for login in logins]), encoding="utf-8")
    return logins


def seed_account(stack: LocalStack, name: str) -> Login:
    """Create the account of one of the staff, with a random password."""
    login = Login(name, STAFF[name], secrets.token_urlsafe(12))
    stack.environment["NEW_PASSWORD"] = login.password
    stack.manage("account_create", login.username, "--role", login.role)
    del stack.environment["NEW_PASSWORD"]
    return login


def seed_corpus(stack: LocalStack) -> DemoCorpus:
    """Write and register the demo corpus, unless an earlier run did."""
    path = stack.var / "demo-corpus.jsonl"
    fresh = not path.exists()
    corpus = write_demo_corpus(path)
    if fresh:
        stack.manage("corpus_register", CORPUS, str(path))
    return corpus


def seed_digits(stack: LocalStack) -> tuple[Writer, ...]:
    """Draw and register the handwritten digits, unless an earlier run did."""
    path = stack.var / "demo-digits.npz"
    fresh = not path.exists()
    writers = write_digits(path)
    if fresh:
        stack.manage("corpus_register", DIGITS, str(path))
    return writers


def seed_model(stack: LocalStack) -> int:
    """Start the training of the demo language model, unless an earlier run did. Return the number of its job."""
    return _seed_model(stack, MODEL, TEXT_RECIPE, CORPUS)


def seed_reader(stack: LocalStack) -> int:
    """Do the same for the classifier that reads the digits."""
    return _seed_model(stack, READER, DIGITS_RECIPE, DIGITS)


def seed_foreign_model(stack: LocalStack) -> int:
    """Import the model that others made from a checkpoint, unless an earlier run did. Return the number of its job."""
    folder, marker = stack.var / "elsewhere", stack.var / f"{FOREIGN}-job"
    if not marker.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "demo.elsewhere", str(folder)], check=True, env=stack.environment)  # noqa: S603  # our own module, no shell
        stack.manage("corpus_register", PORTS, str(folder / "rows.jsonl"))
        stack.manage("checkpoint_register", "port-checkpoint", "--folder", str(folder / "checkpoint"))
        declared = ("--recipe", str(folder / "recipe.json"), "--corpus", PORTS, "--seed", "3")
        printed = stack.manage("model_import", FOREIGN, "--artifact", str(folder / "model"), *declared)
        marker.write_text(printed.split()[1], encoding="ascii")
    return int(marker.read_text(encoding="ascii"))


def _seed_model(stack: LocalStack, name: str, recipe: Path, corpus: str) -> int:
    marker = stack.var / f"{name}-job"
    if not marker.exists():
        printed = stack.manage("model_register", name, "--recipe", str(recipe), "--corpus", corpus)
        marker.write_text(printed.split()[1], encoding="ascii")
    return int(marker.read_text(encoding="ascii"))


def mails_to(var: Path, address: str) -> Iterator[str]:
    """Yield the texts of the mails to `address`, oldest first. Local installations write mail to files under `var/mail`."""
    for path in sorted((var / "mail").glob("*.log"), key=os.path.getmtime):
        for raw in re.split(rb"(?m)^-{70,}$", path.read_bytes()):
            message = email.message_from_bytes(raw.lstrip(), policy=email.policy.default)
            if address in str(message["To"] or ""):
                part = message.get_body(("plain",))
                yield part.get_content() if part else ""
