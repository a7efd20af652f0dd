/* SPDX-License-Identifier: Apache-2.0 */
/* Outgoing calls that another thread may end: CoEnableCallCancellation, CoCancelCall. */
#pragma once
#include "rpc/client.h"
#include "winerror.h"

/* One outgoing call of this thread. */
typedef struct CallCancel {
    RpcCancel *handle; /* for the call; NULL: the thread did not enable it */
    RpcCancel *outer;  /* of the call that this one is made within */
} CallCancel;

/* S_OK, E_OUTOFMEMORY. Always follow S_OK with call_cancel_end(), on the same thread, innermost first. */
HRESULT call_cancel_begin(CallCancel *ret_cancel) must_use;
/* The call's result in the words of COM: RPC_E_CALL_CANCELED if it was ended. */
HRESULT call_cancel_end(CallCancel *cancel, HRESULT result) must_use;

/* What a thread leaves behind; takes NULL. */
struct CallCancellation *call_cancellation_free(struct CallCancellation *cancellation);
