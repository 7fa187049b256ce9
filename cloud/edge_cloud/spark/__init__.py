"""Enters: files or a topic of messages. Leaves: the Delta tables of `edge_cloud.tables`, each batch in them once.

Loses nothing: what is no payload is kept in `refused`; copies are left out and counted.
"""
