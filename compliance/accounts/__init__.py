"""The people of the house: accounts, roles, and the one table of which role may do what."""
