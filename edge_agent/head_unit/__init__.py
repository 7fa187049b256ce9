"""What the head unit says on the vehicle's local bus, followed: the driver's consent, and summaries of trips."""
