# SPDX-License-Identifier: Apache-2.0
"""Captures of both ends of the wire, at the client and the server (at their switches when there
are several): capture/client.pcap and capture/server.pcap below the lab's state folder. lab/wirecmp
reads them."""

import os
import signal
import time

from .proc import LabError, wait_for

ENDS = ("client", "server")


class Capture:
    def __init__(self, lab):
        self.lab = lab

    def file(self, end):
        return self.lab.path("capture", end + ".pcap")

    def start(self, snaplen=262144):
        os.makedirs(self.lab.path("capture"), exist_ok=True)
        for end in ENDS:
            if os.path.exists(self.file(end)):
                os.unlink(self.file(end))
            host, device = self.lab.topo.wire_end(end)
            argv = ["tcpdump", "-i", device, "-p", "-s", str(snaplen), "-B", "65536", "-n", "-U",
                    "--immediate-mode", "-Z", "root", "-w", self.file(end)]
            label = f"capture-{end}"
            log = self.lab.tracked.log_path(label)
            if os.path.exists(log):
                os.unlink(log)
            self.lab.tracked.start(label, argv, netns=self.lab.topo.ns(host))
        for end in ENDS:
            wait_for(f"tcpdump on {end}", lambda end=end: self._listens(end), 5)

    def _listens(self, end):
        label = f"capture-{end}"
        text = self.lab.tracked.log_tail(label)
        if not self.lab.tracked.alive(label):
            raise LabError(f"tcpdump on {end} ended at its start: {text}")
        return "listening on" in text

    def stop(self):
        """Ends both, once what is on its way has arrived; LabError when packets were lost."""
        time.sleep(0.15)
        for end in ENDS:
            self.lab.tracked.stop(f"capture-{end}", how=signal.SIGINT)
        for end in ENDS:
            text = self.lab.tracked.log_tail(f"capture-{end}")
            dropped = [line for line in text.splitlines() if "dropped by kernel" in line]
            if dropped and not dropped[0].startswith("0 "):
                raise LabError(f"the capture on {end} is not complete: {dropped[0]}")
