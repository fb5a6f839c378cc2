"""Every change of a request, its items, proposals, endings and messages.

Lock order: whoever locks more than one of these locks them in this order, with FOR NO KEY UPDATE, so that rows which only
refer to them can still be written:

1. the request (`request_lock`), which every service about it or anything in it locks first;
2. its access link;
3. a search or a sample that is due for it (a worker that claims some locks these alone, and skips what is locked);
4. its item (`item_lock`);
5. the proposal or the ending;
6. jobs, by number;
7. model versions, the result before the version that it replaces;
8. the erasure ledger (`ledger_lock`): no model comes into use and no training begins until the transaction ends;
9. the next numbers of the record: of a model, then of the request (`record_append`);
10. a snapshot that is compared with the ledger, then the next number of its corpus.

A message is locked alone: no service that holds a request waits for a message. Counts of uses (`limits.py`) are locked last,
and nothing else while they are held.
"""
