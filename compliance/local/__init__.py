"""Lethe on a machine with nothing installed: secrets, PostgreSQL, Redis and all processes under var/. Not for production."""
