"""Every method for language models on TOFU's three forget splits (Maini et al. 2024)."""
