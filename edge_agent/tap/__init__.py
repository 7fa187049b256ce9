"""Latest values, for in-car readers.

Enters: SampleBlock.
Leaves: latest values with their ages.
May lose: anything: it is a view.
"""
