"""Enters: files or a topic of messages. Leaves: the Delta tables of `edge_cloud.tables`, each batch in them once.

Loses nothing: what is no payload, or contradicts a batch of its name, is kept in `refused`; copies are left out and
counted.
"""
