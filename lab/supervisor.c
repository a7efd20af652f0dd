/* SPDX-License-Identifier: Apache-2.0 */
/* The process that owns the lab. It is not the one that runs the command, and in a session of its own:
 * whatever kills that one closes the socket between them, and the lab is taken down. Should this one be
 * killed, the kernel kills the lab's processes (PR_SET_PDEATHSIG) and the front process removes the folder.
 */
#include "lab.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int open_notify(Lab *lab)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int yes = 1;
    snprintf(lab->notify_name, sizeof(lab->notify_name), "mantle-lab/ready/%d", (int)getpid());
    size_t length = strlen(lab->notify_name);
    memcpy(address.sun_path + 1, lab->notify_name, length);
    lab->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (lab->notify_fd < 0 || setsockopt(lab->notify_fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
        return -1;
    return bind(lab->notify_fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length));
}

static int bring_up(Lab *lab)
{
    if (open_notify(lab) < 0) return lab_error("cannot make the notification socket: %m");
    if (lab_network_claim(lab) < 0 || lab_realm_start(lab) < 0) return -1;
    if (lab_hosts_configure(lab) < 0) return -1;
    return lab->options.realm_only ? 0 : lab_hosts_start(lab);
}

/* Until the front process closes its end; meanwhile the dead are buried, so that a killed server is seen to
 * be gone. */
static void attend(Lab *lab, int signals)
{
    struct pollfd polled[2] = {{.fd = lab->front_fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        if (poll(polled, 2, -1) < 0 && errno != EINTR) return;
        if (polled[0].revents) return;
        if (polled[1].revents) {
            struct signalfd_siginfo info;
            if (read(signals, &info, sizeof(info)) < 0) return;
            if (info.ssi_signo == SIGTERM) return;
            lab_process_reap(lab);
        }
    }
}

int lab_supervise(Lab *lab)
{
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    if (setsid() < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || sigprocmask(SIG_SETMASK, &watched, NULL) < 0)
        return LAB_EXIT_FAILED;
    int signals = signalfd(-1, &watched, SFD_CLOEXEC);
    int r = signals < 0 ? -1 : bring_up(lab);
    if (r == 0 && send(lab->front_fd, "R", 1, MSG_NOSIGNAL) == 1) attend(lab, signals);
    lab_process_stop_all(lab);
    if (!lab->options.keep) lab_remove_tree(lab->folder);
    return r == 0 ? 0 : LAB_EXIT_FAILED;
}
