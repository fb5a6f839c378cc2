"""Measures how well and how fast people and works are found in corpora."""
