# SPDX-License-Identifier: Apache-2.0
"""Running things: a command to its end, a command as a host, a program that stays.

A program that stays is written down with its pid and start time, so that ending it can never hit
another process that got the same pid, and anyone (not only who started it) can end it.
"""

import json
import os
import signal
import subprocess
import time


class LabError(Exception):
    """Something the user of the lab has to know; its text says what to do."""


def run(*argv, check=True, **kwargs):
    """Runs to the end; returns the finished process with its output as text."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    try:
        done = subprocess.run(argv, text=True, capture_output=True, check=False, **kwargs)
    except FileNotFoundError as err:
        raise LabError(f"{argv[0]} is not installed; run: packaging/deps lab") from err
    if check and done.returncode != 0:
        text = (done.stderr or done.stdout).strip()
        raise LabError(f"'{' '.join(argv)}' failed ({done.returncode}): {text}")
    return done


def netns_path(name):
    return f"/run/netns/{name}"


def in_netns(name, argv):
    """The argv that runs `argv` in a network namespace, with the file system left as it is.

    Not `ip netns exec`: that mounts another /sys, which hides the BPF and cgroup file systems.
    """
    return ["nsenter", f"--net={netns_path(name)}", "--", *argv]


def start_time(pid):
    """The kernel's start time of a live process that is no zombie, else None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else fields[19]


class Tracked:
    """The programs that a lab keeps running, one JSON file each in `folder`."""

    def __init__(self, folder, logs):
        self.folder = folder
        self.logs = logs

    def _file(self, name):
        return os.path.join(self.folder, name + ".json")

    def log_path(self, name):
        return os.path.join(self.logs, name + ".log")

    def start(self, name, argv, netns=None, env=None, alone=False):
        """Starts a program in a session of its own; its output goes to its log. Returns the pid.

        `alone`: it ends its children itself, so only it is told to end.
        """
        self.stop(name)
        os.makedirs(self.folder, exist_ok=True)
        os.makedirs(self.logs, exist_ok=True)
        full = in_netns(netns, argv) if netns else list(argv)
        with open(self.log_path(name), "ab") as log:
            try:
                child = subprocess.Popen(full, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         start_new_session=True, env=env)
            except FileNotFoundError as err:
                raise LabError(f"{full[0]} is not installed; run: packaging/deps lab") from err
        record = {"pid": child.pid, "start": start_time(child.pid), "argv": list(argv),
                  "alone": alone}
        with open(self._file(name), "w", encoding="utf-8") as out:
            json.dump(record, out)
        return child.pid

    def names(self):
        try:
            return sorted(n[:-5] for n in os.listdir(self.folder) if n.endswith(".json"))
        except FileNotFoundError:
            return []

    def record(self, name):
        try:
            with open(self._file(name), encoding="utf-8") as src:
                return json.load(src)
        except (FileNotFoundError, ValueError):
            return None

    def alive(self, name):
        """The pid when the program still runs, else None."""
        rec = self.record(name)
        if rec and rec["start"] and start_time(rec["pid"]) == rec["start"]:
            return rec["pid"]
        return None

    def send_signal(self, name, number):
        pid = self.alive(name)
        if pid:
            os.kill(pid, number)
        return pid

    def stop(self, name, how=signal.SIGTERM, patience_s=3.0):
        """Ends a program and its children (its whole session); harmless when it is gone."""
        pid = self.alive(name)
        if pid:
            end_process(pid, how, patience_s, self.record(name).get("alone", False))
        try:
            os.unlink(self._file(name))
        except FileNotFoundError:
            pass

    def stop_all(self):
        names = self.names()
        for name in names:
            pid = self.alive(name)
            if pid:
                _signal(pid, signal.SIGTERM, self.record(name).get("alone", False))
        for name in names:
            self.stop(name)

    def log_tail(self, name, lines=8):
        try:
            with open(self.log_path(name), encoding="utf-8", errors="replace") as src:
                return "".join(src.readlines()[-lines:]).strip()
        except FileNotFoundError:
            return ""


def _signal(pid, number, alone):
    try:
        if alone:
            os.kill(pid, number)
        else:
            os.killpg(pid, number)
    except ProcessLookupError:
        pass


def end_process(pid, how=signal.SIGTERM, patience_s=3.0, alone=False):
    """Signals a session leader (and its group unless `alone`), waits, then kills all of it; reaps
    it if it is our child."""
    started = start_time(pid)
    for number, patience in ((how, patience_s), (signal.SIGKILL, 3.0)):
        _signal(pid, number, alone and number != signal.SIGKILL)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
            if start_time(pid) != started or started is None:
                return
            time.sleep(0.01)


def wait_for(what, condition, seconds, step_s=0.02):
    """Waits until `condition()` is true; LabError naming `what` when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(step_s)
