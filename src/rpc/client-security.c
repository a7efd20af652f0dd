/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "rpc/client-private.h"
#include "rpc/local.h"

#define LEVEL_CALL 3

RpcStatus rpc_security_new(const RpcSecuritySpec *spec, RpcSecurity **ret_security)
{
    if (!spec->token || !spec->target) return RPCST_INVALID_PARAMETER;
    if (spec->authn_level < LEVEL_CONNECT || spec->authn_level > LEVEL_PRIVACY)
        return RPCST_UNKNOWN_AUTHN_LEVEL;
    uint8_t level = spec->authn_level == LEVEL_CALL ? LEVEL_PACKET : spec->authn_level;
    if (spec->authn_service == RPC_AUTHN_LOCAL) level = LEVEL_PRIVACY; /* RPC-5 */
    const uint64_t identity = token_modified_id(spec->token);
    const size_t target_size = strlen(spec->target) + 1;
    const uint8_t levels[4] = {spec->authn_service, level, spec->impersonation, 0};
    const size_t fixed = sizeof(identity) + sizeof(levels) + sizeof(spec->capabilities);

    RpcSecurity *security = calloc(1, sizeof(*security) + fixed + target_size);
    if (!security) return RPCST_OUT_OF_MEMORY;
    refcount_init(&security->refs);
    security->token = token_ref(spec->token);
    security->service = spec->authn_service;
    security->level = level;
    security->impersonation = spec->impersonation;
    security->mutual = spec->capabilities & RPC_MUTUAL_AUTH;
    security->key_length = fixed + target_size;
    memcpy(security->key, &identity, sizeof(identity));
    memcpy(security->key + sizeof(identity), levels, sizeof(levels));
    memcpy(security->key + sizeof(identity) + sizeof(levels), &spec->capabilities,
           sizeof(spec->capabilities));
    security->target = memcpy(security->key + fixed, spec->target, target_size);
    security->hash = hash_bytes(security->key, security->key_length);
    *ret_security = security;
    return RPCST_OK;
}

RpcSecurity *rpc_security_without_token(const RpcSecurity *security)
{
    const size_t size = sizeof(*security) + security->key_length;
    RpcSecurity *copy = malloc(size);
    if (!copy) return NULL;
    memcpy(copy, security, size);
    refcount_init(&copy->refs);
    atomic_init(&copy->choice, NULL);
    copy->token = NULL;
    copy->target = (const char *)copy->key + (security->target - (const char *)security->key);
    return copy;
}

RpcSecurity *rpc_security_ref(RpcSecurity *security)
{
    if (security) refcount_ref(&security->refs);
    return security;
}

RpcSecurity *rpc_security_unref(RpcSecurity *security)
{
    if (!security || !refcount_unref(&security->refs)) return NULL;
    security->token = token_unref(security->token);
    (void)client_choice_unref(atomic_load(&security->choice));
    free(security);
    return NULL;
}

bool rpc_security_is_local(const RpcSecurity *security)
{
    return security && security->service == RPC_AUTHN_LOCAL;
}

uint8_t rpc_security_level(const RpcSecurity *security)
{
    return security->level;
}

bool rpc_security_equal(const RpcSecurity *a, const RpcSecurity *b)
{
    if (a == b) return true;
    return a && b && a->hash == b->hash && a->key_length == b->key_length &&
           memcmp(a->key, b->key, a->key_length) == 0;
}

RpcSecuritySpec rpc_security_spec(const RpcSecurity *security)
{
    return (RpcSecuritySpec){.token = security->token,
                             .authn_service = security->service,
                             .authn_level = security->level,
                             .impersonation = security->impersonation,
                             .target = security->target};
}
