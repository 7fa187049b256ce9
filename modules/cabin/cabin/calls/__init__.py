"""A call by one tap.

Enters: a meeting's number and conference id.
Leaves: a call on the driver's phone.
May lose: nothing; a call that was not made is told.
"""
