#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run by test-systemd inside a lab of host a: boots systemd over a copy of this machine's files with Mantle installed in it,
# talks to it, and prints what it saw as `key: value`.
set -eu

root=$FOLDER/root
log() { printf '%s: %s\n' "$1" "$2"; }

# The machine, as mantled's units find it; this machine's own files are below and stay as they are. The lab's folder is
# there too, since its realm has the paths in it.
install_host() {
    DESTDIR=$root meson install -C "$BUILD" --no-rebuild --quiet >/dev/null
    mkdir -p "$root/etc/mantle/classes.d"
    # One file for both: the keytab in it is for mantle-authd's account only.
    sed -e "/^principal/i keytab = /etc/mantle/keytab" -e "/^socket/s#=.*#= /run/mantle-authd.socket#" -e "/^runtime/s#=.*#= /run/mantle#" -e "/^classes_dir/s#=.*#= /etc/mantle/classes.d#" \
        -e "/^hosts_file/s#=.*#= /etc/mantle/hosts.txt#" -e '/^\[exporter\]/,/^\[/s#^port = .*#port = 24158#' \
        "$MANTLE_LAB/hosts/a/mantle.conf" >"$root/etc/mantle/mantle.conf"
    cp "$MANTLE_LAB/hosts/a/classes.d/"* "$root/etc/mantle/classes.d"
    cp "$MANTLE_LAB/hosts.txt" "$MANTLE_LAB/hosts/a/keytab" "$root/etc/mantle"
    cp "$MANTLE_LAB/krb5.conf" "$root/etc/krb5.conf"
    cat >"$root/etc/systemd/system/sample.service" <<END
[Unit]
After=mantled-local.socket
[Service]
Type=notify
ExecStart=$BUILD/lab/whoami-server none
END
    # Nothing but these sockets is to be started.
    cat >"$root/etc/systemd/system/test.target" <<END
[Unit]
Wants=mantled.socket mantled-exporter.socket mantled-local.socket mantle-authd.socket
After=sysinit.target
Requires=sysinit.target
END
    systemd-sysusers --root="$root" >/dev/null
    chown -R --from=root "$(awk -F: '$1 == "mantle" { print $3 ":" $4 }' "$root/etc/passwd")" "$root/etc/mantle"
    chown "$(awk -F: '$1 == "mantle-authd" { print $3 ":" $4 }' "$root/etc/passwd")" "$root/etc/mantle/keytab"
    chmod 0600 "$root/etc/mantle/keytab"
}

boot() {
    mount --make-rprivate /
    mkdir -p "$FOLDER/layers" "$root"
    mount -t tmpfs layers "$FOLDER/layers"
    mkdir "$FOLDER/layers/upper" "$FOLDER/layers/work"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$FOLDER/layers/upper,workdir=$FOLDER/layers/work" "$root"
    install_host
    cd "$root"
    mount -t proc proc proc
    mount -t tmpfs run run
    mount -t sysfs sys sys
    mount -t cgroup2 cgroup sys/fs/cgroup
    mount --rbind /dev dev
    mkdir -p old
    pivot_root . old
    umount -l /old
    export container=lxc
    exec /lib/systemd/systemd --system --unit=test.target --log-target=console --log-level=warning
}

if [ "${1:-}" = boot ]; then boot; fi

unshare --mount --pid --fork --kill-child --uts --ipc --cgroup "$0" boot >"$FOLDER/systemd.log" 2>&1 &
outer=$!
trap 'sed "s/^/systemd: /" "$FOLDER/systemd.log"; kill -KILL $outer 2>/dev/null || true' EXIT
trap 'exit 1' HUP INT TERM

inside() { nsenter --target "$init" --mount --pid --uts --ipc --cgroup env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
state() {
    for unit in mantled.service mantled.socket; do
        echo "$unit $(inside systemctl is-active $unit || true)"
    done | paste -sd, | sed 's/,/, /'
}
until_active() {
    for _ in $(seq 300); do
        init=$(pgrep -P $outer || true)
        if [ -n "$init" ] && [ "$(inside systemctl is-active "$1" 2>/dev/null || true)" = active ]; then return 0; fi
        sleep 0.1
    done
    return 1
}
ask() { mantle whoami //a --impersonation impersonate | awk '$1 == "a" { print $1, $2, $3, $5, $6 }'; }

until_active test.target
until_active mantled-local.socket
log before "$(state)"
inside systemctl start sample.service
log whoami "$(ask)"
log after "$(state)"
pid=$(inside systemctl show --property=MainPID --value mantled.service)
log account "$(inside ps -o user= -p "$pid") $(inside sed -n 's/^CapEff:[^0-9a-f]*//p' "/proc/$pid/status")"
authority=$(inside systemctl show --property=MainPID --value mantle-authd.service)
log authority "$(inside ps -o user= -p "$authority") $(inside sed -n 's/^CapEff:[^0-9a-f]*//p' "/proc/$authority/status") $(inside sed -n 's/^Seccomp:[^0-9a-f]*//p' "/proc/$authority/status")"
log keytab "$(inside runuser -u mantle -- cat /etc/mantle/keytab >/dev/null 2>&1 && echo readable || echo refused)"
log port "$(inside ss -Hltnp 'sport = :135')"
inside systemctl stop sample.service mantled.service
log stopped "$(inside systemctl show --property=Result --value mantled.service) $(inside systemctl show --property=ExecMainStatus --value mantled.service)"
log refused "$(mantle whoami //a | awk '$1 == "a" { print $NF }')"
log called "$(state)"
inside systemctl start sample.service
log again "$(ask)"
# The authority dies: what is asked next starts it again.
inside systemctl kill --signal=KILL mantle-authd.service
log survived "$(ask)"
trap - EXIT
kill -KILL $outer
