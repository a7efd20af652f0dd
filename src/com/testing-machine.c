/* SPDX-License-Identifier: Apache-2.0 */
#include "com/testing-machine.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/time.h"
#include "com/process.h"
#include "io/pool.h"
#include "io/socket.h"
#include "orpc/activation-server.h"
#include "orpc/localbinding.h"
#include "sec/authority.h"
#include "winerror.h"

#define ADDRESS "127.0.0.1"

/* Where there is a leak checker, it is asked before a process of the machine ends. */
extern void __lsan_do_leak_check(void) __attribute__((weak));

static void check(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "testing-machine: %s\n", what);
    abort();
}

/* The resolver's process */

static bool may_serve(void *context, const struct ucred *process, const Guid *clsid,
                      char sentence[REGISTRAR_SENTENCE_SIZE])
{
    static const Guid forbidden = {0xf0bb1dde, 0, 0, {0}};
    if (!guid_equal(clsid, &forbidden)) return true;
    snprintf(sentence, REGISTRAR_SENTENCE_SIZE, "nobody may serve it");
    return false;
}

static void run_resolver(const Machine *machine, int report)
{
    static const char *const hosts[] = {ADDRESS};
    IoLoop *loop;
    IoPool *pool;
    Resolver *resolver;
    Registrar *registrar;
    ActivationServer *activation;
    RpcServer *server;
    Bindings bindings;
    IoAddress address;
    char path[96];
    int fd;
    uint16_t port;
    snprintf(path, sizeof(path), "%s/" REGISTRAR_SOCKET, machine->folder);
    check(io_loop_new(&loop) == 0 && io_pool_new(loop, 2, 64, &pool) == 0, "loop");
    check(bindings_new(&(StringBinding){7, ADDRESS}, 1, NULL, 0, &bindings) == 0, "bindings");
    check(resolver_new(&(ResolverOptions){.bindings = &bindings}, &resolver) == S_OK, "resolver");
    RegistrarOptions options = {.loop = loop,
                                .resolver = resolver,
                                .hosts = hosts,
                                .host_count = 1,
                                .may_serve = may_serve,
                                .runtime = machine->local ? machine->folder : NULL};
    check(registrar_new(&options, &registrar) == S_OK, "registrar");
    check(io_address_unix(path, &address) == 0 && io_listen(&address, 0600, &fd) == 0 &&
              registrar_listen_fd(registrar, fd) == 0,
          "registrar's socket");
    check(activation_server_new(&(ActivationServerOptions){.registrar = registrar}, &activation) == S_OK,
          "activation");
    Authority *authority = NULL;
    SecFailure failure = {0};
    check(!machine->authority || authority_new_remote(&(AuthorityRemoteOptions){.path = machine->authority},
                                                      &authority, &failure) == 0,
          "authority");
    check(rpc_server_new(&(RpcServerOptions){.loop = loop, .authority = authority}, &server) == RPCST_OK &&
              rpc_server_register(server, resolver_interface(resolver)) == RPCST_OK &&
              rpc_server_register(server, activation_server_interface(activation)) == RPCST_OK,
          "server");
    if (machine->local) {
        char folder[96];
        snprintf(folder, sizeof(folder), "%s/" LOCAL_FOLDER, machine->folder);
        check(mkdir(folder, 0700) == 0 || errno == EEXIST, "folder of sockets");
        check(local_resolver_address(machine->folder, &address) == 0 && io_listen(&address, 0600, &fd) == 0 &&
                  rpc_server_listen_fd(server, fd, NULL) == 0,
              "local socket");
    }
    check(io_address_parse(ADDRESS, machine->port, &address) == 0 &&
              rpc_server_listen(server, &address, machine->port, &port) == 0,
          "port");
    check(write(report, &port, sizeof(port)) == sizeof(port), "report");
    for (;;)
        pause(); /* killed */
}

/* The keeper starts resolvers: a process without threads can always be forked. */

enum { RESTART = 'r', QUIT = 'q' };

static pid_t start_resolver(const Machine *machine, int report)
{
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run_resolver(machine, report);
    _exit(1);
}

static void run_keeper(Machine *machine, int commands, int report)
{
    char command = RESTART;
    do {
        if (command == QUIT) _exit(0);
        pid_t pid = start_resolver(machine, report);
        check(read(commands, &command, 1) == 1, "commands");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        /* The same port again. */
        check(read(commands, &machine->port, sizeof(machine->port)) == sizeof(machine->port), "commands");
    } while (true);
}

static void command(Machine *machine, char what)
{
    check(write(machine->commands, &what, 1) == 1 &&
              write(machine->commands, &machine->port, sizeof(machine->port)) == sizeof(machine->port),
          "commands");
}

static void learn_port(Machine *machine)
{
    check(read(machine->report, &machine->port, sizeof(machine->port)) == sizeof(machine->port),
          "the resolver does not start");
}

void machine_start(Machine *machine)
{
    int commands[2], report[2];
    *machine = (Machine){
        .folder = "/tmp/mantle-test-XXXXXX", .local = machine->local, .authority = machine->authority};
    check(mkdtemp(machine->folder) != NULL, "folder");
    check(pipe(commands) == 0 && pipe(report) == 0, "pipe");
    fflush(NULL);
    machine->keeper = fork();
    check(machine->keeper >= 0, "fork");
    if (machine->keeper == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_keeper(machine, commands[0], report[1]);
    }
    close(commands[0]);
    close(report[1]);
    machine->commands = commands[1];
    machine->report = report[0];
    learn_port(machine);
}

void machine_stop(Machine *machine)
{
    char path[96];
    command(machine, QUIT);
    waitpid(machine->keeper, NULL, 0);
    close(machine->commands);
    close(machine->report);
    snprintf(path, sizeof(path), "%s/" REGISTRAR_SOCKET, machine->folder);
    unlink(path);
    if (machine->local) {
        snprintf(path, sizeof(path), "%s/" LOCAL_RESOLVER, machine->folder);
        unlink(path);
        snprintf(path, sizeof(path), "%s/" LOCAL_FOLDER, machine->folder);
        rmdir(path);
    }
    rmdir(machine->folder);
}

void machine_restart(Machine *machine)
{
    command(machine, RESTART);
    learn_port(machine);
}

void machine_enter(const Machine *machine)
{
    char port[16];
    Conf *conf;
    char *error = NULL;
    snprintf(port, sizeof(port), "%u", machine->port);
    const struct {
        ConfId id;
        const char *text;
    } values[] = {{CONF_RESOLVER_PORT, port},
                  {CONF_RESOLVER_LISTEN, ADDRESS},
                  {CONF_EXPORTER_NAME, ADDRESS},
                  {CONF_EXPORTER_ADDRESSES, ADDRESS},
                  {CONF_PATHS_RUNTIME, machine->folder},
                  {CONF_EXPORTER_LOCAL, machine->local ? "yes" : "no"},
                  {CONF_SECURITY_AUTHN_LEVEL, machine->local ? "connect" : "none"}};
    check(conf_new(&conf) == 0, "configuration");
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        check(conf_set(conf, values[i].id, values[i].text, &error) == 0, error);
    if (machine->authority)
        check(conf_set(conf, CONF_AUTHORITY_SOCKET, machine->authority, &error) == 0 &&
                  conf_set(conf, CONF_SECURITY_NTLM, "yes", &error) == 0,
              error);
    check(SUCCEEDED(process_set_conf(conf)), "configuration");
}

/* Other processes */

static void run_process(const Machine *machine, int (*serve)(void), int (*leave)(void), int commands,
                        int report)
{
    char byte = 0;
    machine_enter(machine);
    check(serve() == 0, "the server does not start");
    check(write(report, &byte, 1) == 1, "report");
    check(read(commands, &byte, 1) == 1, "commands");
    check(leave() == 0, "the server does not end");
    if (__lsan_do_leak_check) __lsan_do_leak_check();
    _exit(0);
}

void machine_process_start(const Machine *machine, int (*serve)(void), int (*leave)(void),
                           MachineProcess *ret_process)
{
    int commands[2], report[2];
    char byte;
    check(pipe(commands) == 0 && pipe(report) == 0, "pipe");
    fflush(NULL);
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(commands[1]);
        run_process(machine, serve, leave, commands[0], report[1]);
    }
    close(commands[0]);
    close(report[1]);
    check(read(report[0], &byte, 1) == 1, "the server does not report");
    close(report[0]);
    *ret_process = (MachineProcess){pid, commands[1]};
}

int machine_process_stop(MachineProcess *process)
{
    int status = -1;
    check(write(process->pipe, "", 1) == 1, "commands");
    close(process->pipe);
    waitpid(process->pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
