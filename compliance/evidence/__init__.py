"""Evidence: the record's log, signed statements, bundles, and their verification. Imports no Django.

Where to look:
    record         what an entry of the record is, and which kinds verification relies on
    merkle         the log over stored node hashes (append, root, proofs)
    signing        what the platform's signing process calls: reports, releases and checkpoints
    bundle         writing and reading a bundle folder
    verification   the numbered steps; `python -m compliance.evidence verify DIR` on the command line
"""
