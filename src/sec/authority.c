/* SPDX-License-Identifier: Apache-2.0 */
/* The seam: whoever asks does not know whether the authority is in this process. */
#include "sec/authority-private.h"

Authority *authority_ref(Authority *authority)
{
    refcount_ref(&authority->refs);
    return authority;
}

Authority *authority_unref(Authority *authority)
{
    return authority && refcount_unref(&authority->refs) ? authority->kind->free(authority) : NULL;
}

bool authority_is_remote(const Authority *authority)
{
    return authority->kind == &authority_remote_kind;
}

bool authority_accepts(const Authority *authority, uint8_t service)
{
    return authority->kind->accepts(authority, service);
}

bool authority_negotiates_ntlm(const Authority *authority)
{
    return authority->kind->negotiates_ntlm(authority);
}

int authority_call_new(Authority *authority, const uint8_t *request, size_t length, uint64_t deadline,
                       AuthorityCall **ret_call)
{
    return authority->kind->call_new(authority, request, length, deadline, ret_call);
}

int authority_call_step(AuthorityCall *call, IoWait *ret_wait)
{
    return call->authority->kind->call_step(call, ret_wait);
}

const uint8_t *authority_call_answer(const AuthorityCall *call, size_t *ret_length)
{
    return call->authority->kind->call_answer(call, ret_length);
}

AuthorityCall *authority_call_free(AuthorityCall *call)
{
    if (!call) return NULL;
    Authority *authority = call->authority; /* what the call refers to must outlive it */
    (void)authority->kind->call_free(call);
    authority_unref(authority);
    return NULL;
}
