# SPDX-License-Identifier: Apache-2.0
"""Imported by interop tests: a computer that is a member of domain.py's domain, with a winbindd that programs here ask.

alone() gives the test network, mounts and process numbers of its own: winbindd's socket has a fixed place, and what Samba
starts besides ends with the test.
"""
import os
import shutil
import subprocess
import sys
import time

import domain

NAME = "MEMBER"
TOOLS = ["winbindd", "wbinfo", "net", "samba", "samba-tool", "smbd"]
CONF = """[global]
workgroup = {domain}
realm = {realm}
security = ads
netbios name = {name}
server role = member server
interfaces = lo
bind interfaces only = yes
password server = {host}
idmap config * : backend = tdb
idmap config * : range = 100000-200000
log file = {folder}/log.%m
"""
FOLDERS = "private dir", "state directory", "cache directory", "lock directory", "pid directory", "ncalrpc dir"


def alone():
    """Re-executes the script as user 0 of namespaces of its own; to be called first."""
    missing = [name for name in TOOLS if not shutil.which(name)]
    if missing:
        raise SystemExit("not installed: %s" % missing)
    if os.environ.get("MEMBER_NAMESPACE") == "entered":
        return
    if os.environ.get("MEMBER_NAMESPACE") != "made":
        os.environ["MEMBER_NAMESPACE"] = "made"
        for user in ["--user", "--map-root-user"], []:
            unshare = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child"]
            if subprocess.run(unshare + ["ip", "link", "set", "lo", "up"], stderr=subprocess.DEVNULL).returncode == 0:
                os.execvp("unshare", unshare + [sys.executable] + sys.argv)
        raise SystemExit("there are no namespaces to be had")
    os.environ["MEMBER_NAMESPACE"] = "entered"
    subprocess.check_call(["ip", "link", "set", "lo", "up"])
    subprocess.check_call(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    os.makedirs("/run/samba")
    hosts = "/run/hosts"
    with open(hosts, "w") as file:
        file.write("127.0.0.1 localhost {0} {1}\n127.0.0.1 {2}.{3} {2}\n::1 localhost\n".format(
            domain.HOST, domain.HOST.split(".")[0], NAME.lower(), domain.REALM.lower()))
    subprocess.check_call(["mount", "--bind", hosts, "/etc/hosts"])


class Member:
    def __init__(self, controller):
        self.folder = controller.path("member")
        self.conf = os.path.join(self.folder, "smb.conf")
        self.environment = {**os.environ, **domain.EVERYBODY, "KRB5_CONFIG": controller.krb5}
        self.process = None
        os.makedirs(self.folder)
        with open(self.conf, "w") as file:
            file.write(CONF.format(domain=domain.DOMAIN, realm=domain.REALM, name=NAME, host=domain.HOST, folder=self.folder))
            file.writelines("%s = %s\n" % (name, self.folder) for name in FOLDERS)
        self.tell("net", "ads", "join", "-s", self.conf, "-U", "Administrator%" + domain.PASSWORD, "-S", domain.HOST, "--no-dns-updates")

    def tell(self, *command):
        """What a program prints, which must not fail."""
        result = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, timeout=domain.SECONDS)
        if result.returncode:
            raise SystemExit("%s: %s" % (" ".join(command), result.stdout))
        return result.stdout

    def start(self):
        """winbindd, and until it has found its domain's controller."""
        with open(os.path.join(self.folder, "output"), "a") as output:
            self.process = subprocess.Popen(["winbindd", "-s", self.conf, "-F", "--no-process-group"], env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + domain.SECONDS
        while subprocess.run(["wbinfo", "-P"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=domain.SECONDS).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("winbindd does not start")
            time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        self.process.wait(domain.SECONDS)

    def sid(self, name):
        return self.tell("wbinfo", "-n", name).split()[0]
