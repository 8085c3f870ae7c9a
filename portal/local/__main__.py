"""``python -m portal.local run | exec -- COMMAND | up | status | down``."""

import argparse
import os
import sys
from collections.abc import Callable

from portal.local import paths, postgres, redis, supervisor
from portal.local.process import StartFailed


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    act: Callable[[argparse.Namespace], int | None] = options.act
    try:
        with supervisor.stoppable():
            return act(options) or 0
    except supervisor.Stop as stop:
        # To stop is how `run` and `up` end well; a command that was stopped has not done its work.
        return 128 + stop.number if options.name == "exec" else 0
    except (supervisor.Busy, StartFailed, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m portal.local", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="name")
    commands.add_parser("run", help="servers, migrations, demo, portal; PORT and DEMO=0").set_defaults(act=_run)
    execute = commands.add_parser("exec", help="run a command with the servers up")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    execute.set_defaults(act=_exec)
    commands.add_parser("up", help="the servers alone, until Ctrl-C").set_defaults(act=_up)
    commands.add_parser("status", help="whether the servers answer").set_defaults(act=_status)
    commands.add_parser("down", help="stop a running supervisor").set_defaults(act=_down)
    return parser


def _run(options: argparse.Namespace) -> None:
    supervisor.run(_port(), demo=os.environ.get("DEMO", "1") != "0")


def _port() -> int:
    wanted = os.environ.get("PORT") or "8000"
    if not wanted.isdigit() or not 1 <= int(wanted) <= 65535:
        raise ValueError(f"PORT is {wanted!r}: it wants a number from 1 to 65535.")
    return int(wanted)


def _exec(options: argparse.Namespace) -> int:
    command: list[str] = options.command
    return supervisor.execute(command[1:] if command[:1] == ["--"] else command)


def _up(options: argparse.Namespace) -> None:
    supervisor.up()


def _status(options: argparse.Namespace) -> int:
    up = {"PostgreSQL": postgres.answers(), "Redis": redis.answers()}
    supervisor.say(*(f"{name}: {'up' if answers else 'down'}" for name, answers in up.items()))
    supervisor.say(f"data: {paths.state_dir()}", f"sockets: {paths.socket_dir()}")
    return 0 if all(up.values()) else 1


def _down(options: argparse.Namespace) -> None:
    supervisor.stop_running()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
