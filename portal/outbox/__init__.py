"""The transactional outbox: what must be told to somebody outside, written in the transaction that made it true.

The database is the truth and the broker only wakes people up. A message is delivered under a lease with a fencing
counter: *page* messages at least once, with an idempotency key that the receiver can tell repeats by; *digest*
messages at most once. Handlers register by topic in :mod:`portal.outbox.registry`; a topic that nobody handles yet
waits, and is shown as waiting.
"""
