# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Sourced by test scripts: each case is one line of TAP; finish prints the plan and sets the exit status.
tap_count=0
tap_failed=0

pass() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}

# fail NAME [TEXT]: TEXT is shown below the line
fail() {
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# is NAME GOT WANTED
is() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:    $2
wanted: $3"; fi
}

# like NAME TEXT PATTERN (of grep -E)
like() {
    if printf '%s\n' "$2" | grep -Eq -e "$3"; then pass "$1"; else fail "$1" "got:    $2
wanted: /$3/"; fi
}

# unlike NAME TEXT PATTERN
unlike() {
    if printf '%s\n' "$2" | grep -Eq -e "$3"; then fail "$1" "got:      $2
unwanted: /$3/"; else pass "$1"; fi
}

# succeeds NAME COMMAND...
succeeds() {
    tap_name=$1
    shift
    if tap_output=$("$@" 2>&1); then pass "$tap_name"; else fail "$tap_name" "$tap_output"; fi
}

finish() {
    echo "1..$tap_count"
    exit $((tap_failed > 0))
}
