"""The head unit's module: what the driver sees of the vehicle, the calendar, the calls and the trips.

tapin (the agent's tap) -> latest values -> safety (drive state -> limits) -> redact -> web (one view, one stream)
calendar (sealed items of the twin) ---'      trips (journal) --'    consent (ledger, wipe) --'    calls (dial)
"""

__version__ = "0.1.0"
