"""Erasure in data stores: documents planted in each kind, found, erased, and looked for in bytes and answers."""
