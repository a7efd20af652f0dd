# SPDX-License-Identifier: Apache-2.0
"""Imported by realm tests in Python: labs, and what `mantle whoami` says in them."""
import json
import os
import re
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests"))
import tap  # noqa: E402

REALM = "LAB.TEST"
WORDS_MIN = 8  # a sentence that names the cause has at least these


def inside(*options):
    """Re-executes the script inside a lab with these options."""
    if "MANTLE_LAB" not in os.environ:
        os.execvp("mantle", ["mantle", "lab", "exec", *options, "--", sys.executable] + sys.argv)


def whoami(hosts, *options, account=None):
    """(exit status, hops, standard error) of a chain over `hosts`, a string of one-letter names."""
    environment = dict(os.environ)
    if account:
        environment["KRB5CCNAME"] = "FILE:%s/users/%s.ccache" % (environment["MANTLE_LAB"], account)
    command = ["mantle", "whoami"] + ["//" + host for host in hosts] + ["--format", "details", *options]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        return result.returncode, json.loads(result.stdout), result.stderr
    except ValueError:
        return result.returncode, None, result.stdout + result.stderr


def host_name(host):
    return "host/%s.lab.test@%s" % (host, REALM)


def seen(hops):
    """'alice/delegate host-a/identify 0x80070542': who each hop saw and at which level, or with what it was refused."""
    words = []
    for hop in hops or []:
        if hop["identity"]:
            name = hop["identity"].replace("@" + REALM, "").replace(".lab.test", "").replace("host/", "host-")
            words.append("%s/%s" % (name, hop["impersonation"]))
        else:
            words.append(hop["hresult"])
    return " ".join(words)


def check(name, hosts, options, wanted, account=None, why=None):
    """One case: the chain is seen as `wanted` (the form of seen()), the reason of a refusal matches `why`, and everything
    else of the report fits that."""
    status, hops, errors = whoami(hosts, *options.split(), account=account)
    problems = []
    if seen(hops) != wanted:
        problems += ["seen:   " + seen(hops), "wanted: " + wanted] + errors.splitlines()
    refused = any(word.startswith("0x") for word in wanted.split())
    if status != (1 if refused else 0):
        problems.append("exit status %s" % status)
    for number, hop in enumerate(hops or []):
        problems += check_hop(hop, hosts[number] if number < len(hosts) else "?")
    reason = (hops[-1]["reason"] if hops else None) or ""
    if why and not re.search(why, reason):
        problems += ["reason: " + reason, "wanted: /%s/" % why]
    if not hops:
        problems += ["no report"] + errors.splitlines()
    tap.case(name, problems)
    return hops


def check_hop(hop, host):
    keys = ["host", "identity", "sid", "authn_service", "mechanism", "authn_level", "impersonation", "delegated", "local_account", "hresult", "reason", "security"]
    if list(hop) != keys:
        yield "keys: %s" % list(hop)
    if hop["host"] != host:
        yield "host is %s, wanted %s" % (hop["host"], host)
    if hop["local_account"] is not None:
        yield "local_account is %s" % hop["local_account"]
    if hop["identity"]:
        if hop["hresult"] != "0x00000000" or hop["reason"] is not None:
            yield "an answer with %s, %s" % (hop["hresult"], hop["reason"])
        if not re.match(r"S-1-5-21-\d+-\d+-\d+-\d+$", hop["sid"] or ""):
            yield "sid is %s" % hop["sid"]
        if hop["mechanism"] != "Kerberos" or hop["delegated"] != (hop["impersonation"] == "delegate"):
            yield "by %s, delegated %s at %s" % (hop["mechanism"], hop["delegated"], hop["impersonation"])
    elif len((hop["reason"] or "").split()) < WORDS_MIN:
        yield "a refusal without a sentence: %s" % hop["reason"]
