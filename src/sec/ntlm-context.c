/* SPDX-License-Identifier: Apache-2.0 */
/* A security context of NTLM: its two directions under the common operations. */
#include "sec/ntlm-context.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include "sec/context-private.h"
#include "sec/ntlm-message.h"
#include "sec/ntlm-seal.h"

typedef struct NtlmContext {
    SecContext base;
    NtlmSeal send, receive; /* not of a context that signs nothing */
} NtlmContext;

static void context_free(SecContext *base)
{
    NtlmContext *context = (NtlmContext *)base;
    ntlm_seal_deinit(&context->send);
    ntlm_seal_deinit(&context->receive);
    free(context);
}

static size_t token_length(const SecContext *base, uint8_t authn_level)
{
    return NTLM_SIGNATURE;
}

static int protect(SecContext *base, uint8_t authn_level, SecMessage *message)
{
    return ntlm_seal_protect(&((NtlmContext *)base)->send, authn_level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                             message);
}

static int unprotect(SecContext *base, uint8_t authn_level, SecMessage *message)
{
    return ntlm_seal_unprotect(&((NtlmContext *)base)->receive, authn_level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                               message);
}

static size_t mic_length(const SecContext *base)
{
    return NTLM_SIGNATURE;
}

static int sign(SecContext *base, const uint8_t *data, size_t length, uint8_t *mic)
{
    return ntlm_seal_sign(&((NtlmContext *)base)->send, data, length, mic);
}

static int verify(SecContext *base, const uint8_t *data, size_t length, const uint8_t *mic, size_t mic_size)
{
    return ntlm_seal_verify(&((NtlmContext *)base)->receive, data, length, mic, mic_size);
}

static const SecContextOps operations = {
    .free = context_free,
    .token_length = token_length,
    .protect = protect,
    .unprotect = unprotect,
    .mic_length = mic_length,
    .sign = sign,
    .verify = verify,
};

/* Of level CONNECT: neither side agreed to sign, so nothing may look as if it were. */
static int no_protect(SecContext *base, uint8_t authn_level, SecMessage *message)
{
    return -EOPNOTSUPP;
}

static int no_unprotect(SecContext *base, uint8_t authn_level, SecMessage *message)
{
    return SEC_BAD_SIGNATURE;
}

static int no_sign(SecContext *base, const uint8_t *data, size_t length, uint8_t *mic)
{
    return -EOPNOTSUPP;
}

static int no_verify(SecContext *base, const uint8_t *data, size_t length, const uint8_t *mic,
                     size_t mic_size)
{
    return SEC_BAD_SIGNATURE;
}

static const SecContextOps connect_operations = {
    .free = context_free,
    .token_length = token_length,
    .protect = no_protect,
    .unprotect = no_unprotect,
    .mic_length = mic_length,
    .sign = no_sign,
    .verify = no_verify,
};

int ntlm_context_new(const SecContextSpec *spec, SecContext **ret_context)
{
    _Static_assert(NTLM_SIGNATURE <= SEC_MIC_MAX, "a signature is a MIC");
    _cleanup_(sec_context_freep) SecContext *base = NULL;

    if (spec->key_length != NTLM_KEY) return -EINVAL;
    const bool protects = spec->flags & NTLM_PROTECTS;
    const uint32_t required = protects ? NTLM_REQUIRED : NTLM_REQUIRED_CONNECT;
    if ((spec->flags & required) != required) return -EOPNOTSUPP;
    NtlmContext *context = calloc(1, sizeof(*context));
    if (!context) return -ENOMEM;
    base = &context->base;
    *base = (SecContext){.ops = protects ? &operations : &connect_operations,
                         .service = RPC_C_AUTHN_WINNT,
                         .expires = spec->expires};
    int r = protects ? ntlm_seal_init(&context->send, spec->key, spec->initiator) : 0;
    if (r == 0 && protects) r = ntlm_seal_init(&context->receive, spec->key, !spec->initiator);
    if (r == 0) *ret_context = TAKE_PTR(base);
    return r;
}
