/* SPDX-License-Identifier: Apache-2.0 */
/* Between the seam, authority.c, and what stands behind it: authority-linked.c and authority-remote.c. */
#pragma once
#include "base/refcount.h"
#include "sec/authority.h"

/* One kind of authority. A call belongs to the authority that made it; the seam holds the reference. */
typedef struct AuthorityKind {
    Authority *(*free)(Authority *authority);
    bool (*accepts)(const Authority *authority, uint8_t service);
    bool (*negotiates_ntlm)(const Authority *authority);
    int (*call_new)(Authority *authority, const uint8_t *request, size_t length, uint64_t deadline,
                    AuthorityCall **ret_call);
    int (*call_step)(AuthorityCall *call, IoWait *ret_wait);
    const uint8_t *(*call_answer)(const AuthorityCall *call, size_t *ret_length);
    AuthorityCall *(*call_free)(AuthorityCall *call);
} AuthorityKind;

/* The first member of every kind's own structure. */
struct Authority {
    RefCount refs;
    const AuthorityKind *kind;
};

struct AuthorityCall {
    Authority *authority; /* a reference, from call_new() on */
};

extern const AuthorityKind authority_remote_kind;
