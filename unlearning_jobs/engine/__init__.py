"""The unlearning engine: torch without Django. Its two doors are `pipeline.run` and `python -m`."""
