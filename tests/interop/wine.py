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

    def widl(self, idl, *options):
        """NAME.h, NAME_i.c and what `options` ask for, from IDL that imports Mantle's own base."""
        name = os.path.splitext(os.path.basename(idl))[0]
        for option, suffix in ("-h", ".h"), ("-u", "_i.c"), *options:
            check([TOOLS + "widl", "--win64", "-Os", "-I", os.path.join(peers.SOURCE, "idl"), "-I", os.path.dirname(idl), option, "-o",
                   self.path(name + suffix), idl])

    def compile(self, name, sources, *options):
        """NAME.exe. Exceptions of stubs are not caught, see widl.h."""
        check([TOOLS + "gcc", "-std=gnu17", "-O1", "-DNDEBUG", "-D_WIN32_WINNT=0x600", "-DUSE_COMPILER_EXCEPTIONS", "-include",
               os.path.join(FOLDER, "widl.h"), "-I", self.folder, "-I", FOLDER, "-I", os.path.join(peers.SOURCE, "src"), "-o",
               self.path(name + ".exe"), *sources, *options, "-lrpcrt4", "-lole32", "-loleaut32", "-luuid"])

    def run(self, name, *arguments):
        """(exit status, standard output)."""
        result = subprocess.run(["wine", self.path(name + ".exe"), *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", timeout=SECONDS)
        return result.returncode, result.stdout.replace("\r\n", "\n")


def check(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        sys.exit("%s\n%s" % (" ".join(command), result.stdout))
