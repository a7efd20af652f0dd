/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one incoming call did with identities, noted while it runs and written as one record when it ends
 * (io/audit.h). A call that changes none leaves nothing and costs nothing.
 */
#pragma once
#include <stdatomic.h>
#include "base/guid.h"
#include "rpc/server.h"
#include "sec/token.h"
#include "wtypes.h"

#define AUDIT_CLOAKED_MAX 8u /* different (identity, server) pairs that a record names; the rest is counted  \
                              */

typedef struct AuditNote AuditNote;
/* Part of a call context; starts as {0}. */
typedef struct AuditNotes {
    AuditNote *_Atomic first;
} AuditNotes;

/* The method took its caller's identity. Any thread. */
void audit_impersonated(AuditNotes *notes);
/* A call went out as somebody else than the process. Copies. Any thread. */
void audit_cloaked(AuditNotes *notes, const char *who, const char *to);
/* The call has ended: writes its record, if anything was noted. `rpc` may be NULL. */
void audit_end(AuditNotes *notes, const Guid *causality, Token *caller, uint32_t authn_level,
               const RpcCall *rpc, HRESULT result);
/* Forgets what was noted after the end: by a thread that still had the context. */
void audit_drop(AuditNotes *notes);
