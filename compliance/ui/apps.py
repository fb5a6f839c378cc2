from django.apps import AppConfig


class UiConfig(AppConfig):
    """An application of its own so that Django finds its template tags. It has no models."""

    name = "compliance.ui"
    label = "ui"
