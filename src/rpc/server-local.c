/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections on UNIX sockets: who calls is what the kernel recorded when the process connected, and holds
 * for the connection's life. It is said once, in the bind; requests and answers carry no trailers, as nobody
 * is between the two ends.
 */
#include <errno.h>
#include <rpcdce.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/time.h"
#include "io/pool.h"
#include "rpc/local.h"
#include "rpc/server-private.h"
#include "sec/context-local.h"
#include "sec/handover.h"
#include "sec/local-token.h"

#define LEG_SECONDS 10u /* for the authority's answer */

size_t server_peer_key(const RpcConnection *connection, uint8_t key[16])
{
    if (!connection->is_local) return io_address_key(&connection->remote, key);
    key[0] = 'u'; /* five bytes: no address has as many */
    memcpy(key + 1, &connection->process.uid, sizeof(connection->process.uid));
    return 1 + sizeof(connection->process.uid);
}

int server_read_first(RpcConnection *connection, void *buffer, size_t size, size_t *ret_size)
{
    int descriptor = -1;
    int r = io_read_descriptor(connection->handle.fd, buffer, size, ret_size, &descriptor);
    if (r || descriptor < 0) return r;
    if (connection->passed >= 0) { /* one identity, one descriptor */
        close(descriptor);
        return -EMSGSIZE;
    }
    connection->passed = descriptor;
    return 0;
}

void server_drop_descriptor(RpcConnection *connection)
{
    if (connection->passed >= 0) close(connection->passed);
    connection->passed = -1;
}

/* SRV-11: where an authority decides who may act as others, a caller who comes without its descriptor is only
 * known; this account may act as itself. */
static TokenLevel process_level(const RpcConnection *connection, const RpcLocalLeg *leg)
{
    const Authority *authority = connection->server->options.authority;
    const TokenLevel level = (TokenLevel)(leg->impersonation - 1);
    const bool decided = authority && authority_is_remote(authority) && connection->process.uid != geteuid();
    return decided && level > TOKEN_LEVEL_IDENTIFICATION ? TOKEN_LEVEL_IDENTIFICATION : level;
}

/* The process at the other end, as itself. The name service may take its time. */
static int process_token(const RpcConnection *connection, const RpcLocalLeg *leg, Token **ret_token)
{
    _cleanup_(freep) gid_t *groups = NULL;
    size_t count;
    int r = io_socket_groups(connection->handle.fd, &groups, &count);
    if (r < 0) return r;
    if (io_pool_block_begin(false)) return -EAGAIN;
    const LocalProcess process = {connection->process.uid, connection->process.gid, groups, count};
    r = token_new_local(&process, process_level(connection, leg), connection->server->machine, ret_token);
    io_pool_block_end();
    return r;
}

/* The authority's names of local accounts have no machine: they get it here, as all others of this server. */
static int add_machine(const RpcConnection *connection, Token **token)
{
    const char *name = token_principal(*token);
    _cleanup_(freep) char *principal = NULL;
    size_t count;
    if (!*name || strpbrk(name, "@\\")) return 0;
    if (asprintf(&principal, "%s\\%s", connection->server->machine, name) < 0) {
        principal = NULL;
        return -ENOMEM;
    }
    const Sid *groups = token_groups(*token, &count);
    const TokenSpec spec = {.kind = token_kind(*token),
                            .level = token_level(*token),
                            .principal = principal,
                            .user = *token_user(*token),
                            .groups = groups,
                            .group_count = count,
                            .credential = token_credential(*token),
                            .held = token_held(*token),
                            .delegated = token_is_delegated(*token),
                            .from_network = token_is_from_network(*token),
                            .account_flags = token_account_flags(*token),
                            .service = RPC_C_AUTHN_WINNT,
                            .expires = token_expires(*token),
                            .authentication_id = token_authentication_id(*token)};
    Token *named;
    int r = token_new(&spec, &named);
    if (r < 0) return r;
    token_unref(*token);
    *token = named;
    return 0;
}

static int drive(Handover *handover)
{
    const uint64_t deadline = time_after(LEG_SECONDS * NS_PER_SECOND);
    IoWait wait;
    int r;
    while ((r = handover_step(handover, &wait)) == SEC_WAIT) {
        if (time_monotonic() >= deadline) return -ETIMEDOUT;
        if (wait.deadline > deadline) wait.deadline = deadline;
        r = io_wait(&wait);
        if (r < 0 && r != -ETIMEDOUT) return r;
    }
    return r;
}

/* What the descriptor is worth to this process, the authority says; the call's level may be lower. */
static int passed_token(RpcConnection *connection, const RpcLocalLeg *leg, Token **ret_token,
                        SecFailure *failure)
{
    _cleanup_(handover_freep) Handover *handover = NULL;
    _cleanup_(token_unrefp) Token *token = NULL;
    Authority *authority = connection->server->options.authority;
    const TokenLevel level = (TokenLevel)(leg->impersonation - 1);
    if (connection->passed < 0 || !authority || level < TOKEN_LEVEL_IDENTIFICATION) return -EPERM;
    if (io_pool_block_begin(false)) return -EAGAIN;
    int r = handover_new_receive(authority, TAKE_FD(connection->passed),
                                 time_after(LEG_SECONDS * NS_PER_SECOND), &handover);
    if (r == 0) r = drive(handover);
    io_pool_block_end();
    if (r == SEC_FAILED) *failure = *handover_failure(handover);
    if (r != 0) return r == -ENOMEM ? r : -EPERM;
    token = handover_take_token(handover);
    if (!token) return -EPERM;
    if (level < token_level(token)) {
        Token *lower;
        r = token_duplicate(token, TOKEN_KIND_IMPERSONATION, level, &lower);
        if (r < 0) return r;
        token_unref(token);
        token = lower;
    }
    r = add_machine(connection, &token);
    if (r == 0) *ret_token = TAKE_PTR(token);
    return r;
}

int server_local_identity(RpcConnection *connection, SecurityRow *row, const PduTrailer *trailer,
                          SecFailure *failure)
{
    RpcLocalLeg leg;
    int r = rpc_local_leg_read(trailer->token, trailer->token_length, &leg);
    if (r < 0) return r;
    r = leg.passes ? passed_token(connection, &leg, &row->token, failure)
                   : process_token(connection, &leg, &row->token);
    if (r == 0) r = sec_context_new_local(token_expires(row->token), &row->context);
    return r;
}

ServerCaller *server_local_caller(RpcConnection *connection, const SecurityRow *row)
{
    const Sid own = sid_from_uid(connection->process.uid);
    const char *principal = token_principal(row->token);
    uint8_t key[16];
    size_t length = server_peer_key(connection, key);
    /* Who is shown by somebody else has an allowance of his own, as over TCP; nobody has the process's. */
    if (!*principal || sid_equal(token_user(row->token), &own))
        return server_caller_get(connection->server, 'u', key, length);
    return server_caller_get(connection->server, '=', principal, strlen(principal));
}

void server_local_answer(const SecurityRow *row, uint8_t *answer)
{
    Writer writer;
    writer_init_fixed(&writer, answer, RPC_LOCAL_LEG_SIZE);
    rpc_local_leg_write(&writer, &(RpcLocalLeg){.impersonation = (uint8_t)(token_level(row->token) + 1)});
}
