# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Sourced first by a test script that wants to run inside a lab; its options stand in the script's line `# lab: ...`.
if [ -z "${MANTLE_LAB:-}" ]; then
    # shellcheck disable=SC2046
    exec mantle lab exec $(sed -n 's/^# lab://p' "$0") -- "$0" "$@"
fi
. "$SOURCE/tests/tap.sh"
