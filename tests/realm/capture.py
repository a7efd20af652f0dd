# SPDX-License-Identifier: Apache-2.0
"""Imported by realm tests: what crossed the loopback interface, as DCE/RPC PDUs.

    with Capture() as wire:          # from before the first call: connections are reused
        part = wire.part(walk)       # [Pdu(source, target, kind, interface, opnum, authn, level)] of what walk() made

Of other traffic than the lab's it takes no notice. A raw socket is needed: namespaced() below re-executes the script where
anybody may open one.
"""
import collections
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid

KINDS = {0: "request", 2: "response", 3: "fault", 11: "bind", 12: "bind_ack", 13: "bind_nak", 14: "alter_context",
         15: "alter_context_resp", 16: "auth3", 18: "co_cancel", 19: "orphaned"}
OUTGOING = 4  # the loopback interface shows every packet twice; this is the second look
HEADER = 16
QUIET_SECONDS = 0.2

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)  # Ethernet frames

Pdu = collections.namedtuple("Pdu", "source target kind interface opnum authn level")


def namespaced():
    """Re-executes the script where there is no other traffic and where it may open a raw socket, privileged or not; to be
    called before a lab is started."""
    if os.environ.get("CAPTURE_NAMESPACE") == "entered":
        return
    if os.environ.get("CAPTURE_NAMESPACE") == "made":
        os.environ["CAPTURE_NAMESPACE"] = "entered"
        subprocess.check_call(["ip", "link", "set", "lo", "up"])
        return
    unshare = ["unshare", "--user", "--map-root-user", "--net"]
    if os.geteuid() == 0 and subprocess.call(unshare + ["true"], stderr=subprocess.DEVNULL):
        return  # a container that has no namespaces to give; root may listen where it is
    os.environ["CAPTURE_NAMESPACE"] = "made"
    os.execvp("unshare", unshare + [sys.executable] + sys.argv)


class Stream:
    """One direction of a connection: bytes in order, cut into PDUs."""

    def __init__(self):
        self.next = None
        self.early = {}
        self.data = b""  # not cut into PDUs yet
        self.all = b""

    def add(self, sequence, payload, syn):
        if syn:
            self.next = (sequence + 1) & 0xFFFFFFFF
        elif self.next is None:
            self.next = sequence
        if payload:
            self.early[sequence] = payload
        while self.next in self.early:
            segment = self.early.pop(self.next)
            self.data += segment
            self.all += segment
            self.next = (self.next + len(segment)) & 0xFFFFFFFF

    def pdus(self):
        while len(self.data) >= HEADER and self.data[0] == 5:
            length = struct.unpack_from("<H", self.data, 8)[0]
            if length < HEADER or len(self.data) < length:
                break
            yield self.data[:length]
            self.data = self.data[length:]


def lab_network():
    """What the addresses of the lab begin with: every lab has a 127.x.y of its own."""
    with open(os.path.join(os.environ["MANTLE_LAB"], "hosts.txt")) as file:
        address = next(row for row in file if not row.startswith("#")).rsplit(":", 1)[0]
    return address.rsplit(".", 1)[0] + "." if "." in address else address.strip("[]")


class Capture:
    """`path`, if any, gets the frames as a pcap file."""

    def __init__(self, path=None):
        self.file = open(path, "wb") if path else None
        self.network = lab_network()
        self.pdus = []
        self.streams = {}
        self.contexts = {}  # (client, server) -> {presentation context: interface}
        self.socket = None
        self.thread = None
        self.stop = threading.Event()

    def __enter__(self):
        if self.file:
            self.file.write(PCAP_HEADER)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self.socket.bind(("lo", 0))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.socket.close()
        if self.file:
            self.file.close()

    def run(self):
        while not self.stop.is_set():
            if select.select([self.socket], [], [], 0.05)[0]:
                packet, address = self.socket.recvfrom(1 << 17)
                if address[2] != OUTGOING:
                    self.packet(packet)

    def packet(self, frame):
        ip = frame[14:]
        if ip[0] >> 4 == 4 and ip[9] == socket.IPPROTO_TCP:
            source, target = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
            tcp = ip[(ip[0] & 15) * 4:struct.unpack_from(">H", ip, 2)[0]]
        elif ip[0] >> 4 == 6 and ip[6] == socket.IPPROTO_TCP:
            source, target = socket.inet_ntop(socket.AF_INET6, ip[8:24]), socket.inet_ntop(socket.AF_INET6, ip[24:40])
            tcp = ip[40:]
        else:
            return
        if not source.startswith(self.network) and not target.startswith(self.network):
            return
        if self.file:
            self.file.write(struct.pack("<IIII", int(time.time()), 0, len(frame), len(frame)) + frame)
        ports = struct.unpack_from(">HH", tcp)
        ends = ((source, ports[0]), (target, ports[1]))
        stream = self.streams.setdefault(ends, Stream())
        stream.add(struct.unpack_from(">I", tcp, 4)[0], tcp[(tcp[12] >> 4) * 4:], bool(tcp[13] & 2))
        for pdu in stream.pdus():
            self.pdu(ends, pdu)

    def pdu(self, ends, data):
        kind = KINDS.get(data[2], data[2])
        length, auth_length = struct.unpack_from("<HH", data, 8)
        authn = level = interface = opnum = None
        if auth_length and length >= HEADER + 8 + auth_length:
            authn, level = data[length - auth_length - 8], data[length - auth_length - 7]
        if kind in ("bind", "alter_context"):
            offset = HEADER + 12
            for _ in range(data[HEADER + 8]):
                context, transfers = struct.unpack_from("<HB", data, offset)
                interface = str(uuid.UUID(bytes_le=data[offset + 4:offset + 20]))
                # The first wins: a connection may offer one context with several transfer syntaxes or features.
                self.contexts.setdefault(ends, {}).setdefault(context, interface)
                offset += 24 + 20 * transfers
        elif kind == "request":
            context, opnum = struct.unpack_from("<HH", data, HEADER + 4)
            interface = self.contexts.get(ends, {}).get(context)
        self.pdus.append(Pdu(ends[0], ends[1], kind, interface, opnum, authn, level))

    def part(self, action):
        """The PDUs that crossed while `action` ran, and shortly after."""
        first = len(self.pdus)
        action()
        time.sleep(QUIET_SECONDS)
        return self.pdus[first:]

    def carries(self, data):
        """Did these bytes cross the wire in any connection so far?"""
        return any(data in stream.all for stream in list(self.streams.values()))


def requests(pdus, address=None):
    """Requests sent to a host (any of its ports), or to everybody."""
    return [pdu for pdu in pdus if pdu.kind == "request" and address in (None, pdu.target[0])]
