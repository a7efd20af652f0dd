/* SPDX-License-Identifier: Apache-2.0 */
/* `mantle lab exec`: a lab round one command. */
#include "lab.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TERMINATE_SECONDS 5 /* a command that was told to end by the lab's own end has this long */

static int make_folder(Lab *lab)
{
    const char *temporary = getenv("TMPDIR");
    if (!temporary || !*temporary) temporary = P_tmpdir;
    if (lab_path(lab->folder, "%s/mantle-lab.XXXXXX", temporary) < 0) return -1;
    /* mkdtemp makes it 0700. */
    return mkdtemp(lab->folder) ? 0 : lab_error("cannot make a folder in %s: %m", temporary);
}

static int watch_signals(sigset_t *ret_before)
{
    static const int watched[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD, SIGALRM};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
        sigaddset(&set, watched[i]);
    if (sigprocmask(SIG_BLOCK, &set, ret_before) < 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* 0 ready; else the exit status, when the supervisor gave up or a signal came first. */
static int wait_ready(int supervisor, int signals)
{
    struct pollfd polled[2] = {{.fd = supervisor, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        char byte;
        if (poll(polled, 2, -1) < 0 && errno != EINTR) return LAB_EXIT_FAILED;
        if (polled[0].revents) return read(supervisor, &byte, 1) == 1 ? 0 : LAB_EXIT_FAILED;
        struct signalfd_siginfo info;
        if (!polled[1].revents || read(signals, &info, sizeof(info)) != sizeof(info)) continue;
        if (info.ssi_signo != SIGCHLD) return 128 + (int)info.ssi_signo;
    }
}

static int set_path(const char *name, const char *prefix, const char *folder, const char *file)
{
    char value[LAB_PATH_MAX];
    if (lab_path(value, "%s%s%s%s", prefix, folder, *file ? "/" : "", file) < 0) return -1;
    return setenv(name, value, 1);
}

static int set_environment(const Lab *lab)
{
    char file[LAB_NAME_MAX + 32];
    snprintf(file, sizeof(file), "users/%s.ccache", lab->options.as->name);
    if (set_path("KRB5_CONFIG", "", lab->folder, "krb5.conf") < 0 ||
        set_path("KRB5CCNAME", "FILE:", lab->folder, file) < 0 ||
        set_path("MANTLE_CONFIG", "", lab->folder, "mantle.conf") < 0 ||
        set_path("MANTLE_LAB", "", lab->folder, "") < 0)
        return -1;
    unsetenv("KRB5_KTNAME");
    unsetenv("KRB5_CLIENT_KTNAME");
    return 0;
}

static pid_t run_command(const Lab *lab, const sigset_t *mask)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    /* The front process may be killed: then its command ends with the lab it was meant for. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || set_environment(lab) < 0 ||
        sigprocmask(SIG_SETMASK, mask, NULL) < 0)
        _exit(LAB_EXIT_FAILED);
    execvp(lab->options.command[0], lab->options.command);
    int status = errno == ENOENT ? 127 : 126;
    lab_error("cannot run %s: %m", lab->options.command[0]);
    _exit(status);
}

/* Signals of the terminal reach the command by themselves; those sent to this process are passed on. */
static int wait_command(pid_t command, int signals)
{
    for (;;) {
        struct signalfd_siginfo info;
        int status;
        if (read(signals, &info, sizeof(info)) != sizeof(info)) continue;
        if (info.ssi_signo == SIGCHLD) {
            if (waitpid(command, &status, WNOHANG) != command) continue;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (info.ssi_signo == SIGALRM) {
            kill(command, SIGKILL);
        } else if (info.ssi_code != SI_KERNEL) {
            kill(command, (int)info.ssi_signo);
            if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP) alarm(TERMINATE_SECONDS);
        }
    }
}

int lab_exec(Lab *lab)
{
    sigset_t before;
    int ends[2], status = LAB_EXIT_FAILED;
    int signals = watch_signals(&before);
    if (signals < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || make_folder(lab) < 0)
        return LAB_EXIT_FAILED;
    fflush(NULL);
    pid_t supervisor = fork();
    if (supervisor == 0) {
        close(ends[0]);
        close(signals);
        lab->front_fd = ends[1];
        _exit(lab_supervise(lab));
    }
    close(ends[1]);
    if (supervisor > 0) status = wait_ready(ends[0], signals);
    if (supervisor > 0 && status == 0) {
        pid_t command = run_command(lab, &before);
        status = command > 0 ? wait_command(command, signals) : LAB_EXIT_FAILED;
    }
    close(ends[0]);
    close(signals);
    while (supervisor > 0 && waitpid(supervisor, NULL, 0) < 0 && errno == EINTR)
        ;
    if (lab->options.keep)
        fprintf(stderr, "mantle-lab: kept %s\n", lab->folder);
    else
        lab_remove_tree(lab->folder); /* gone already, unless the supervisor was killed */
    return status;
}
