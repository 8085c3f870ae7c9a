"""``python -m portal.local run | exec -- COMMAND | up | status | down``."""

import argparse
import contextlib
import os
import signal
import sys
import time

from portal.local import paths, postgres, redis, supervisor
from portal.local.process import StartFailed


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        with supervisor.stoppable():
            return int(options.act(options) or 0)
    except supervisor.Stop:
        return 0
    except supervisor.Busy as error:
        print(f"Another Causeway (process {error}) runs on {paths.state_dir()}.", file=sys.stderr)
        return 1
    except (StartFailed, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m portal.local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="servers, migrations, demo, portal, worker, beat and simulator")
    run.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))
    run.set_defaults(act=lambda o: supervisor.run(o.port, demo=os.environ.get("DEMO", "1") != "0"))
    execute = commands.add_parser("exec", help="run a command with the servers up")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    execute.set_defaults(act=lambda o: supervisor.execute(o.command[o.command[:1] == ["--"] :]))
    for name, act in (("up", _up), ("status", _status), ("down", _down)):
        commands.add_parser(name).set_defaults(act=act)
    return parser


def _up(options: argparse.Namespace) -> None:
    with supervisor.only_one(), supervisor.servers() as started:
        print(f"{started[0].name} and {started[1].name} are up on {paths.socket_dir()}; Ctrl-C stops them.", flush=True)
        while all(child.alive for child in started):
            time.sleep(0.5)
        raise StartFailed("A server died; see " + str(paths.logs_dir()))


def _status(options: argparse.Namespace) -> int:
    up = {"PostgreSQL": postgres.answers(), "Redis": redis.answers()}
    for name, answers in up.items():
        print(f"{name}: {'up' if answers else 'down'}")
    return 0 if all(up.values()) else 1


def _down(options: argparse.Namespace) -> None:
    """Ask a running supervisor to stop, and wait until it has."""
    for _ in range(300):
        try:
            with supervisor.only_one():
                return
        except supervisor.Busy as error:
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(str(error)), signal.SIGTERM)
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
