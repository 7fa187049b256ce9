"""`python -m edge_agent`, as the container starts it."""

from edge_agent.cli import main

if __name__ == "__main__":
    main()
