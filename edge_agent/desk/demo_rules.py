"""What the demo's two drives ask of the agent, and how that changes."""

from typing import TypedDict

from edge_agent.desk.demo_cabin import TAPPED


class Rules(TypedDict):
    """Desired properties at the start, and a patch of them."""

    start: object
    change: object


VEHICLE_RULES: Rules = {
    "start": {
        "schema_version": 1,
        "tap": {"signals": [*TAPPED]},
        "rules": {
            "trip": {
                "kind": "periodic",
                "every_ms": 1000,
                "signals": ["Motion.VehicleSpeed", "Battery.StateOfCharge", "Position.*", "Trip.*"],
                "priority": 3,
                "purpose": "fleet",
                "batch": {"max_age_s": 5},
            },
            "dynamics": {
                "kind": "on_change",
                "signals": ["Motion.*", "Wheels.*", "Motor.*", "Battery.*"],
                "priority": 5,
                "purpose": "engineering",
                "batch": {"max_age_s": 5},
            },
            "body": {
                "kind": "on_change",
                "signals": ["Body.*", "Drive.Gear"],
                "heartbeat_ms": 10_000,
                "priority": 1,
                "lane": "hot",
                "batch": {"max_age_s": 1},
            },
        },
    },
    "change": {
        "rules": {
            "dynamics": {"deadband": 0.5},
            "cells": {"kind": "periodic", "every_ms": 2000, "signals": ["Cells.*"]},
        }
    },
}
LOG_RULES: Rules = {
    "start": {
        "schema_version": 1,
        "rules": {"everything": {"kind": "on_change", "signals": ["*"], "batch": {"max_age_s": 5}}},
    },
    "change": {"rules": {"each_second": {"kind": "periodic", "every_ms": 1000, "signals": ["*"]}}},
}
