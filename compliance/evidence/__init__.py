"""Evidence: the record's log, signed statements, bundles, and their verification. Imports no Django.

Where to look:
    record         what an entry of the record is, and which kinds verification relies on
    merkle         the log over stored node hashes (append, root, proofs)
    statements     what gets signed; dsse.sign(statement.to_bytes(), key).to_bytes() is an envelope file
    checkpoints    the log's head; sign_note(checkpoint.to_text(), origin, key).to_bytes() is a checkpoint file
    bundle         writing and reading a bundle folder
    verification   the numbered steps; `python -m compliance.evidence verify DIR` on the command line
"""
