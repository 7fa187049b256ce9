"""The head unit's page, its stream and VISS.

Enters: Views, requests of the page.
Leaves: bytes on loopback.
May lose: a View that a slow page did not read: only the newest counts.
"""
