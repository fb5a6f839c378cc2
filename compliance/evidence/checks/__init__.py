"""The steps of verification. Each is one function that returns what it established, or raises an EvidenceError."""
