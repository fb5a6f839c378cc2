"""Formats that every room shares: canonical JSON, dataclasses as JSON, Merkle hashing, and words with a fixed meaning.

The engine and the evidence both build on this package. It imports the standard library alone: no Django, no torch, nothing
else of Lethe. That keeps the offline verifier small and lets the engine run on a machine without the platform.

Where to look:
    canonical      bytes with exactly one spelling: canonical JSON, base64, times
    contracts      frozen dataclasses to JSON and back, strictly
    checks         digests, patterns, and the one way to refuse a value
    merkle         RFC 6962 trees: hashes, roots, proofs
    verdicts       guarantees, outcomes, directions; a verdict and its reasons
    protocol       what an evaluation judges, fixed before the run
    attacks        how it asks for attacks
    findings       what it found
    limits         what it does not show, in sentences
    specifications what a job has to say of the models that it begins with
    results        the result of a job, and the version of its contract
    certificates   what a certificate can say
    rules          how a verdict follows from protocol and findings
    efficiency, trajectory    what stands beside the verdict
    translation    marks texts for translation
    record_kinds   every kind of entry in the record, and the fields of each
    errors         what all of these raise
"""
