"""Attacks the verdict with models that were not unlearned, and measures how often a perfect retraining passes."""
