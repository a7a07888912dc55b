"""The harness that kills: real processes, stores and sockets, and a judge that does not die with the judged.

Also a Django app (EXTRA_APPS): it brings a platform without idempotency keys and a tool with an effect to count.
"""
