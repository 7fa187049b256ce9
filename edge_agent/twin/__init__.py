"""What the cloud asks and is told: desired properties, judged whole, reported ones, and direct methods."""
