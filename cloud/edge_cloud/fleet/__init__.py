"""Fleets that are made: of random vehicles with an exact truth, or of one recorded drive under many names."""
