#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Imported by interop tests: an Active Directory domain, AD.TEST, of one Samba domain controller on 127.0.0.1.

It uses the ports of a domain controller, so the test has to be in a network namespace of its own (capture.namespaced());
everything it writes is in one folder. Run as a program it is the part that makes the domain: `domain.py FOLDER ADDRESS SERVICES`.
"""
import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

REALM, DOMAIN, HOST = "AD.TEST", "ADTEST", "dc1.ad.test"
PASSWORD = "Passw0rd!u"
USERS = ["alice", "bob", "sensitive"]
SECONDS = 120
PORTS = 88, 135, 389
SERVICES = "rpc, ldap, cldap, kdc"
# For computers that join: pipes over SMB, and who tells that server numbers of users. It thinks it may become any of them.
MEMBER_PORTS = 445,
MEMBER_SERVICES = SERVICES + ", s3fs, winbindd"
EVERYBODY = {"LD_PRELOAD": "libuid_wrapper.so", "UID_WRAPPER": "1", "UID_WRAPPER_ROOT": "1"}
# winbindd's socket has a fixed place; a member on the same machine has another there.
OWN_RUN = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /run && mkdir /run/samba && exec "$@"', "sh"]
NOT_DELEGATED = 0x100000

GLOBAL = """
pid directory = {0}/run
ncalrpc dir = {0}/ncalrpc
ntp signd socket directory = {0}/run/ntp_signd
log file = {0}/log/samba.log
log level = 1
server services = {1}
dns update command = /bin/true
tls enabled = no
"""

KRB5 = """[libdefaults]
default_realm = AD.TEST
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1
forwardable = true
[realms]
AD.TEST = {{
    kdc = {0}
}}
[domain_realm]
.ad.test = AD.TEST
"""


class Domain:
    def __init__(self, address="127.0.0.1", has_members=False):
        self.address = address
        self.ports = PORTS + MEMBER_PORTS * has_members
        self.command = OWN_RUN * has_members
        self.environment = {**os.environ, **(EVERYBODY if has_members else {})}
        self.folder = tempfile.mkdtemp(prefix="domain.")
        self.process = None
        atexit.register(self.end)
        environment = {**self.environment, "TMPDIR": self.folder, "HOME": self.folder}
        made = subprocess.run([sys.executable, os.path.abspath(__file__), self.folder, address, MEMBER_SERVICES if has_members else SERVICES],
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=SECONDS)
        if made.returncode:
            sys.exit(made.stdout)
        self.krb5 = self.path("krb5.conf")
        with open(self.krb5, "w") as file:
            file.write(KRB5.format(address))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def start(self, *options):
        """Samba, with options of smb.conf, until the next start or the end."""
        self.stop()
        command = self.command + ["samba", "-s", self.path("etc", "smb.conf"), "-F", "-M", "single", "--no-process-group"]
        with open(self.path("log", "output"), "w") as output:
            self.process = subprocess.Popen(command + ["--option=" + option for option in options], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, start_new_session=True, env={**self.environment, "TMPDIR": self.folder})
        deadline = time.monotonic() + SECONDS
        for port in self.ports:
            while True:
                try:
                    socket.create_connection((self.address, port), SECONDS).close()
                    break
                except OSError:
                    if self.process.poll() is not None or time.monotonic() > deadline:
                        sys.exit("samba does not serve port %d\n%s\n%s" % (port, self.log("output"), self.log("samba.log")))
                    time.sleep(0.05)

    def log(self, name):
        try:
            with open(self.path("log", name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def stop(self):
        if self.process:
            # It leads a session of its own, helpers included.
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(SECONDS)
            self.process = None

    def end(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def provision(folder, address, services):
    # Only here: these are heavy.
    import samba.provision
    from samba.netcmd.main import cmd_sambatool
    # Its access control lists need more users than a namespace has.
    samba.provision.setsysvolacl = lambda *arguments, **options: None
    with open(os.path.join(folder, "empty.conf"), "w") as file:
        file.write("[global]\n")
    arguments = ["provision", "-s", os.path.join(folder, "empty.conf"), "--realm=" + REALM, "--domain=" + DOMAIN, "--server-role=dc",
                 "--dns-backend=SAMBA_INTERNAL", "--host-name=dc1", "--host-ip=" + address, "--adminpass=" + PASSWORD, "--use-rfc2307",
                 "--targetdir=" + folder, "--option=interfaces = lo", "--option=bind interfaces only = yes"]
    if cmd_sambatool()._run("samba-tool", "domain", *arguments):
        sys.exit(1)
    for name in "run", "ncalrpc", "log":
        os.makedirs(os.path.join(folder, name), 0o755, exist_ok=True)
    path = os.path.join(folder, "etc", "smb.conf")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("[global]\n", "[global]\n" + GLOBAL.format(folder, services), 1))


def populate(folder):
    import ldb
    from samba.auth import system_session
    from samba.param import LoadParm
    from samba.samdb import SamDB
    loadparm = LoadParm()
    loadparm.load(os.path.join(folder, "etc", "smb.conf"))
    database = SamDB(url="tdb://" + os.path.join(folder, "private", "sam.ldb"), session_info=system_session(), lp=loadparm)
    database.transaction_start()
    for user in USERS:
        database.newuser(user, PASSWORD)
    found = database.search(expression="(sAMAccountName=sensitive)", attrs=["userAccountControl"])[0]
    message = ldb.Message()
    message.dn = found.dn
    message["userAccountControl"] = ldb.MessageElement(str(int(found["userAccountControl"][0]) | NOT_DELEGATED), ldb.FLAG_MOD_REPLACE,
                                                       "userAccountControl")
    database.modify(message)
    database.transaction_commit()


if __name__ == "__main__":
    provision(*sys.argv[1:])
    populate(sys.argv[1])
