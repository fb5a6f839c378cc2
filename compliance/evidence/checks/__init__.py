"""The steps of verification. Each is a function that returns what it established, or raises an EvidenceError."""
