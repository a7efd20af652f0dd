/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The activation client ([MS-DCOM] 3.2.4.1.1): ServerAlive2 without security, then RemoteCreateInstance or
 * RemoteGetClassObject as the given identity, and RemoteActivation where the server speaks a COM before 5.6;
 * a state machine over rpc/client.h.
 *
 * The identity is decided above (com/cloak.c). There is no second try under another one or without security.
 */
#pragma once
#include <wtypes.h>
#include "orpc/activation.h"
#include "rpc/client.h"

#define RESOLVER_PORT 135

typedef struct Activator Activator;

typedef struct ActivatorSpec {
    RpcClient *client;
    const char *host;      /* as the application typed it; the SPN is RPCSS/<host> */
    uint16_t port;         /* of the resolver as typed; 0: what the table of hosts says, else default_port */
    uint16_t default_port; /* 0: RESOLVER_PORT */
    /* The runtime folder of this machine's mantled: that is asked over its UNIX socket, as `token`, which is
     * then this process's own. NULL: `host` is asked. */
    const char *runtime;
    const char *account;   /* with it: the uid of mantled, in digits; it is then asked as whom mantle-authd
                              holds `token`   for. NULL or "": as the kernel says */
    const char *principal; /* SPN the application asked for; NULL: as above */
    Token *token;          /* NULL: deliberately unsecured (facts ACT-11) */
    uint8_t authn_service; /* RPC_C_AUTHN_* */
    uint8_t authn_level;   /* raised to PKT_INTEGRITY */
    uint8_t impersonation; /* raised to IMPERSONATE */
    bool mutual;           /* the server has to prove who it is, too */
    bool class_object;
    Guid clsid;
    const Guid *iids; /* copied */
    uint32_t iid_count;
    uint32_t class_context;    /* the CLSCTX bits as the application gave them (dwOrigClsctx) */
    bool client_impersonating; /* the thread has a token (facts ACT-7) */
    bool disable_aaa;          /* not by a server that would run as the client (facts ACT-10) */
    Guid causality;
    uint64_t deadline;
} ActivatorSpec;

/* S_OK; E_INVALIDARG: no or too many IIDs, no host; E_OUTOFMEMORY. Takes references to client and token. */
HRESULT activator_new(const ActivatorSpec *spec, Activator **ret_activator) must_use;
/* S_OK: done, see activator_result(). E_PENDING: wait for *ret_wait. Else what went wrong: the server's
 * HRESULT, the code of the SecFailure, or HRESULT_FROM_WIN32 of an RPC_STATUS; activator_sentence() says it
 * in words. */
HRESULT activator_step(Activator *activator, IoWait *ret_wait) must_use;
/* The same until it is done, waiting on this thread. Never E_PENDING. */
HRESULT activator_run(Activator *activator) must_use;
Activator *activator_free(Activator *activator);
DEFINE_CLEANUP(Activator, activator_free)
/* After S_OK. Results are in the order of the IIDs asked for; everything is borrowed. */
const ActivationResult *activator_results(const Activator *activator, uint32_t *ret_count);
const ScmReply *activator_scm_reply(const Activator *activator);
/* The bindings of the resolver as ServerAlive2 gave them (none before COM 5.6); and the address that
 * answered. */
const Bindings *activator_resolver(const Activator *activator);
const IoAddress *activator_address(const Activator *activator);
const char *activator_sentence(const Activator *activator);
