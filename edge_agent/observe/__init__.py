"""What the agent tells of itself: logs, metrics, health, status. The stages are asked, and know none of it."""
