/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A COM server process's line to mantled: it registers its exporter and its class objects, tells which
 * objects exist, and is asked to create instances and to reclaim objects nobody pings.
 *
 * The line is a UNIX socket; everything this process registered ends with it. Who may serve a class is
 * decided by mantled from the socket's credentials. Thread-safe.
 */
#pragma once
#include <wtypes.h>
#include "io/loop.h"
#include "orpc/activation.h"

#define REGISTRAR_SOCKET  "mantled.socket"        /* in [paths] runtime */
#define REGISTRAR_TIMEOUT (30ull * 1000000000ull) /* for one answer of mantled */

typedef struct RegistrarClient RegistrarClient;
typedef struct RegistrarAnswer RegistrarAnswer;

/* What mantled asks for. Everything about the caller is hearsay for messages and logs: nothing may be decided
 * by it. */
typedef struct RegistrarActivation {
    bool class_object; /* the class object itself (RemoteGetClassObject), else an instance made by it */
    Guid clsid;
    uint32_t cookie;           /* of registrar_client_add_class */
    uint32_t class_context;    /* the CLSCTX bits the client gave (dwOrigClsctx) */
    bool client_impersonating; /* facts ACT-7 */
    Guid causality;
    const char *caller; /* principal; "" when it did not authenticate */
    uint8_t authn_level;
    uint32_t iid_count;
    const uint8_t *iids; /* activation_guid() */
} RegistrarActivation;

typedef struct RegistrarHandlers {
    /* Creates the object and adds one result per IID, in order. A failure means that nothing was made. Runs
     * on a thread of the loop and may block. */
    HRESULT (*activate)(void *context, const RegistrarActivation *request, RegistrarAnswer *answer);
    /* Nobody pings this object: exporter_run_down(). */
    void (*run_down)(void *context, uint64_t oid);
    /* mantled has gone: nothing of this process can be activated any more. Called once, not after
     * registrar_client_free. */
    void (*lost)(void *context);
    void *context;
} RegistrarHandlers;

/* The next result: an OBJREF exactly when `status` is 0. Copies. */
void registrar_answer_add(RegistrarAnswer *answer, HRESULT status, const void *objref, size_t length);

typedef struct RegistrarExporter {
    uint64_t oxid;
    Guid rem_unknown;
    uint16_t port;       /* TCP port of the exporter; mantled knows this machine's names and addresses */
    uint32_t authn_hint; /* lowest level the process accepts */
    /* SPN its exporter accepts tickets for; "": it takes no secure calls (CIS-5). mantled's own may be NULL:
     * callers need not know it. */
    const char *principal;
    uint32_t
        services; /* that the process registered: bits of 1 << RPC_C_AUTHN_*; 0: all that mantled offers */
    bool local;   /* it also listens on its socket of orpc/localbinding.h */
} RegistrarExporter;

/* Connects and says hello, waiting on this thread until `deadline`; then serves requests on `loop`.
 * S_OK; RPC_E_VERSION_MISMATCH; E_ACCESSDENIED; CO_E_SERVER_STOPPING and friends as mantled answers;
 * HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE) when there is no mantled; E_OUTOFMEMORY. `sentence` (may be
 * NULL) says why. */
#define REGISTRAR_SENTENCE_SIZE 512
HRESULT registrar_client_new(const char *path, IoLoop *loop, const RegistrarExporter *exporter,
                             const RegistrarHandlers *handlers, uint64_t deadline,
                             RegistrarClient **ret_client, char sentence[REGISTRAR_SENTENCE_SIZE]) must_use;
/* Ends the line. Waits for handlers that run; not from one of them. */
RegistrarClient *registrar_client_free(RegistrarClient *client);
DEFINE_CLEANUP(RegistrarClient, registrar_client_free)
/* The resolver's bindings, for OBJREFs of this process. Borrowed. */
const Bindings *registrar_client_resolver(const RegistrarClient *client);
/* ns between two pings of a client. */
uint64_t registrar_client_ping_period(const RegistrarClient *client);

/* Class objects. Waits for mantled's answer, at most REGISTRAR_TIMEOUT. S_OK; E_ACCESSDENIED: classes.d does
 * not let this process serve the class; E_OUTOFMEMORY; HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE). */
#define REGISTRAR_SINGLE_USE 0x00000001u /* gone after the first activation */
#define REGISTRAR_SUSPENDED  0x00000002u /* not activated until it is added again without this */
HRESULT registrar_client_add_class(RegistrarClient *client, const Guid *clsid, uint32_t cookie,
                                   uint32_t flags, char sentence[REGISTRAR_SENTENCE_SIZE]) must_use;
HRESULT registrar_client_remove_class(RegistrarClient *client, uint32_t cookie) must_use;

/* Objects with pings, as of ExporterPings. Sent, not waited for; an error ends the line. */
void registrar_client_add_oid(RegistrarClient *client, uint64_t oid);
void registrar_client_remove_oid(RegistrarClient *client, uint64_t oid);
