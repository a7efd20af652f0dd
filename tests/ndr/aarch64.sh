#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The interpreter, widl's tables and the thunks on 64-bit ARM, under qemu-user: nothing of them may know x86-64's calling convention.
set -eu

cd "$(dirname "$0")/../.."
for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v "$tool" >/dev/null || { echo "1..1"; echo "ok 1 - aarch64 # SKIP $tool is not installed"; exit 0; }
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tools/mantle-idl -o "$scratch" tests/idl/hard.idl
aarch64-linux-gnu-gcc -static -std=gnu17 -O2 -D_GNU_SOURCE -fno-strict-aliasing -Wall -Wextra -Wno-unused-parameter \
    -Wno-missing-field-initializers -Isrc -Iinclude/mantle -I"$scratch" -o "$scratch/cross" tests/ndr/cross.c \
    src/ndr/testing.c src/ndr/testing-object.c src/ndr/testing-hard-object.c src/ndr/testing-hard-calls.c \
    "$scratch/hard_i.c" "$scratch/hard_p.c" "$scratch/hard_t.c" src/base/reader.c src/base/writer.c src/base/arena.c \
    $(ls src/ndr/*.c | grep -v -e /test -e /fuzz) -pthread -lm
qemu-aarch64 "$scratch/cross"
