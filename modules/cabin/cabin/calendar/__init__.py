"""Meetings that came sealed through the twin.

Enters: sealed items.
Leaves: meetings of today and tomorrow.
May lose: an item that cannot be opened, is too old or was withdrawn: counted.
"""
