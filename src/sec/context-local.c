/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/context-local.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include "sec/context-private.h"

static void local_free(SecContext *context)
{
    free(context);
}

static size_t local_length(const SecContext *context, uint8_t authn_level)
{
    (void)context;
    (void)authn_level;
    return 0;
}

static int local_message(SecContext *context, uint8_t authn_level, SecMessage *message)
{
    (void)context;
    (void)authn_level;
    return message->token_length == 0 ? 0 : SEC_BAD_SIGNATURE; /* nobody here makes one */
}

static size_t local_mic_length(const SecContext *context)
{
    (void)context;
    return 0;
}

static int local_sign(SecContext *context, const uint8_t *data, size_t length, uint8_t *mic)
{
    (void)context;
    (void)data;
    (void)length;
    (void)mic;
    return -EIO;
}

static int local_verify(SecContext *context, const uint8_t *data, size_t length, const uint8_t *mic,
                        size_t mic_length)
{
    (void)context;
    (void)data;
    (void)length;
    (void)mic;
    (void)mic_length;
    return SEC_BAD_SIGNATURE;
}

static const SecContextOps ops = {.free = local_free,
                                  .token_length = local_length,
                                  .protect = local_message,
                                  .unprotect = local_message,
                                  .mic_length = local_mic_length,
                                  .sign = local_sign,
                                  .verify = local_verify};

int sec_context_new_local(int64_t expires, SecContext **ret_context)
{
    SecContext *context = calloc(1, sizeof(*context));
    if (!context) return -ENOMEM;
    context->ops = &ops;
    context->service = RPC_C_AUTHN_WINNT; /* what such calls are said to be made with */
    context->expires = expires;
    *ret_context = context;
    return 0;
}
