"""Envelopes to the cloud.

Enters: Envelope.
Leaves: Receipt; Acked deletes from the spool.
May lose: nothing.
"""
