"""`python -m edge_agent`, as the container starts it."""

import sys


def main() -> None:
    """Run a command; `health` is asked each few seconds and waits for no import of the others."""
    if sys.argv[1:] == ["health"]:
        from edge_agent.health_probe import tell_health  # noqa: PLC0415

        sys.exit(tell_health())
    from edge_agent.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
