import os
import signal
import subprocess
import sys
from pathlib import Path

BRIDGE = Path(__file__).parents[3] / "cloud" / "calendar_bridge"
COMMAND = (sys.executable, "-m", "calendar_bridge")


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(BRIDGE), **more}


def test_wrong_settings_end_the_process_with_a_sentence() -> None:
    ended = subprocess.run(COMMAND, env=environment(), capture_output=True, text=True, check=False, timeout=15)  # noqa: S603

    assert ended.returncode == 1
    assert ended.stderr.startswith("calendar-bridge: the settings are wrong: PUBLIC_URL")
    assert "Traceback" not in ended.stderr


def test_sigterm_ends_the_process_with_0(tmp_path: Path) -> None:
    told = environment(
        PUBLIC_URL="https://bridge.example",
        CLIENT_ID="client",
        CLIENT_SECRET="secret",  # noqa: S106  an example
        IOT_HUB="hub.example",
        IOT_HUB_KEY="AAAA",
        GRANTS_FOLDER=str(tmp_path),
        ADDRESS="127.0.0.144",
        PORT="8443",
    )
    with subprocess.Popen(COMMAND, env=told, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout
        assert '"event": "app.bridge_started"' in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()

    assert (process.returncode, '"app.bridge_stopped"' in rest) == (0, True)
