# SPDX-License-Identifier: Apache-2.0
"""Imported by interop tests: Windows programs, compiled by mingw and widl, run by Wine in a prefix of the test's own."""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile

import peers

FOLDER = os.path.join(peers.SOURCE, "tests", "interop", "wine")
TOOLS = "x86_64-w64-mingw32-"
SECONDS = 120  # the first start makes the prefix


class Wine:
    """A folder for programs, and a prefix that is made when the first of them runs."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="wine.")
        self.environment = {**os.environ, "WINEPREFIX": os.path.join(self.folder, "prefix"), "HOME": self.folder, "WINEDEBUG": "-all",
                            "XDG_CACHE_HOME": self.folder, "XDG_CONFIG_HOME": self.folder, "WINEDLLOVERRIDES": "mscoree=;mshtml=;winedbg.exe=d"}
        atexit.register(self.end)

    def end(self):
        # Whatever runs in the prefix, and nothing else.
        for option in "-k", "-w":
            subprocess.run(["wineserver", option], env=self.environment, check=False, timeout=SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def widl(self, name, *outputs):
        """NAME.h, NAME_i.c and NAME_p.c, NAME_c.c or NAME_s.c, from IDL of tests/idl."""
        for option in "h", "u", *outputs:
            output = self.path(name + (".h" if option == "h" else "_%s.c" % ("i" if option == "u" else option)))
            check([TOOLS + "widl", "--win64", "-Os", "--prefix-client=c_", "--prefix-server=s_", "-I", os.path.join(peers.SOURCE, "idl"),
                   "-" + option, "-o", output, os.path.join(peers.SOURCE, "tests", "idl", name + ".idl")])

    def compile(self, name, first, *sources):
        """NAME.exe of wine/NAME.c and `sources`, with a header of wine/ that is included first."""
        check([TOOLS + "gcc", "-std=gnu17", "-O1", "-DNDEBUG", "-D_WIN32_WINNT=0x600", "-DUSE_COMPILER_EXCEPTIONS", "-include",
               os.path.join(FOLDER, first), "-I", self.folder, "-I", FOLDER, "-I", os.path.join(peers.SOURCE, "src"), "-o",
               self.path(name + ".exe"), os.path.join(FOLDER, name + ".c"), *sources, "-lrpcrt4", "-lole32", "-loleaut32", "-luuid"])

    def run(self, name, *arguments):
        """(exit status, standard output)."""
        result = subprocess.run(["wine", self.path(name + ".exe"), *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", timeout=SECONDS)
        return result.returncode, result.stdout.replace("\r\n", "\n")


def check(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        sys.exit("%s\n%s" % (" ".join(command), result.stdout))
