"""A stand-in for edgeHub on a desk: its MQTT contract over TLS, for the real SDK, on loopback only."""
