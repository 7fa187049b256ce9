"""Edge Agent: a vehicle's CAN buses, decoded on board, kept through tunnels and delivered to Azure."""

__version__ = "0.1.0"
