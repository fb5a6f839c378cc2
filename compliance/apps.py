from django.apps import AppConfig

from .logs import redact_logs


class ComplianceConfig(AppConfig):
    name = "compliance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        redact_logs()
