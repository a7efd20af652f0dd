/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side of an ORPC call ([MS-DCOM] 3.1.1.5.4): a request on an object interface becomes the invoke
 * operation of the exported object. Order of the checks: version, authentication level, access permission,
 * header flags, IPID, iface.
 */
#pragma once
#include "orpc/exporter.h"
#include "orpc/orpcthis.h"
#include "rpc/server.h"

/* One incoming call, as an object sees it. Everything is valid until invoke returns. */
struct OrpcIncoming {
    Guid ipid, iid, causality;
    uint16_t method;     /* vtable slot: 3 and above; 0 to 2 never arrive */
    const uint8_t *stub; /* the whole request stub, 8-aligned; arguments start at stub + body */
    size_t stub_length, body;
    Writer *reply;                      /* holds ORPC_THAT_SIZE bytes already: results are appended */
    Token *caller;                      /* borrowed; NULL on an unauthenticated call */
    uint8_t authn_service, authn_level; /* RPC_C_AUTHN_*, RPC_C_AUTHN_LEVEL_* as they arrived */
    const char *server_principal;       /* the name the caller authenticated us by; NULL when unknown */
    const RpcCall *rpc;                 /* the call below */
    OrpcErrorInfo *error; /* the object may fill it: sent with the answer. Strings are freed by the caller */
};

#define ORPC_THIS_SIZE 32 /* without extents */
#define ORPC_THAT_SIZE 8

/* Invoke's result: S_OK when `reply` holds the results (a failing HRESULT of the method itself is one of
 * them), else the status of a fault: an HRESULT, or a Win32 or NCA code. */

typedef struct OrpcServerOptions {
    Exporter *exporter;
    uint8_t authn_level_floor; /* calls below are refused with ERROR_ACCESS_DENIED, on IRemUnknown with
                                  E_ACCESSDENIED */
    /* The access permission; refused as above. NULL: everybody. */
    bool (*may_call)(void *context, const RpcCall *call);
    void *context;
} OrpcServerOptions;

typedef struct OrpcService OrpcService;
/* Serves every object interface and IRemUnknown, IRemUnknown2 of the exporter on `server`. The service must
 * outlive the server. S_OK, E_OUTOFMEMORY. */
HRESULT orpc_serve(RpcServer *server, const OrpcServerOptions *options, OrpcService **ret_service) must_use;
OrpcService *orpc_service_free(OrpcService *service);
