# SPDX-License-Identifier: Apache-2.0
"""Imported by interop tests: tshark with every host's keys, and what it must be able to do with a capture."""
import collections
import os
import re
import subprocess

import peers
import capture
import tap

CONVERSATION = {"bind", "bind_ack", "alter_context", "alter_context_resp", "request", "response"}
# tshark 4.0 does not skip the padding behind an array that ends odd (the bindings of ServerAlive2, the sizes of five
# activation properties), and then finds these bytes too many.
LONG = re.compile(r"^(ServerAlive2 response|RemoteCreateInstance (request|response))")
# What tshark says of keys, also of those that it does not have (the KDC's); and that a null pointer cannot be dissected.
NOTES = re.compile(r"Missing|Used|Decrypted|Learnt|Provides|Verified|SRC|No specification available")


class Tshark:
    def __init__(self, path, *options):
        keytab = peers.lab_file("all.keytab")
        with open(keytab, "wb") as merged:
            merged.write(b"\5\2")
            for host in os.listdir(peers.lab_file("hosts")):
                with open(peers.lab_file("hosts", host, "keytab"), "rb") as file:
                    merged.write(file.read()[2:])
        with open(peers.lab_file("krb5.conf")) as file:
            kdc = re.search(r"kdc = .*:(\d+)", file.read()).group(1)
        # Ports are whatever is free, and some belong to other protocols: what the bytes look like comes first.
        self.command = ["tshark", "-n", "-r", path, "-o", "tcp.try_heuristic_first:TRUE", "-K", keytab, "-o", "kerberos.decrypt:TRUE",
                        "-d", "tcp.port==%s,kerberos" % kdc, *options]

    def rows(self, query, *fields):
        """The fields of the frames that match; every one a list, since a frame may hold several PDUs."""
        command = self.command + ["-Y", query, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|"]
        for field in fields:
            command += ["-e", field]
        environment = {**os.environ, "HOME": peers.lab_file(), "XDG_CONFIG_HOME": peers.lab_file()}
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, timeout=60)
        if result.returncode:
            raise SystemExit(result.stderr)
        return [[text.split("|") if text else [] for text in line.split("\t")] for line in result.stdout.splitlines()]


def check_frames(shark):
    malformed = shark.rows("_ws.malformed", "frame.number", "_ws.col.Info")
    tap.case("no frame is malformed", map(str, malformed))
    odd = [row for row in shark.rows("dcerpc && _ws.expert.severity >= 4194304", "frame.number", "_ws.col.Info", "_ws.expert.message")
           if [text for text in row[2] if not NOTES.match(text) and not (text == "Long frame" and LONG.match(row[1][0]))]]
    tap.case("none of DCE/RPC is odd", map(str, odd))


def check_same(shark, wire, wanted):
    """Both readers saw the same PDUs, of these kinds: what is asserted of one is true of the other."""
    theirs = collections.Counter(kind for row in shark.rows("dcerpc", "dcerpc.pkt_type") for kind in row[0])
    ours = collections.Counter(str(next(number for number, name in capture.KINDS.items() if name == pdu.kind)) for pdu in wire.pdus)
    tap.case("tshark sees every PDU", [] if ours == theirs else [str(ours), str(theirs)])
    kinds = {pdu.kind for pdu in wire.pdus}
    tap.case("they are what a conversation is made of, and no fault is among them", [] if kinds == wanted else [str(kinds)])
