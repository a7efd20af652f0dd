#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Samba's client as a peer: samba-client.py ADDRESS PORT FOLDER. Reads a number, makes as many sealed calls without arguments to the
management interface there, and says so; until its input ends."""
import os
import sys

from samba.credentials import MUST_USE_KERBEROS, SPECIFIED, Credentials
from samba.dcerpc import mgmt
from samba.param import LoadParm

FOLDERS = ["private dir", "state directory", "cache directory", "lock directory", "pid directory", "ncalrpc dir"]


def main(address, port, folder):
    path = os.path.join(folder, "smb.conf")
    with open(path, "w") as file:
        file.write("[global]\nrealm = LAB.TEST\nworkgroup = LAB\nlog level = 0\nlog file = %s/samba.log\n" % folder)
        file.writelines("%s = %s\n" % (name, folder) for name in FOLDERS)
    loadparm = LoadParm()
    loadparm.load(path)
    alice = Credentials()
    alice.guess(loadparm)
    alice.set_kerberos_state(MUST_USE_KERBEROS)
    alice.set_named_ccache(os.environ["KRB5CCNAME"], SPECIFIED, loadparm)
    server = mgmt.mgmt("ncacn_ip_tcp:%s[%s,target_hostname=a.lab.test,krb5,seal]" % (address, port), loadparm, alice)
    for line in sys.stdin:
        for _ in range(int(line)):
            server.is_server_listening()
        print("done", flush=True)


main(*sys.argv[1:])
