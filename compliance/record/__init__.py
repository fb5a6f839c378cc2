"""The append-only record: its entries and their log, what is signed, bundles, and the pages of auditors."""
