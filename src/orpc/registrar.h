/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registrar: mantled's side of the line to COM server processes (orpc/registrar-client.h). It knows which
 * process serves which class, keeps their exporters and objects in the resolver, and asks them to activate.
 *
 * A process is believed about itself only: the kernel says who it is (SO_PEERCRED), `may_serve` says which
 * classes it may register, and where it is reached is put together here from this machine's names and the
 * port it gave.
 */
#pragma once
#include <sys/socket.h>
#include <wtypes.h>
#include "io/loop.h"
#include "orpc/activation.h"
#include "orpc/registrar-client.h"
#include "orpc/resolver.h"
#include "rpc/endpoint-mapper.h"

#define REGISTRAR_PROCESSES_MAX       4096
#define REGISTRAR_PROCESSES_PER_USER  256
#define REGISTRAR_CLASSES_PER_PROCESS 1024
#define REGISTRAR_ACTIVATIONS_MAX     256 /* unanswered, of one process */
#define REGISTRAR_ACTIVATION_TIMEOUT  (30ull * 1000000000ull)

typedef struct Registrar Registrar;

typedef struct RegistrarOptions {
    IoLoop *loop;              /* the caller's; must outlive the registrar */
    Resolver *resolver;        /* likewise */
    EndpointMapper *endpoints; /* likewise; tells where exporters listen. May be NULL */
    const char *const
        *hosts; /* names and addresses of this machine, best first; copied into bindings of exporters */
    size_t host_count;
    const uint16_t *services; /* RPC_C_AUTHN_* that exporters on this machine offer, best first; copied */
    size_t service_count;
    const char *runtime; /* folder with the exporters' local sockets, which go with them; copied. NULL: there
                            are none */
    /* May this process serve the class? When not, `sentence` says what to change. */
    bool (*may_serve)(void *context, const struct ucred *process, const Guid *clsid,
                      char sentence[REGISTRAR_SENTENCE_SIZE]);
    /* What happened, in words for a log; `priority` as in syslog. May be NULL. */
    void (*log)(void *context, int priority, const char *sentence);
    void *context;
    uint64_t activation_timeout; /* ns; 0: REGISTRAR_ACTIVATION_TIMEOUT */
} RegistrarOptions;

/* S_OK, E_OUTOFMEMORY. */
HRESULT registrar_new(const RegistrarOptions *options, Registrar **ret_registrar) must_use;
/* Ends all lines. No thread may be in the loop any more. */
Registrar *registrar_free(Registrar *registrar);
DEFINE_CLEANUP(Registrar, registrar_free)
/* Ends all lines and takes no new ones; who waits for a process is told. Threads may be in the loop. */
void registrar_stop(Registrar *registrar);
/* Takes over a listening UNIX socket, also on failure. 0, -errno. */
int registrar_listen_fd(Registrar *registrar, int fd) must_use;

/* Enters an exporter of this machine in the resolver, with bindings put together here: what a process's hello
 * does, and mantled for its own; and IRemUnknown and IRemUnknown2 at its port in the endpoint map, which the
 * OXID owns there. As resolver_add_oxid(). */
HRESULT registrar_add_exporter(Registrar *registrar, const RegistrarExporter *exporter,
                               uint32_t owner) must_use;

/* Results of one activation; owned. */
typedef struct RegistrarReply {
    ResolverOxid exporter; /* that made the object */
    uint32_t count;
    ActivationResult *results; /* one per IID, in order; IIDs as asked for */
    uint8_t *bytes;            /* what they point to */
} RegistrarReply;
void registrar_reply_deinit(RegistrarReply *reply);
/* Whose processes are meant, where a class is served by one for each account or identity. */
typedef struct RegistrarServer {
    uid_t uid;
    pid_t pid; /* 0: any of the account's */
} RegistrarServer;
/*
 * Waits on this thread until such a process serves the class; `server` NULL: whoever may. `pidfd` is of the
 * process that was started for it, or -1; it stays the caller's. S_OK, also at once;
 * CO_E_SERVER_EXEC_FAILURE: it ended first; CO_E_SERVER_START_TIMEOUT: neither before `deadline`;
 * CO_E_SERVER_STOPPING; E_OUTOFMEMORY; HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY).
 */
HRESULT registrar_await(Registrar *registrar, const Guid *clsid, const RegistrarServer *server, int pidfd,
                        uint64_t deadline) must_use;
/* Whether one does now. */
bool registrar_serves(Registrar *registrar, const Guid *clsid, const RegistrarServer *server);
/* Asks a process that serves the class, waiting on this thread; `server` as above.
 * S_OK: made, see the results. REGDB_E_CLASSNOTREG: nobody serves it. CO_E_SERVER_EXEC_FAILURE: the process
 * ended or did not answer in time. HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY). Else what the process answered.
 */
HRESULT registrar_activate(Registrar *registrar, const RegistrarServer *server,
                           const RegistrarActivation *request, RegistrarReply *ret_reply) must_use;
/* For ResolverOptions.run_down, with the registrar as context (may be NULL). */
void registrar_run_down(void *registrar, uint64_t oxid, uint64_t oid);

typedef struct RegistrarState {
    size_t processes, classes;
} RegistrarState;
RegistrarState registrar_state(Registrar *registrar);
