# SPDX-License-Identifier: Apache-2.0
"""Imported by interop tests: what real Windows machines sent to each other (tests/vectors/rpc), as conversations that can
be held again with fresh keys, from either side.

A conversation is replayed by sending what was captured, byte for byte, except for what cannot be the same twice: tokens
and signatures (by MIT's GSSAPI), and the numbers that the other side gives away (association groups, OXIDs, OIDs, IPIDs,
ping sets), which are put in wherever the captured ones stand.
"""
import json
import os
import socket
import struct
import uuid

import gssapi.raw as gss

import peers

VECTORS = os.path.join(peers.SOURCE, "tests", "vectors", "rpc", "pdus")
CAPTURES = ["win10-create", "win10-execmethod"]
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESP = 0, 2, 3, 11, 12, 13, 14, 15
KINDS = {REQUEST: "request", RESPONSE: "response", FAULT: "fault", BIND: "bind", BIND_ACK: "bind_ack", BIND_NAK: "bind_nak",
         ALTER: "alter_context", ALTER_RESP: "alter_context_resp"}
VERIFICATION = bytes.fromhex("8ae3137102f43671")
HEADER_SIGN, OBJECT_UUID = 0x04, 0x80
CONNECT, PACKET, PRIVACY = 2, 4, 6
KERBEROS, NEGOTIATE = 16, 9
OBJECT_EXPORTER = uuid.UUID("99fcfec4-5260-101b-bbcb-00aa0021347a")
ACTIVATOR = uuid.UUID("000001a0-0000-0000-c000-000000000046")
REM_UNKNOWN2 = uuid.UUID("00000143-0000-0000-c000-000000000046")
SERVICES = uuid.UUID("9556dc99-828c-11cf-a37e-00aa003240c7")
LEVEL1_LOGIN = uuid.UUID("f309ad18-d86a-11d0-a075-00c04fb68820")
RESOLVER_PORT = 135
TOKEN, PRIVACY_TOKEN = 28, 76  # of AES256
SECONDS = 30


class Pdu:
    """One PDU. `body` is what stands between the common header and padding or sec_trailer."""

    def __init__(self, kind, flags, call, body, security=None, token=b"", pad=b""):
        self.kind, self.flags, self.call, self.body = kind, flags, call, body
        self.security = security  # (service, level, context)
        self.token, self.pad = token, pad  # the padding's bytes

    @classmethod
    def of(cls, data):
        kind, flags = data[2], data[3]
        length, auth_length, call = struct.unpack_from("<HHI", data, 8)
        if len(data) != length or data[:2] != b"\5\0" or data[4:8] != b"\x10\0\0\0":
            raise ValueError("not a PDU: " + data[:16].hex())
        if not auth_length:
            return cls(kind, flags, call, data[16:])
        end = length - auth_length - 8
        service, level, pad, _, context = struct.unpack_from("<BBBBI", data, end)
        return cls(kind, flags, call, data[16:end - pad], (service, level, context), data[end + 8:], data[end - pad:end])

    def head(self):
        """Everything before the token."""
        trailer = b""
        if self.security:
            service, level, context = self.security
            trailer = self.pad + struct.pack("<BBBBI", service, level, len(self.pad), 0, context)
        length = 16 + len(self.body) + len(trailer) + len(self.token)
        return struct.pack("<BBBB4sHHI", 5, 0, self.kind, self.flags, b"\x10\0\0\0", length, len(self.token),
                           self.call) + self.body + trailer

    def data(self):
        return self.head() + self.token

    def stub_start(self):
        return 24 if self.kind == REQUEST and self.flags & OBJECT_UUID else 8

    def stub(self):
        return self.body[self.stub_start():]

    def arguments(self):
        """The stub without a verification trailer ([MS-RPCE] 2.2.2.13), which Mantle's client sends and these Windows do not."""
        stub = self.stub()
        end = stub.rfind(VERIFICATION)
        return stub if end < 0 else stub[:end]

    def contexts(self):
        """{presentation context: (interface, [transfer syntax])} that a bind or alter_context offers."""
        offset, found = 12, {}
        for _ in range(self.body[8]):
            context, transfers = struct.unpack_from("<HB", self.body, offset)
            syntaxes = [self.body[offset + 24 + 20 * i:offset + 44 + 20 * i] for i in range(transfers)]
            found[context] = (uuid.UUID(bytes_le=self.body[offset + 4:offset + 20]), syntaxes)
            offset += 24 + 20 * transfers
        return found

    def results(self):
        """[(result, reason, transfer syntax)] of an answer to those."""
        offset = 10 + struct.unpack_from("<H", self.body, 8)[0]
        offset += -offset % 4
        return [struct.unpack_from("<HH20s", self.body, offset + 4 + 24 * i) for i in range(self.body[offset])]

    def __str__(self):
        return "%s flags %d call %d security %s token %d pad %s body %s" % (
            KINDS.get(self.kind, self.kind), self.flags, self.call, self.security, len(self.token), self.pad.hex(), self.body.hex())


class Step:
    """One captured PDU: in which connection, from whom, and what it is."""

    def __init__(self, row):
        self.stream, self.sealed = row["stream"], row.get("sealed", False)
        self.pdu = Pdu.of(bytes.fromhex(row["pdu_hex"]))
        self.interface = uuid.UUID(row["iface"]) if "iface" in row else None
        self.opnum = row.get("opnum")
        self.port = int(row["from"].rsplit(":", 1)[1])


def captured(name):
    with open(os.path.join(VECTORS, name + ".pdus.jsonl")) as file:
        return [Step(json.loads(line)) for line in file]


def receive(stream):
    """The next PDU of a socket; None at its end."""
    data = b""
    while len(data) < 16 or len(data) < struct.unpack_from("<H", data, 8)[0]:
        wanted = (struct.unpack_from("<H", data, 8)[0] if len(data) >= 16 else 16) - len(data)
        more = stream.recv(wanted)
        if not more:
            return None
        data += more
    return Pdu.of(data)


class Kerberos:
    """One security context of MIT's, by raw tokens; either side."""

    service = KERBEROS
    answers_last_leg = False

    def __init__(self, level, target=None, keytab=None):
        flags = gss.RequirementFlag.dce_style | gss.RequirementFlag.mutual_authentication
        if level >= PACKET:
            flags |= gss.RequirementFlag.integrity | gss.RequirementFlag.replay_detection | gss.RequirementFlag.out_of_sequence_detection
        if level >= PRIVACY:
            flags |= gss.RequirementFlag.confidentiality
        self.flags, self.context, self.complete = flags, None, False
        self.target = target and gss.import_name(target.encode(), gss.NameType.kerberos_principal)
        store = {b"keytab": keytab.encode()} if keytab else {b"ccache": os.environ["KRB5CCNAME"].encode()}
        self.credentials = gss.acquire_cred_from(store, usage="accept" if keytab else "initiate").creds

    def step(self, token):
        """The next token to send; b"" for none."""
        if self.target:
            result = gss.init_sec_context(self.target, self.credentials, self.context, gss.MechType.kerberos, self.flags, input_token=token or None)
        else:
            result = gss.accept_sec_context(token, self.credentials, self.context)
        self.context, self.complete = result.context, not result.more_steps
        return result.token or b""

    def finish(self, token):
        """What answers the last leg, at the client."""
        if token:
            raise ValueError("a token behind the last one")

    def sign(self, pdu, header_signed):
        """Gives a request or response its padding and token, and encrypts it where its level says so. Without header signing
        the stub alone is signed."""
        pdu.pad = bytes(-len(pdu.stub()) % 16)
        pdu.token = bytes(PRIVACY_TOKEN if pdu.security[1] == PRIVACY else TOKEN)
        if pdu.security[1] == PRIVACY:
            parts = self.parts(pdu, header_signed)
            gss.wrap_iov(self.context, parts, confidential=True)
            pdu.body, pdu.pad = pdu.body[:pdu.stub_start()] + parts[1].value[:len(pdu.stub())], parts[1].value[len(pdu.stub()):]
            pdu.token = parts[3].value
        else:
            pdu.token = gss.get_mic(self.context, self.signed_part(pdu, header_signed))

    def check(self, pdu, header_signed):
        """Raises when the signature is wrong; decrypts."""
        if pdu.security[1] == PRIVACY:
            parts = self.parts(pdu, header_signed)
            gss.unwrap_iov(self.context, parts)
            pdu.body = pdu.body[:pdu.stub_start()] + parts[1].value[:len(pdu.stub())]
        else:
            gss.verify_mic(self.context, self.signed_part(pdu, header_signed), pdu.token)

    @staticmethod
    def signed_part(pdu, header_signed):
        head = pdu.head()
        return head if header_signed else head[16 + pdu.stub_start():-8]

    @staticmethod
    def parts(pdu, header_signed):
        head, start = pdu.head(), 16 + pdu.stub_start()
        kind = gss.IOVBufferType.sign_only if header_signed else gss.IOVBufferType.empty
        return gss.IOV((kind, False, head[:start]), (gss.IOVBufferType.data, False, head[start:-8]), (kind, False, head[-8:]),
                       (gss.IOVBufferType.header, False, pdu.token), std_layout=False)


def der(tag, *parts):
    content = b"".join(parts)
    length = len(content)
    size = b"" if length < 128 else length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([length]) if length < 128 else bytes([128 + len(size)]) + size) + content


def der_parts(data):
    """[(tag, content)] of a sequence's content."""
    parts = []
    while data:
        tag, length, start = data[0], data[1], 2
        if length & 128:
            start += length & 127
            length = int.from_bytes(data[2:start], "big")
        parts.append((tag, data[start:start + length]))
        data = data[start + length:]
    return parts


class Negotiate(Kerberos):
    """SPNEGO as the captured machines spoke it: four tokens around Kerberos' bare ones, the list of mechanisms signed by both."""

    service = NEGOTIATE
    answers_last_leg = True
    # Microsoft's Kerberos, Kerberos, NegoEx, NTLM
    MECHANISMS = bytes.fromhex("302e06092a864882f71201020206092a864886f712010202060a2b06010401823702021e060a2b06010401823702020a")
    OUR_MECHANISM = bytes.fromhex("06092a864882f712010202")
    SPNEGO, FRAME = bytes.fromhex("06062b0601050502"), bytes.fromhex("06092a864886f7120102020100")
    INCOMPLETE, COMPLETED = 1, 0

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.list, self.legs = self.MECHANISMS, 0

    def response(self, state, *parts):
        return der(0xA1, der(0x30, der(0xA0, der(0x0A, bytes([state]))), *parts))

    def mic(self):
        return der(0xA3, der(0x04, gss.get_mic(self.context, self.list)))

    def step(self, token):
        self.legs += 1
        if self.target:
            return self.initiate(token)
        return self.accept_first(token) if self.legs == 1 else self.accept_second(token)

    def initiate(self, token):
        if self.legs == 1:
            leg = der(0xA2, der(0x04, super().step(None)))
            return der(0x60, self.SPNEGO, der(0xA0, der(0x30, der(0xA0, self.MECHANISMS), leg)))
        parts = self.parts_of(token, self.INCOMPLETE)
        if der_parts(parts.get(0xA1, b"")) != der_parts(self.OUR_MECHANISM):
            raise ValueError("another mechanism: " + token.hex())
        leg = super().step(der_parts(parts[0xA2])[0][1])
        return self.response(self.INCOMPLETE, der(0xA2, der(0x04, leg)), self.mic())

    def finish(self, token):
        parts = self.parts_of(token, self.COMPLETED)
        gss.verify_mic(self.context, self.list, der_parts(parts[0xA3])[0][1])
        if set(parts) != {0xA0, 0xA3}:
            raise ValueError("more than a signature: " + token.hex())

    @staticmethod
    def parts_of(token, state):
        (tag, content), = der_parts(token)
        parts = dict(der_parts(der_parts(content)[0][1]))
        if tag != 0xA1 or der_parts(parts.get(0xA0, b"")) != [(0x0A, bytes([state]))]:
            raise ValueError("not a response of state %d: %s" % (state, token.hex()))
        return parts

    def accept_first(self, token):
        (_, framed), = der_parts(token)
        init = dict(der_parts(der_parts(der_parts(framed[len(self.SPNEGO):])[0][1])[0][1]))
        self.list, leg = init[0xA0], der_parts(init[0xA2])[0][1]
        if leg[0] == 0x60:
            leg = der_parts(leg)[0][1][len(self.FRAME):]
        chosen = der_parts(der_parts(self.list)[0][1])[0][1]
        return self.response(self.INCOMPLETE, der(0xA1, der(0x06, chosen)), der(0xA2, der(0x04, super().step(leg))))

    def accept_second(self, token):
        (_, content), = der_parts(token)
        parts = dict(der_parts(der_parts(content)[0][1]))
        super().step(der_parts(parts[0xA2])[0][1])
        if 0xA3 not in parts:
            return self.response(self.COMPLETED)
        gss.verify_mic(self.context, self.list, der_parts(parts[0xA3])[0][1])
        return self.response(self.COMPLETED, self.mic())


class Names:
    """The numbers of the capture, and what stands for them in this conversation."""

    def __init__(self):
        self.pairs = {}

    def learn(self, theirs, ours):
        """`theirs` as captured, `ours` as heard now; bytes. Zero means nothing in particular."""
        if any(theirs):
            self.pairs[bytes(theirs)] = bytes(ours)

    def now(self, data):
        """Captured bytes as they have to be sent now."""
        return self.swap(data, self.pairs)

    def then(self, data):
        """Received bytes as they would stand in the capture."""
        return self.swap(data, {ours: theirs for theirs, ours in self.pairs.items()})

    @staticmethod
    def swap(data, pairs):
        """Longest first, and nothing that was put in is looked at again."""
        result, offset = b"", 0
        ordered = sorted(pairs, key=len, reverse=True)
        while offset < len(data):
            old = next((old for old in ordered if data.startswith(old, offset)), None)
            result += pairs[old] if old else data[offset:offset + 1]
            offset += len(old) if old else 1
        return result


def connect(address):
    stream = socket.create_connection(address, SECONDS)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream
