"""TOFU (Maini et al. 2024), one author erased: the whole product once, and its verdict five times."""
