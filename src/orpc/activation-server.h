/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IRemoteSCMActivator and IActivation ([MS-DCOM] 3.1.2.5.2): checks who asks for what and lets the process
 * that serves the class make the object. What the request says about impersonation is logged and decides
 * nothing (facts ACT-7).
 */
#pragma once
#include "orpc/registrar.h"
#include "rpc/server.h"

typedef struct ActivationServer ActivationServer;

/* What is to be activated, and for whom. */
typedef struct ActivationOrder {
    const Guid *clsid;
    Token *caller;    /* NULL: did not authenticate */
    bool is_local;    /* over a UNIX socket */
    bool disable_aaa; /* nothing may run as the client (ACT-10) */
} ActivationOrder;

/* Whose process is to make the object. */
typedef struct ActivationServant {
    bool anybody; /* whoever may serve the class */
    RegistrarServer server;
} ActivationServant;

typedef struct ActivationServerOptions {
    Registrar *registrar; /* must outlive the server */
    uint8_t floor;        /* lowest RPC_C_AUTHN_LEVEL_*; below: ERROR_ACCESS_DENIED as a fault */
    /* The launch permission; NULL: everybody who reached the floor. The call has no token where the caller
     * did not authenticate. */
    bool (*may_launch)(void *context, const RpcCall *call, const Guid *clsid);
    void (*log)(void *context, int priority,
                const char *sentence); /* may be NULL; foreign strings are not escaped */
    void *context;
    /* Makes sure that there is a process for it, waiting on this thread; NULL: whoever there is. */
    HRESULT (*prepare)(void *context, const ActivationOrder *order, ActivationServant *ret_servant);
    void *prepare_context;
} ActivationServerOptions;

/* S_OK, E_OUTOFMEMORY. */
HRESULT activation_server_new(const ActivationServerOptions *options, ActivationServer **ret_server) must_use;
ActivationServer *activation_server_free(ActivationServer *server);
DEFINE_CLEANUP(ActivationServer, activation_server_free)
/* To be registered with the server on the resolver's port; lives as long as the activation server. */
const RpcInterface *activation_server_interface(ActivationServer *server);
/* IActivation, likewise. */
const RpcInterface *activation_server_old_interface(ActivationServer *server);
