"""Evidence: entries of the record, signed statements, bundles, and their verification. Imports no Django.

Where to look:
    record         what an entry of the record contains (compliance.formats.merkle hashes entries into the log)
    statements     what gets signed; dsse.sign(statement.to_bytes(), key).to_bytes() is an envelope file
    checkpoints    the log's head; sign_note(checkpoint.to_text(), origin, key).to_bytes() is a checkpoint file
    keys, trust    private keys in files; which public keys may sign what, and when
    bundle         writing and reading a bundle folder
    verification   the numbered steps; `python -m compliance.evidence verify DIR --trust FILE` on the command line
    checks         one function for each step
"""
