"""Quiet while the ignition is off: when, what follows from it, and the file that a power manager waits for."""
