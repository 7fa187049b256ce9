"""From the key to standstill.

Enters: latest values.
Leaves: trips in a journal, summaries for the cloud.
May lose: ten seconds at a power cut; all of it in private mode.
"""
