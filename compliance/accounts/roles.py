"""Which role may do what, where it starts and what its navigation shows: one table, read by pages and services alike.

To add a role, add it to `Role` and to `ROLES`, and run `makemigrations`. tests/compliance/accounts/test_roles.py opens every
page as every role and compares the response with this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a member of staff is. Each account has exactly one role, so an auditor never holds a writing one."""

    OFFICER = "officer", _("Officer")
    ENGINEER = "engineer", _("Engineer")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("Administrator")


class Act(StrEnum):
    """What somebody may do. Templates ask with `{% if "read_bundles" in user.acts %}`."""

    HANDLE_REQUESTS = "handle_requests"
    """Review, decide, propose, approve and release; `requests_app.services.permissions` adds who may not after whom."""
    READ_JOBS = "read_jobs"
    MANAGE_MODELS = "manage_models"
    """Destroy versions, register and retire copies; corpora, checkpoints and models are registered on the command line."""
    READ_REPORTS = "read_reports"
    READ_BUNDLES = "read_bundles"
    """Seal and download the evidence of a request."""
    READ_RECORD = "read_record"
    READ_ACCOUNTS = "read_accounts"


@dataclass(frozen=True)
class RoleRules:
    """What a role may do, and where it goes."""

    acts: frozenset[Act]
    navigation: tuple[tuple[str, Promise], ...]
    """(name of the URL, label) of each link. The first is the page that the role starts on."""

    @property
    def start(self) -> str:
        """Name of the URL of the first page after signing in."""
        return self.navigation[0][0]


ROLES: Final[Mapping[Role, RoleRules]] = {
    Role.OFFICER: RoleRules(
        frozenset({Act.HANDLE_REQUESTS, Act.READ_JOBS, Act.READ_REPORTS, Act.READ_BUNDLES}),
        (
            *(("casework:request_list", _("Requests")), ("jobs:job_list", _("Jobs"))),
            *(("jobs:store_list", _("Data stores")), ("jobs:canary_list", _("Canaries"))),
        ),
    ),
    Role.ENGINEER: RoleRules(
        frozenset({Act.READ_JOBS, Act.MANAGE_MODELS, Act.READ_REPORTS}),
        (
            *(("jobs:job_list", _("Jobs")), ("jobs:corpus_list", _("Corpora"))),
            *(("jobs:checkpoint_list", _("Checkpoints")), ("jobs:model_list", _("Models"))),
            *(("jobs:copy_list", _("Copies")), ("jobs:store_list", _("Data stores"))),
            ("jobs:canary_list", _("Canaries")),
        ),
    ),
    Role.AUDITOR: RoleRules(
        frozenset({Act.READ_REPORTS, Act.READ_BUNDLES, Act.READ_RECORD}),
        (("record:report_list", _("Reports")), ("record:entry_list", _("Record"))),
    ),
    Role.ADMINISTRATOR: RoleRules(frozenset({Act.READ_ACCOUNTS}), (("home", _("Accounts and keys")),)),
}
