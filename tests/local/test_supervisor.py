"""One supervisor a state folder: its guests, its signals, and what is left of it after kill -9."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.local import postgres, redis, services, supervisor
from portal.local.process import Child, StartFailed, command_line, end_survivor, processes
from portal.local.services import Service

LOCAL = [sys.executable, "-m", "portal.local"]


def begun(*arguments: str) -> subprocess.Popen[str]:
    """As from a terminal: under nohup the tests' own processes would be deaf to a hang-up."""
    return subprocess.Popen(
        [*LOCAL, *arguments],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def wait_for(line: str, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert any(line in shown for shown in process.stdout), f"{line!r} never came"


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def servers_of(state: Path) -> list[str]:
    sockets = str(state.parent)
    lines = [command_line(int(entry.name)) for entry in processes()]
    return [line for line in lines if sockets in line and ("postgres" in line or "redis" in line)]


def test_exec_hands_on_the_commands_code_and_stops_the_servers(state: Path) -> None:
    done = subprocess.run([*LOCAL, "exec", "--", *LOCAL, "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("PostgreSQL: up\nRedis: up\n")
    assert subprocess.run([*LOCAL, "exec", "--", "sh", "-c", "exit 7"], check=False).returncode == 7
    assert subprocess.run([*LOCAL, "exec", "--", "sh", "-c", "kill -9 $$"], check=False).returncode == 137
    assert servers_of(state) == []


def test_exec_leaves_servers_that_are_named_in_the_environment_alone(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://portal_app@db/causeway")
    monkeypatch.setenv("REDIS_URL", "redis://broker")
    assert supervisor.execute(["sh", "-c", "exit 3"]) == 3
    assert not state.exists()
    with pytest.raises(StartFailed, match="DATABASE_URL is set"):
        supervisor.run(8000, demo=False)


def test_a_command_that_is_not_there_is_said_and_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://portal_app@db/causeway")
    assert supervisor.execute(["no-such-command"]) == 127
    assert "no-such-command can't be run" in capsys.readouterr().err
    with pytest.raises(StartFailed, match="exec wants a command"):
        supervisor.execute([])


def test_a_second_exec_uses_the_servers_and_they_stay_until_it_ends(used_state: Path, tmp_path: Path) -> None:
    first_done, go_on = tmp_path / "first", tmp_path / "go"
    wait = f"while [ ! -e {go_on} ]; do sleep 0.02; done"
    first = begun("exec", "--", "sh", "-c", f"echo up; while [ ! -e {first_done} ]; do sleep 0.02; done")
    wait_for("up", first)
    second = begun("exec", "--", "sh", "-c", f"echo guest; {wait}; exec {sys.executable} -m portal.local status")
    wait_for("guest", second)
    first_done.touch()
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(0.5)
    go_on.touch()
    assert second.communicate(timeout=15)[0].startswith("PostgreSQL: up\nRedis: up\n")
    assert (first.wait(15), second.returncode) == (0, 0)
    assert servers_of(used_state) == []


def test_two_that_start_at_once_share_one_pair_of_servers(used_state: Path) -> None:
    both = [begun("exec", "--", *LOCAL, "status") for _ in range(2)]
    for process in both:
        assert process.communicate(timeout=30)[0].startswith("PostgreSQL: up\nRedis: up\n")
        assert process.returncode == 0


def test_a_second_supervisor_is_refused_in_a_sentence_that_names_the_first(state: Path) -> None:
    with supervisor.only_one():
        done = subprocess.run([*LOCAL, "up"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"process {os.getpid()}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_and_an_impatient_second_leave_no_process(used_state: Path, number: signal.Signals) -> None:
    up = begun("up")
    wait_for("are up in", up)
    assert len(servers_of(used_state)) == 2
    up.send_signal(number)
    up.send_signal(number)
    assert up.wait(15) == 0
    assert servers_of(used_state) == []
    assert list(used_state.parent.iterdir()) == [used_state]


def test_an_interrupted_command_is_stopped_and_is_no_success(used_state: Path) -> None:
    process = begun("exec", "--", "sh", "-c", "echo up; exec sleep 60")
    wait_for("up", process)
    process.terminate()
    assert process.wait(15) == 128 + signal.SIGTERM
    assert servers_of(used_state) == []


def test_kill_dash_nine_of_the_supervisor_leaves_no_server_and_no_command(used_state: Path) -> None:
    process = begun("exec", "--", "sh", "-c", "echo $$; exec sleep 60")
    assert process.stdout is not None
    command = int(process.stdout.readline())
    process.kill()
    process.wait()
    assert eventually(lambda: servers_of(used_state) == [] and "sleep" not in command_line(command))
    with supervisor.servers():
        assert postgres.answers()
        assert redis.answers()


def test_down_stops_a_running_supervisor_and_is_content_without_one(used_state: Path) -> None:
    up = begun("up")
    wait_for("are up in", up)
    supervisor.stop_running()
    assert up.wait(15) == 0
    supervisor.stop_running()


def test_a_server_that_dies_is_started_again(used_state: Path) -> None:
    with supervisor.servers() as started:
        for service in started:
            assert service.child.process is not None
            service.child.process.kill()
            service.child.process.wait()
            assert "stopped" in service.watch(100.0)
            assert service.watch(100.5) == ""
            assert "runs again" in service.watch(101.0)
        assert postgres.answers()
        assert redis.answers()


def test_what_a_dead_process_had_started_is_ended_before_it_starts_again(tmp_path: Path) -> None:
    child = Child("web", ["sh", "-c", "sleep 60 & echo $!; wait"], tmp_path / "web.log")
    service = services.begin(child.start)
    assert child.process is not None
    assert eventually(lambda: child.tail().isdigit())
    grandchild = int(child.tail())
    child.process.kill()
    child.process.wait()
    # While it becomes sleep it has no command line for an instant.
    assert eventually(lambda: "sleep" in command_line(grandchild))
    service.watch(time.monotonic())
    assert eventually(lambda: "sleep" not in command_line(grandchild))


def test_what_dies_again_and_again_is_started_later_each_time(tmp_path: Path) -> None:
    service = Service(lambda: _refused(), Child("web", ["true"], tmp_path / "web.log"))
    waits = [service.watch(now).rpartition("\n")[2] for now in (0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 61.0)]
    assert waits == [f"Next start in {seconds} s." for seconds in (1, 2, 4, 8, 16, 30, 30)]


def _refused() -> Child:
    raise StartFailed("no")


def test_a_survivor_is_known_by_its_mark_and_a_stranger_is_left_alone(state: Path) -> None:
    mark = {**os.environ, services.MARK: str(state)}
    stranger_mark = {**os.environ, services.MARK: str(state.parent / "other")}
    with (
        subprocess.Popen(["sleep", "60"], env=mark) as ours,
        subprocess.Popen(["sleep", "60"], env=stranger_mark) as stranger,
    ):
        assert eventually(lambda: services.survivors() == [ours.pid])
        services.end_survivors()
        assert ours.wait(5) == -signal.SIGTERM
        end_survivor(stranger.pid, "/no/such/data", signal.SIGTERM)
        assert stranger.poll() is None
        stranger.kill()


def test_a_taken_port_is_said_in_one_sentence_before_anything_starts(state: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartFailed, match=f"Port {port} is taken; choose another: PORT={port + 1} make run."):
            supervisor.run(port, demo=False)
    assert not (state / "postgres").exists()


def test_a_port_that_is_no_number_is_said(state: Path) -> None:
    done = subprocess.run([*LOCAL, "run"], env={**os.environ, "PORT": "web"}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "PORT is 'web': it wants a number from 1 to 65535.\n")
