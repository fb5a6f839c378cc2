"""The demonstration: fictitious people and works, and the run of the main path over them."""
