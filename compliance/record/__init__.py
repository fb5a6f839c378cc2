"""The append-only record: entries and their log, signatures, bundles, and the auditors' pages."""
