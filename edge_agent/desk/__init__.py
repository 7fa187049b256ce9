"""What an engineer runs at a desk: the demo and its vehicle, replay, decode, check, show. Never part of the journey."""
