"""Turns models into measurements, and measurements into a verdict."""
