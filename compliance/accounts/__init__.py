"""Accounts and roles of the staff, and the one table of which role may do what."""
