"""What the driver has allowed.

Enters: decisions.
Leaves: who may do what, wiped stores.
May lose: what was not allowed.
"""
