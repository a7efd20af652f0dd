/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side of one ORPC call ([MS-DCOM] 3.2.4.2): headers before the arguments, headers off the
 * results.
 *
 *   orpc_call_begin; write the arguments to call.request; orpc_call_run (or step); read orpc_call_reply;
 * orpc_call_end
 *
 * Who calls is decided above and arrives as `security`. A call blocks its causality chain while orpc_call_run
 * waits, so that calls back into this process are let in.
 */
#pragma once
#include "orpc/orpcthis.h"
#include "orpc/remote.h"
#include "rpc/client.h"

typedef struct OrpcCallSpec {
    RemoteExporter *exporter; /* must outlive the call */
    RpcSecurity *security;    /* borrowed until the first step; NULL: unauthenticated */
    Guid ipid, iid, causality;
    uint16_t method;
    uint64_t deadline; /* base/time.h; 0: none */
    RpcCancel *cancel; /* borrowed until the first step; NULL: nobody ends it */
} OrpcCallSpec;

typedef struct OrpcCall {
    OrpcCallSpec spec;
    Writer *request;
    RpcClientCall *rpc;
    Reader reply;
    OrpcThat that;
    SecFailure failure;
} OrpcCall;

/* Writes ORPCTHIS into `request`, which is emptied first and stays the caller's. Always follow with
 * orpc_call_end. */
void orpc_call_begin(OrpcCall *call, const OrpcCallSpec *spec, Writer *request);
/* S_OK: the results are there. RPC_S_ASYNC_CALL_PENDING as HRESULT: wait. Else the failure: of the security
 * context (its documented code), of the transport, or a fault. The arguments must be complete at the first
 * step. */
HRESULT orpc_call_step(OrpcCall *call, IoWait *ret_wait) must_use;
#define ORPC_PENDING ((HRESULT)0x800703E5) /* HRESULT_FROM_WIN32(RPC_S_ASYNC_CALL_PENDING) */
/* The same on this thread, to the end. */
HRESULT orpc_call_run(OrpcCall *call) must_use;
/* After S_OK: the results without ORPCTHAT; valid until orpc_call_end. */
Reader orpc_call_reply(const OrpcCall *call);
/* After S_OK: what the server said of an error. As orpc_error_info_find. */
int orpc_call_error_info(const OrpcCall *call, OrpcErrorInfo *ret_info) must_use;
/* After a failure: code and sentence; the sentence is "" where the server refused without one. */
const SecFailure *orpc_call_failure(const OrpcCall *call);
/* True when the called program answered (with results or a fault). */
bool orpc_call_was_answered(const OrpcCall *call);
void orpc_call_end(OrpcCall *call);
