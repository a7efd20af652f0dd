/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/samba.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/realm.h"

#define PYTHON "/usr/bin/python3"

static FILE *process; /* both ways */

static void run(void *data, unsigned count)
{
    char line[16];

    (void)data;
    if (fprintf(process, "%u\n", count) < 0 || fflush(process) != 0 || !fgets(line, sizeof(line), process) ||
        strcmp(line, "done\n") != 0)
        measure_fail("Samba's client ended");
}

static _Noreturn void become_client(const RpcSide *side, int fd, pid_t parent)
{
    char address[IO_ADDRESS_STRING_SIZE], folder[REALM_PATH_MAX];

    io_address_format(&side->hosts[0], address);
    char *port = strrchr(address, ':');
    if (!port || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || dup2(fd, STDIN_FILENO) < 0 ||
        dup2(fd, STDOUT_FILENO) < 0)
        _exit(1);
    *port++ = '\0';
    (void)execl(PYTHON, PYTHON, SAMBA_CLIENT, address, port, realm_path(folder, "."), (char *)NULL);
    _exit(1);
}

bool samba_client_start(const RpcSide *side, Subject *ret_subject)
{
    int ends[2];
    const pid_t parent = getpid();

    if (system(PYTHON " -c 'import samba.dcerpc.mgmt' 2>/dev/null") != 0) {
        printf(" 1  Samba's client: not measured, its Python modules are not installed\n");
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) measure_fail("socketpair: %m");
    const pid_t pid = fork();
    if (pid < 0) measure_fail("fork: %m");
    if (pid == 0) become_client(side, ends[1], parent);
    close(ends[1]);
    process = fdopen(ends[0], "r+");
    if (!process) measure_fail("out of memory");
    *ret_subject = (Subject){run, NULL, {pid, side->pid}, 0};
    return true;
}
