# SPDX-License-Identifier: Apache-2.0
"""The box's inside: starts tpsd in the box's namespace, waits until the wire goes through it, and
removes all that it leaves in the kernel when it is killed (which is meant to outlive it: the
eBPF programs that keep the wire going, its namespace with the two ports, its pins).
"""

import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import time

from .proc import LabError, run, start_time, in_netns, netns_path

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_SECONDS = 20.0


def find_binary(name, variable):
    """A built program: $VARIABLE, else build/NAME/NAME in the tree, else the one installed."""
    chosen = os.environ.get(variable)
    if chosen:
        if not os.access(chosen, os.X_OK):
            raise LabError(f"${variable} is {chosen}, which cannot be run")
        return os.path.abspath(chosen)
    build = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build"))
    for place in (os.path.join(build, name, name), shutil.which(name) or ""):
        if os.access(place, os.X_OK):
            return place
    raise LabError(f"{name} is not built; run: make   (or set ${variable})")


def lab_tool(name):
    """A helper program of the lab itself (lab/delay.c, lab/encap.c)."""
    build = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build"))
    place = os.path.join(build, "lab", name)
    if not os.access(place, os.X_OK):
        raise LabError(f"lab/{name} is not built; run: make   (or set $SLUICE_BUILD)")
    return place


class Box:
    """tpsd of the lab `name`: instance `name`, in the namespace sl-NAME-box."""

    def __init__(self, name, tracked):
        self.name = name
        self.tracked = tracked
        self.run_dir = f"/run/sluice/{name}"
        self.namespace = f"sluice-{name}"

    def start(self, config):
        """Starts tpsd, waits until it says that the configuration is in force (as it would to a
        service manager), and then for a packet to get through."""
        argv = [find_binary("tpsd", "TPSD"), "--config", os.path.abspath(config), "--instance",
                self.name]
        path = os.path.join(os.path.dirname(self.tracked.folder), "notify.sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.setblocking(False)
            self.tracked.start("tpsd", argv, netns=f"sl-{self.name}-box", alone=True,
                               env={**os.environ, "NOTIFY_SOCKET": path})
            end = time.monotonic() + START_SECONDS
            self.wait_start("say that it is ready", end, lambda: self.said_ready(notify))
        self.wait_start("forward", end, self.forwards)

    def wait_start(self, what, end, condition):
        while not condition():
            if not self.tracked.alive("tpsd"):
                raise LabError("tpsd ended at its start:\n" + self.tracked.log_tail("tpsd", 20))
            if time.monotonic() > end:
                raise LabError(f"tpsd does not {what} within {START_SECONDS:g} s:\n" +
                               self.tracked.log_tail("tpsd", 20))
            time.sleep(0.03)

    @staticmethod
    def said_ready(notify):
        try:
            return b"READY=1" in notify.recv(4096)
        except BlockingIOError:
            return False

    def forwards(self):
        ping = ["ping", "-q", "-n", "-c", "1", "-W", "0.3", "10.10.0.20"]
        return run(*in_netns(f"sl-{self.name}-client", ping), check=False).returncode == 0

    def stop(self):
        """Asks tpsd to end, which takes it off the wire."""
        self.tracked.stop("tpsd", patience_s=8.0)

    def processes(self):
        """Pids of this instance: what the daemon started, whether its parent lives or not."""
        pids = pids_in({netns_path(n) for n in (self.namespace, f"sl-{self.name}-box")})
        recorded = self.tracked.alive("tpsd")
        if recorded:
            pids.add(recorded)
        for group in find_cgroups(self.name):
            pids |= processes_of(group)
        pids |= children_of(pids)
        return sorted(p for p in pids if comm(p) == "tpsd" or cmdline(p).startswith("tpsd"))

    def kill(self):
        """kill -9 of every process of the instance: what the wire must survive."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def return_ports(self):
        """Takes the ports out of the daemon's namespace, back into the box's, with nothing on them:
        they would go with the namespace, and the hosts' ends of the wire with them."""
        box = f"sl-{self.name}-box"
        if not os.path.exists(netns_path(self.namespace)) or not os.path.exists(netns_path(box)):
            return
        listed = run("ip", "-n", self.namespace, "-br", "link", check=False).stdout
        ports = re.findall(r"^(eth\d+)[@ ]", listed, re.M)
        batch("tc", self.namespace, [f"qdisc del dev {port} clsact" for port in ports])
        batch("ip", self.namespace, [f"link set {port} netns {box}" for port in ports])
        batch("ip", box, [f"link set {port} up" for port in ports])

    def remove(self):
        """Leaves nothing of this instance on the machine."""
        self.kill()
        self.return_ports()
        if os.path.exists(netns_path(self.namespace)):
            run("ip", "netns", "del", self.namespace, check=False)
        for folder in (f"/sys/fs/bpf/sluice/{self.name}", self.run_dir,
                       f"/var/lib/sluice/{self.name}"):
            shutil.rmtree(folder, ignore_errors=True)
        for group in find_cgroups(self.name):
            remove_cgroup(group)


def batch(tool, namespace, lines):
    """Several commands of `ip` or `tc` by one process; what fails is passed over."""
    run(tool, "-n", namespace, "-force", "-batch", "-", check=False, stdin=None,
        input="".join(line + "\n" for line in lines))


def pids_in(namespaces):
    """Pids of the processes in any of these network namespaces (paths; those that exist)."""
    wanted, pids = set(), set()
    for path in namespaces:
        with contextlib.suppress(OSError):
            wanted.add(os.stat(path).st_ino)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{entry}/ns/net").st_ino in wanted:
                    pids.add(int(entry))
    return pids


def find_cgroups(name):
    found = []
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        for pattern in (f"{root}/sluice/{name}", f"{root}/sluice-{name}"):
            found += glob.glob(pattern)
    return found


def processes_of(group):
    try:
        with open(os.path.join(group, "cgroup.procs"), encoding="ascii") as src:
            return {int(line) for line in src}
    except (OSError, ValueError):
        return set()


def remove_cgroup(group):
    for inner in sorted(glob.glob(group + "/*/")):
        remove_cgroup(inner.rstrip("/"))
    for _ in range(50):
        try:
            os.rmdir(group)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)  # a process that was just killed is still leaving it


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as src:
            return src.read().strip()
    except OSError:
        return ""


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as src:
            return src.read().replace("\0", " ").strip()
    except OSError:
        return ""


def children_of(pids):
    """All descendants of `pids`."""
    parent_of = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and start_time(entry):
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as src:
                    parent_of[int(entry)] = int(src.read().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    found, grown = set(), True
    while grown:
        new = {p for p, parent in parent_of.items() if parent in pids | found} - found
        grown = bool(new)
        found |= new
    return found
