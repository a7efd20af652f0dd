/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/authentication.h"
#include <stdio.h>
#include "base/cleanup.h"
#include "sec/failure.h"

#define PEER_SIZE (IO_ADDRESS_STRING_SIZE + 8)

const char *rpc_authn_level_name(uint32_t level)
{
    static const char *const NAMES[] = {"?", "none", "connect", "call", "pkt", "integrity", "privacy"};
    return level < ARRAY_SIZE(NAMES) ? NAMES[level] : "?";
}

const char *rpc_impersonation_level_name(uint32_t level)
{
    static const char *const NAMES[] = {"?", "anonymous", "identify", "impersonate", "delegate"};
    return level < ARRAY_SIZE(NAMES) ? NAMES[level] : "?";
}

static const char *target_of(const RpcAuthentication *authentication, char quoted[SEC_QUOTE_SIZE])
{
    const bool named = authentication->target && *authentication->target;
    return named ? sec_quote(authentication->target, quoted) : "a server without a name";
}

static void write_line(const RpcAuthentication *authentication, const char *from, const char *at,
                       const char *verb, char ret_line[RPC_AUTHENTICATION_SIZE])
{
    char who[SEC_QUOTE_SIZE], target[SEC_QUOTE_SIZE];

    (void)snprintf(ret_line, RPC_AUTHENTICATION_SIZE, "%s %s%s to %s%s, %s, %s, by %s", verb,
                   sec_quote(authentication->who, who), from, target_of(authentication, target), at,
                   rpc_authn_level_name(authentication->level),
                   rpc_impersonation_level_name(authentication->impersonation_level), authentication->choice);
}

/* " from 127.0.0.1:40000" */
static const char *write_peer(const RpcAuthentication *authentication, const char *word, char *text,
                              size_t size)
{
    char peer[IO_ADDRESS_STRING_SIZE];

    text[0] = '\0';
    if (!authentication->peer) return text;
    io_address_format(authentication->peer, peer);
    (void)snprintf(text, size, " %s %s", word, peer);
    return text;
}

void rpc_authentication_outgoing(const RpcAuthentication *authentication,
                                 char ret_line[RPC_AUTHENTICATION_SIZE])
{
    char at[PEER_SIZE];

    write_line(authentication, "", write_peer(authentication, "at", at, sizeof(at)), "authenticated as",
               ret_line);
}

void rpc_authentication_incoming(const RpcAuthentication *authentication,
                                 char ret_line[RPC_AUTHENTICATION_SIZE])
{
    char from[PEER_SIZE];

    write_line(authentication, write_peer(authentication, "from", from, sizeof(from)), "", "authenticated",
               ret_line);
}
