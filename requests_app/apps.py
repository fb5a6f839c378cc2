from django.apps import AppConfig


class RequestsConfig(AppConfig):
    name = "requests_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import receivers  # noqa: F401  # connects job_finished
