"""From models to numbers, and from numbers to a verdict."""
