"""What may be seen now.

Enters: latest values, the whole Model.
Leaves: the drive state, its Limits, a View cut to them.
May lose: nothing; in doubt it shows less.
"""
