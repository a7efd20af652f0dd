#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs suites and counts test cases: run.py SUITE...

Every test speaks TAP on its standard output: a plan `1..N` and one `ok`/`not ok` line per case (cmocka does by
CMOCKA_MESSAGE_OUTPUT=TAP, scripts through tests/tap.sh or tests/tap.py). What is counted is cases. A program that
dies, times out, runs another number of cases than it planned, or runs none has failed.
"""
import concurrent.futures
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(SOURCE, "build")
FUZZ_SECONDS = 60
SCRIPT_SECONDS = 300
CASE = re.compile(r"^(not )?ok\b(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)")
# Meson runs one configuration of the unit tests per build directory.
UNIT_BUILDS = {"unit": BUILD, "asan": os.path.join(BUILD, "asan"), "tsan": os.path.join(BUILD, "tsan")}
PARALLEL = {"unit", "asan", "tsan", "tree"}
# The realm's programs under a sanitizer. Servers of a lab end unseen: what they have to say goes into files.
SANITIZED_REALM = {"asan-realm": "asan", "tsan-realm": "tsan"}
# Test programs of the realm fork, and their children end with what their parents hold.
LEAK_CHECKED = ["mantled", "whoami-server", "com-server"]


class Test:
    """One program of a suite, and what became of it."""

    def __init__(self, name, command, environment=None, seconds=SCRIPT_SECONDS, folder=SOURCE):
        self.name = name
        self.command = command
        self.folder = folder
        self.environment = environment or {}
        self.seconds = seconds
        self.passed = self.failed = self.skipped = 0
        self.output = ""

    def run(self):
        environment = {**os.environ, "SOURCE": SOURCE, "BUILD": BUILD, "CMOCKA_MESSAGE_OUTPUT": "TAP",
                       "LC_ALL": "C.UTF-8", "PATH": BUILD + ":" + os.environ["PATH"] + ":/usr/sbin:/sbin",
                       "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
                       "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", **self.environment}
        with tempfile.TemporaryFile("w+", errors="replace") as output, tempfile.TemporaryFile("w+", errors="replace") as errors:
            process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                                       cwd=self.folder, env=environment, start_new_session=True)
            try:
                status = process.wait(self.seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                status = "time out after %d s" % self.seconds
            output.seek(0)
            errors.seek(0)
            text = output.read()
            self.output = text + errors.read()
        self.count(text, status)
        return self

    def count(self, text, status):
        planned = None
        for line in text.splitlines():
            plan, case = PLAN.match(line), CASE.match(line)
            if plan:
                planned = (planned or 0) + int(plan.group(1))
            elif case and re.search(r"# SKIP", case.group(2)):
                self.skipped += 1
            elif case and case.group(1):
                self.failed += 1
            elif case:
                self.passed += 1
        ran = self.passed + self.failed + self.skipped
        if planned != ran:
            self.failed += 1
            self.output += "\n# planned %s cases, ran %d\n" % (planned, ran)
        if status != 0 and not self.failed:
            self.failed += 1
        if status != 0:
            self.output += "\n# ended with %s\n" % status


def meson_tests(build, suite):
    listed = json.loads(subprocess.check_output(["meson", "introspect", build, "--tests"]))
    # Meson runs its tests in the build folder, and names programs by their paths from there.
    return [Test(test["name"], test["cmd"], test["env"], test["timeout"] or SCRIPT_SECONDS, build)
            for test in listed if suite in [name.split(":")[-1] for name in test["suite"]]]


def script_tests(suite):
    folder = os.path.join(SOURCE, "tests", suite)
    names = sorted(name for name in os.listdir(folder)
                   if name.startswith("test-") and os.access(os.path.join(folder, name), os.X_OK))
    return [Test(name, [os.path.join(folder, name)]) for name in names]


def fuzz_tests():
    folder = os.path.join(SOURCE, "tests", "fuzz")
    tests = []
    for name in sorted(os.listdir(folder)):
        if os.path.isdir(os.path.join(folder, name)):
            tests.append(Test(name, [os.path.join(folder, "campaign"), name, str(FUZZ_SECONDS)],
                              seconds=FUZZ_SECONDS + SCRIPT_SECONDS))
    return tests


def reports_folder(suite):
    return os.path.join(os.environ["TMPDIR"], "reports-" + suite)


def sanitized_realm_tests(suite):
    build, folder = os.path.join(BUILD, SANITIZED_REALM[suite]), reports_folder(suite)
    os.makedirs(folder, exist_ok=True)
    options = "log_path=" + os.path.join(folder, "report")
    for server in LEAK_CHECKED:
        with open(os.path.join(folder, server + ".options"), "w") as file:
            file.write("detect_leaks=1")
    environment = {"BUILD": build, "PATH": build + ":" + os.environ["PATH"] + ":/usr/sbin:/sbin",
                   "ASAN_OPTIONS": options + ":detect_leaks=0:include_if_exists=" + os.path.join(folder, "%b.options"),
                   "UBSAN_OPTIONS": options + ":print_stacktrace=1:halt_on_error=1",
                   "TSAN_OPTIONS": options}
    tests = meson_tests(build, "realm")
    for test in tests:
        test.environment = {**test.environment, **environment}
        test.seconds *= 2
    return tests


def reports(suite):
    """One case more: no process of the suite, servers included, had anything to report."""
    if suite not in SANITIZED_REALM:
        return
    test = Test("no reports", None)
    for name in sorted(os.listdir(reports_folder(suite))):
        if name.endswith(".options"):
            continue
        with open(os.path.join(reports_folder(suite), name), errors="replace") as file:
            test.output += name + "\n" + "".join(file.readlines()[:60])
    test.passed, test.failed = (0, 1) if test.output else (1, 0)
    yield test


def tests_of(suite):
    if suite in SANITIZED_REALM:
        return sanitized_realm_tests(suite)
    if suite in UNIT_BUILDS:
        tests = meson_tests(UNIT_BUILDS[suite], "unit")
        return tests if suite == "unit" else tests + meson_tests(UNIT_BUILDS[suite], "sanitized")
    if suite == "fuzz":
        return fuzz_tests()
    if suite == "clang":
        # `./dev` built it with -Werror before it came here; its unit tests prove that the result works too.
        return meson_tests(os.path.join(BUILD, "clang"), "unit")
    return script_tests(suite) + meson_tests(BUILD, suite)


def run_suite(suite):
    start = time.monotonic()
    tests = []
    workers = (os.cpu_count() or 1) if suite in PARALLEL else 1
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for test in itertools.chain(pool.map(Test.run, tests_of(suite)), reports(suite)):
            tests.append(test)
            if test.failed:
                print("---- %s/%s\n%s" % (suite, test.name, test.output.rstrip()))
            skipped = ", %d skipped" % test.skipped if test.skipped else ""
            print("%-8s %-32s %d passed, %d failed%s" % (suite, test.name, test.passed, test.failed, skipped), flush=True)
    passed, failed = sum(test.passed for test in tests), sum(test.failed for test in tests)
    if passed + failed == 0:
        print("%s: no test ran, which is a failure" % suite)
        failed = 1
    print("==== %s: %d passed, %d failed in %.1f s" % (suite, passed, failed, time.monotonic() - start), flush=True)
    return passed, failed


def main(suites):
    # Kerberos must never look at this machine's own configuration from a test.
    os.environ["KRB5_CONFIG"] = "/nonexistent/krb5.conf"
    for name in ("KRB5CCNAME", "KRB5_KTNAME", "MANTLE_CONFIG", "MANTLE_LAB"):
        os.environ.pop(name, None)
    temporary = tempfile.mkdtemp(prefix="mantle-test.")
    os.environ["TMPDIR"] = temporary
    try:
        counts = [run_suite(suite) for suite in suites]
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    passed, failed = sum(count[0] for count in counts), sum(count[1] for count in counts)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
