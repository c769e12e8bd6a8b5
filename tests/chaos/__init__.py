"""The whole wire room under faults drawn at random: `make chaos SECONDS=180 SEED=7`.

Real workers, beat, relays, Redis and Postgres as processes, publishers on loopback whose book is the truth, readers of
the stream and of a webhook. They are killed, frozen, emptied and filled meanwhile; at the end everything is compared.
"""
