"""`python -m edge_agent`, as the container starts it."""
# ruff: noqa: PLC0415  what a container starts waits for no import of the others

import os
import sys


def main() -> None:
    """Run a command; `run` and `health`, which a container starts, wait for no import of the others."""
    if sys.argv[1:] == ["health"]:
        from edge_agent.observe.health_probe import tell_health

        sys.exit(tell_health())
    if sys.argv[1:] == ["run"]:
        from edge_agent.service import serve

        serve(os._exit)
    if sys.flags.optimize > 1:  # a command's help is its docstring, which the image's interpreter leaves out
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"}
        os.execve(sys.executable, [sys.executable, "-m", "edge_agent", *sys.argv[1:]], variables)  # noqa: S606  ourselves
    from edge_agent.cli import main as run

    run()


if __name__ == "__main__":
    main()
