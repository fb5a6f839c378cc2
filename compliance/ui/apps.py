from django.apps import AppConfig


class UiConfig(AppConfig):
    """A Django application, so that Django finds the template tags. It has no models."""

    name = "compliance.ui"
    label = "ui"
