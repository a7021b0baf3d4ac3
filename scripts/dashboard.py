"""Show the published marts in a browser: a page per question, in Japanese and English."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import UserError, run_command

APP = Path(__file__).parent / "kpi_warehouse" / "dashboard" / "app" / "main.py"
# of this machine alone, unless somebody asks for more
ADDRESS, PORT = "127.0.0.1", 8501


def main() -> None:
    """Serve the dashboard until it is interrupted."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}")
    parser.add_argument("--address", default=ADDRESS, help=f"default {ADDRESS}: this machine only")
    options = parser.parse_args()
    settings.Settings.from_environment(os.environ)
    _check_port(options.address, options.port)
    try:
        from streamlit.web import bootstrap

        # what the first look would have to wait for
        import kpi_warehouse.dashboard.app.main  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed", "dashboard", "run make dashboard"
        ) from error
    chosen = {
        "server_port": options.port,
        "server_address": options.address,
        "server_headless": True,
        "server_fileWatcherType": "none",
        "server_showEmailPrompt": False,
        "browser_gatherUsageStats": False,
        "client_toolbarMode": "minimal",
        "client_showErrorDetails": "none",
        "global_developmentMode": False,
        "theme_base": "light",
        "theme_primaryColor": "#1c4e80",
        "theme_textColor": "#1f2933",
        "theme_linkColor": "#1c4e80",
    }
    bootstrap.load_config_options(chosen)
    say(f"ダッシュボード Dashboard: http://{options.address}:{options.port}")
    say("終了は Ctrl+C / Ctrl+C ends it")
    bootstrap.run(str(APP), False, [], chosen)


def _check_port(address: str, port: int) -> None:
    """Raise UserError if nothing can listen there, before Streamlit says so at length."""
    try:
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind((address, port))
    except (OSError, OverflowError) as error:
        raise UserError(
            "cannot be listened at", f"{address}:{port}", "choose another: make dashboard PORT=8502"
        ) from error


if __name__ == "__main__":
    sys.exit(run_command(main))
