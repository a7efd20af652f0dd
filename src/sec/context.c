/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/context.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "sec/context-private.h"
#include "sec/mechanism.h"

int sec_context_new(const SecContextSpec *spec, SecContext **ret_context)
{
    const SecMechanism *mechanism = spec->service ? sec_mechanism(spec->service) : &kerberos_mechanism;
    _cleanup_(sec_context_freep) SecContext *context = NULL;
    if (!mechanism) return -EOPNOTSUPP;
    int r = mechanism->context_new(spec, &context);
    if (r < 0) return r;
    if (spec->server && !(context->server = strdup(spec->server))) return -ENOMEM;
    *ret_context = TAKE_PTR(context);
    return 0;
}

SecContext *sec_context_free(SecContext *context)
{
    if (!context) return NULL;
    free(context->server);
    context->ops->free(context);
    return NULL;
}

int64_t sec_context_expires(const SecContext *context)
{
    return context->expires;
}

const char *sec_context_server(const SecContext *context)
{
    return context->server;
}

uint8_t sec_context_service(const SecContext *context)
{
    return context->service;
}

static bool level_protects(uint8_t authn_level)
{
    return authn_level >= RPC_C_AUTHN_LEVEL_PKT && authn_level <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY;
}

size_t sec_context_token_length(const SecContext *context, uint8_t authn_level)
{
    return level_protects(authn_level) ? context->ops->token_length(context, authn_level) : 0;
}

int sec_context_protect(SecContext *context, uint8_t authn_level, SecMessage *message)
{
    if (message->token_length != sec_context_token_length(context, authn_level)) return -EINVAL;
    if (message->token_length == 0) return 0;
    if (context->expires <= time_wall()) return -EKEYEXPIRED;
    return context->ops->protect(context, authn_level, message);
}

int sec_context_unprotect(SecContext *context, uint8_t authn_level, SecMessage *message)
{
    /* Connect protects nothing; a verifier that a peer adds all the same proves nothing and is ignored. */
    if (authn_level == RPC_C_AUTHN_LEVEL_CONNECT) return 0;
    if (!level_protects(authn_level)) return SEC_BAD_SIGNATURE;
    return context->ops->unprotect(context, authn_level, message);
}

size_t sec_context_mic_length(const SecContext *context)
{
    return context->ops->mic_length(context);
}

int sec_context_sign(SecContext *context, const uint8_t *data, size_t length, uint8_t *mic)
{
    if (context->expires <= time_wall()) return -EKEYEXPIRED;
    return context->ops->sign(context, data, length, mic);
}

int sec_context_verify(SecContext *context, const uint8_t *data, size_t length, const uint8_t *mic,
                       size_t mic_length)
{
    return context->ops->verify(context, data, length, mic, mic_length);
}
