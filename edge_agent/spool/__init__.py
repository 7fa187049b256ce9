"""Batches on disk until they are delivered.

Enters: Batch.
Leaves: Envelope, on disk.
May lose: lowest priority first, oldest first, at the byte cap: counted, and told in the next batch.
"""
