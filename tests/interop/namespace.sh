# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Sourced first by a test script with a foreign peer, which insists on port 135 and asks the C library for names: runs the
# script inside a lab inside namespaces of its own, where both can be had without privileges. Options of the lab stand in
# the script's line `# lab: ...`.
if [ -z "${MANTLE_LAB:-}" ]; then
    if [ -z "${INTEROP_NAMESPACE:-}" ]; then
        INTEROP_NAMESPACE=1 exec unshare --user --map-root-user --net --mount "$0" "$@"
    fi
    ip link set lo up
    # shellcheck disable=SC2046
    exec mantle lab exec --resolver-port 135 $(sed -n 's/^# lab://p' "$0") -- "$0" "$@"
fi
. "$SOURCE/tests/tap.sh"
{
    echo '127.0.0.1 localhost'
    sed -n 's/^\([0-9.]*\):[0-9]* /\1 /p' "$MANTLE_LAB/hosts.txt"
} >"$MANTLE_LAB/etc-hosts"
mount --bind "$MANTLE_LAB/etc-hosts" /etc/hosts
