# SPDX-License-Identifier: Apache-2.0
"""Imported by interop tests: a lab, servers in it that a test starts itself, and Samba as a client of them."""
import atexit
import os
import re
import socket
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.path.join(os.environ.get("BUILD", os.path.join(SOURCE, "build")), "tests", "interop")
sys.path.insert(0, os.path.join(SOURCE, "tests"))
sys.path.insert(0, os.path.join(SOURCE, "tests", "realm"))

import lab  # noqa: E402

SECONDS = 20


SPACE = "MANTLE_TEST_NETWORK"


def in_own_network(*options):
    """Starts the program anew where port 135 is free, and in a lab there. Root in a user namespace is enough."""
    if SPACE not in os.environ:
        os.environ[SPACE] = "1"
        script = 'ip link set lo up && exec "$0" "$@"'
        for way in ["--net"], ["--net", "--user", "--map-root-user"]:
            if subprocess.run(["unshare", *way, "ip", "link", "set", "lo", "up"], stderr=subprocess.DEVNULL).returncode == 0:
                os.execvp("unshare", ["unshare", *way, "sh", "-c", script, sys.executable, *sys.argv])
        print("1..1\nok 1 - a network of its own # SKIP this account may not have one")
        sys.exit(0)
    lab.inside(*options)


def lab_file(*names):
    return os.path.join(os.environ["MANTLE_LAB"], *names)


def resolver(host):
    """(address, port) of a host's resolver."""
    with open(lab_file("hosts.txt")) as file:
        rows = [row.split() for row in file if not row.startswith("#")]
    address, port = next(row[0] for row in rows if row[2] == host).rsplit(":", 1)
    return address, int(port)


def start(command, host=None):
    """Starts a program that writes a line when it serves and ends with its standard input: that line, and its output from
    there on."""
    environment = dict(os.environ)
    if host:
        environment["MANTLE_CONFIG"] = lab_file("hosts", host, "mantle.conf")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    line = process.stdout.readline().strip()
    if not line:
        raise SystemExit("%s did not start" % command[0])

    def stop():
        process.stdin.close()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    atexit.register(stop)
    return line, process.stdout


def smb_conf():
    """The path of a configuration that keeps everything Samba writes in the lab's folder."""
    path = lab_file("smb.conf")
    if not os.path.exists(path):
        folders = ["private dir", "state directory", "cache directory", "lock directory", "pid directory", "ncalrpc dir"]
        with open(path, "w") as file:
            file.write("[global]\nrealm = LAB.TEST\nworkgroup = LAB\nlog level = 0\nlog file = %s\n" % lab_file("samba.log"))
            file.writelines("%s = %s\n" % (folder, lab_file()) for folder in folders)
    return path


def ready(host, program, config):
    """A daemon of a host, when it says that it serves, until the test ends."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = lab_file("hosts", host, program + ".notify")
    notify.bind(path)
    notify.settimeout(SECONDS)
    environment = {**os.environ, "MANTLE_CONFIG": lab_file("hosts", host, config), "NOTIFY_SOCKET": path}
    with open(lab_file("hosts", host, program + ".log"), "w") as log:
        process = subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    atexit.register(lambda: (process.terminate(), process.wait(SECONDS)))
    while b"READY=1" not in notify.recv(4096):
        pass


def daemon(host):
    """mantle-authd and mantled on a host of a lab that was started with --realm-only, ready, until the test ends."""
    ready(host, "mantle-authd", "authd.conf")
    ready(host, "mantled", "mantle.conf")


# What Samba's clients are told by binding options, and the level a call has then. One word more is one service more.
SERVICES = ["krb5", "spnego"]
LEVELS = {"connect": 2, "sign": 5, "seal": 6}
SECURITY = {"": 1, **{"%s,%s" % (level, service): number for service in SERVICES for level, number in LEVELS.items()}}


def credentials(security):
    """The options by which smbtorture is somebody."""
    if "krb5" in security or "spnego" in security:
        return ["--use-kerberos=required", "--use-krb5-ccache=" + os.environ["KRB5CCNAME"]]
    if "ntlm" in security:
        with open(lab_file("users", "alice.password")) as file:
            return ["-ULAB\\alice%" + file.read().strip(), "--use-kerberos=off"]
    return ["-U%"]


def torture(host, port, security, test, *options):
    """(passed, output) of one of smbtorture's tests; `port` is 0 for whatever it takes by itself."""
    binding = "ncacn_ip_tcp:%s[%s]" % (resolver(host)[0], ",".join(
        filter(None, [str(port or ""), "target_hostname=%s.lab.test" % host, security])))
    environment = {**os.environ, "LD_PRELOAD": os.path.join(PROGRAMS, "libtalloc-stack.so")}
    result = subprocess.run(["smbtorture", "-s", smb_conf(), *credentials(security), *options, binding, test], text=True, cwd=lab_file(),
                            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=3 * SECONDS)
    output = result.stdout
    passed = re.search(r"^success:", output, re.M) and not re.search(r"^(failure|error):|PANIC", output, re.M)
    return bool(passed) and result.returncode == 0, output
