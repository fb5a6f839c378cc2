"""Every change of a request, its items, proposals, endings and messages.

Lock order: whoever locks more than one of these locks them in this order, with FOR NO KEY UPDATE, so that rows which only
refer to them can still be written:

1. the request (`request_lock`), which every service about it or anything in it locks first;
2. its access link;
3. the searches and samples that are due for it and its erasures in data stores, if it may end (`request_end_lock`), an
   officer acts on one, or a worker has done them. A worker that
   claims some locks these alone: it skips the searches that are locked, and waits for nothing else;
4. its items (`item_lock`);
5. the proposal or the ending;
6. jobs, by number. A worker that starts or ends one locks nothing before;
7. model versions, the result before the version that it replaces;
8. the erasure ledger (`ledger_lock`): no model comes into use and no training begins until the transaction ends;
9. the next numbers of the record (`record_append`): of the ledger or the keys, of a recipe, of a model, then of the request;
10. a snapshot that is compared with the ledger, then the next number of its corpus. It is compared in transactions of its
    own (`snapshot_compare`), before the one that relies on it; only a release, which compares what it has just entered,
    comes here with other locks.

Tests watch that every transaction keeps this order (`tests/lock_order.py`). Heartbeats of a worker are transactions of their
own: within another one, they would lock the row that they are about, and nobody would see them.

A draw of canaries is locked by whoever opens it, after the model version; a training writes into the one that it has made.

A message is locked alone: no service that holds a request waits for a message. Counts of uses (`limits.py`) are locked last,
and nothing else while they are held.
"""
