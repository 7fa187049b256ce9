"""The agent's tap on the vehicle's broker.

Enters: messages of the broker.
Leaves: the latest values with their ages, the agent's status.
May lose: anything: it is a view; what is lost is counted.
"""
