"""Finds the names of people as texts write them: in other orders, forms, spellings and scripts."""
