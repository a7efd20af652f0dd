/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's processes: none of them outlives the supervisor. */
#include "lab.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void become(const LabCommand *command, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(LAB_EXIT_FAILED);
    int input = open(command->input ? command->input : "/dev/null", O_RDONLY);
    int log = open(command->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (input < 0 || log < 0 || dup2(input, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(LAB_EXIT_FAILED);
    if (input > 2) close(input);
    if (log > 2) close(log);
    for (const char *const *entry = command->environment; entry && *entry; entry++)
        if (putenv((char *)*entry) != 0) _exit(LAB_EXIT_FAILED); /* NAME alone unsets, as glibc documents */
    execvp(command->argv[0], (char *const *)command->argv);
    fprintf(stderr, "cannot run %s: %m\n", command->argv[0]);
    _exit(127);
}

static pid_t start(const LabCommand *command)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) become(command, parent);
    return pid;
}

/* 0 when the process has ended by itself, -1 when the deadline or the front process's end came first. */
static int wait_end(Lab *lab, pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) return -1;
    struct pollfd polled[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = lab->front_fd, .events = POLLIN}};
    int n;
    do
        n = poll(polled, 2, LAB_STEP_MS);
    while (n < 0 && errno == EINTR);
    close(pidfd);
    return n > 0 && polled[0].revents ? 0 : -1;
}

int lab_process_run(Lab *lab, const LabCommand *command, const char *what)
{
    int status = 0;
    pid_t pid = start(command);
    if (pid < 0) return lab_error("%s: %m", what);
    if (wait_end(lab, pid) < 0) kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return lab_error(
            "%s is not installed; on Debian: apt-get install krb5-kdc krb5-admin-server krb5-user",
            command->argv[0]);
    lab_print_log(command->log);
    return lab_error("%s failed", what);
}

int lab_process_start(Lab *lab, const LabCommand *command, const char *what)
{
    if (lab->n_processes == LAB_PROCESSES_MAX) return lab_error("too many processes");
    LabProcess *process = &lab->processes[lab->n_processes];
    memset(process, 0, sizeof(*process));
    snprintf(process->what, sizeof(process->what), "%s", what);
    if (lab_path(process->log, "%s", command->log) < 0) return -1;
    process->pid = start(command);
    if (process->pid < 0) return lab_error("%s: %m", what);
    lab->n_processes++;
    return 0;
}

void lab_process_reap(Lab *lab)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < lab->n_processes; i++)
            if (lab->processes[i].pid == pid) lab->processes[i].pid = 0;
}

/* Takes one notification; only READY=1 from the process itself counts. */
static void receive_ready(Lab *lab)
{
    char text[512], control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec vector = {.iov_base = text, .iov_len = sizeof(text) - 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t length = recvmsg(lab->notify_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_type != SCM_CREDENTIALS) return;
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(header), sizeof(sender));
    text[length] = '\0';
    if (!strstr(text, "READY=1")) return;
    for (int i = 0; i < lab->n_processes; i++)
        if (lab->processes[i].pid == sender.pid) lab->processes[i].ready = true;
}

int lab_process_wait_ready(Lab *lab, int first)
{
    long long deadline = now_ms() + LAB_STEP_MS;
    for (;;) {
        LabProcess *waiting = NULL;
        for (int i = first; i < lab->n_processes; i++) {
            LabProcess *process = &lab->processes[i];
            siginfo_t info = {.si_pid = 0};
            if (process->ready) continue;
            waiting = process;
            if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                info.si_pid == 0)
                continue;
            lab_print_log(process->log);
            return lab_error("%s ended before it was ready", process->what);
        }
        if (!waiting) return 0;
        struct pollfd polled[2] = {{.fd = lab->notify_fd, .events = POLLIN},
                                   {.fd = lab->front_fd, .events = POLLIN}};
        (void)poll(polled, 2, 20); /* short: the death of a process does not wake it */
        if (polled[1].revents) return -1;
        if (polled[0].revents) receive_ready(lab);
        if (now_ms() > deadline) {
            lab_print_log(waiting->log);
            return lab_error("%s is not ready after %d s", waiting->what, LAB_STEP_MS / 1000);
        }
    }
}

/* Also what the processes started themselves: as a subreaper the supervisor inherits it. */
static void kill_children(int signal_number)
{
    char path[64], line[4096];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    if (!file) return;
    while (fgets(line, sizeof(line), file))
        for (char *rest = line, *end; strtol(rest, &end, 10) > 1 && end != rest; rest = end)
            kill((pid_t)strtol(rest, NULL, 10), signal_number);
    fclose(file);
}

void lab_process_stop_all(Lab *lab)
{
    long long deadline = now_ms() + LAB_STOP_MS;
    for (int i = 0; i < lab->n_processes; i++)
        if (lab->processes[i].pid > 0) kill(lab->processes[i].pid, SIGTERM);
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD) return;
        if (pid > 0) continue;
        if (now_ms() > deadline) kill_children(SIGKILL);
        poll(NULL, 0, 2);
    }
}
