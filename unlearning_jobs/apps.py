from django.apps import AppConfig


class UnlearningJobsConfig(AppConfig):
    name = "unlearning_jobs"
    default_auto_field = "django.db.models.BigAutoField"
