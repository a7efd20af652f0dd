/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of rpc/local.h, in the shape of sec/initiator.h: the order to look at who this process
 * is, or at the descriptor that comes along, and the answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "rpc/client-private.h"
#include "rpc/local.h"
#include "sec/context-local.h"
#include "sec/handover.h"

typedef struct LocalInitiator {
    RpcLocalLeg leg;
    uint8_t output[RPC_LOCAL_LEG_SIZE];
    bool answered, done;
    RpcLocalLeg answer;
    int answer_status;
    Handover *handover; /* of the token; NULL: the process itself is meant */
    int descriptor;     /* what it came to; -1: not yet */
    int64_t expires;
    SecContext *context;
    SecFailure failure;
} LocalInitiator;

static LocalInitiator *local_of(const SecInitiator *initiator)
{
    return (LocalInitiator *)initiator;
}

/* The account's uid, in digits. */
static int recipient_of(const char *target, uid_t *ret_uid)
{
    char *end;
    errno = 0;
    const unsigned long uid = strtoul(target, &end, 10);
    if (errno || *end || *target < '0' || *target > '9' || uid >= UINT32_MAX) return -EINVAL;
    *ret_uid = (uid_t)uid;
    return 0;
}

/* What stands for the token, for that account alone, and worth no more than the call's level. */
static int begin_handover(LocalInitiator *local, Token *token, const SecInitiatorSpec *spec)
{
    uid_t recipient;
    int r = recipient_of(spec->target, &recipient);
    if (r < 0 || spec->impersonation < 2) return -EINVAL; /* at ANONYMOUS there is nobody to hand on */
    local->leg.passes = true;
    local->expires = token_expires(token);
    r = handover_new_send(token, (TokenLevel)(spec->impersonation - 1), recipient, spec->deadline,
                          &local->handover);
    if (r == -EPERM) { /* DEL-7 */
        sec_failure_set(
            &local->failure, RPCST_SEC_PKG_ERROR,
            "the identity may not be shown at the impersonation level that was asked for: its owner "
            "allowed this process less");
        return SEC_FAILED;
    }
    return r;
}

static int local_new(Token *token, const SecInitiatorSpec *spec, SecInitiator **ret_initiator)
{
    LocalInitiator *local = calloc(1, sizeof(*local));
    Writer writer;
    int r = 0;
    if (!local) return -ENOMEM;
    local->leg.impersonation = spec->impersonation;
    local->descriptor = -1;
    local->expires = INT64_MAX;
    /* Without a target the kernel says who it is, and rpc/client-call.c sees to it that this is the token's.
     */
    if (spec->target[0]) r = begin_handover(local, token, spec);
    if (r < 0) {
        free(local);
        return r;
    }
    writer_init_fixed(&writer, local->output, sizeof(local->output));
    rpc_local_leg_write(&writer, &local->leg);
    *ret_initiator = (SecInitiator *)local;
    return 0;
}

static SecInitiator *local_free(SecInitiator *initiator)
{
    LocalInitiator *local = local_of(initiator);
    if (!local) return NULL;
    (void)sec_context_free(local->context);
    (void)handover_free(local->handover);
    if (local->descriptor >= 0) close(local->descriptor);
    free(local);
    return NULL;
}

static int local_step(SecInitiator *initiator, IoWait *ret_wait)
{
    LocalInitiator *local = local_of(initiator);
    if (local->failure.code) return SEC_FAILED;
    if (local->handover && local->descriptor < 0) {
        int r = handover_step(local->handover, ret_wait);
        if (r == SEC_FAILED) local->failure = *handover_failure(local->handover);
        if (r) return r;
        local->descriptor = handover_take_fd(local->handover);
    }
    if (!local->answered || local->done) return 0;
    if (local->answer_status < 0 || local->answer.passes ||
        local->answer.impersonation > local->leg.impersonation) {
        sec_failure_set(
            &local->failure, RPCST_SEC_PKG_ERROR,
            "the process at the other end answered a local authentication in a way that means nothing");
        return SEC_FAILED;
    }
    int r = sec_context_new_local(local->expires, &local->context);
    local->done = r == 0;
    return r;
}

static const uint8_t *local_output(const SecInitiator *initiator, size_t *ret_length)
{
    const LocalInitiator *local = local_of(initiator);
    *ret_length = local->answered ? 0 : sizeof(local->output);
    return local->output;
}

static int local_input(SecInitiator *initiator, const uint8_t *token, size_t length)
{
    LocalInitiator *local = local_of(initiator);
    if (local->answered) return -EPROTO;
    local->answered = true;
    local->answer_status = rpc_local_leg_read(token, length, &local->answer);
    return 0;
}

int client_local_descriptor(const SecInitiator *initiator)
{
    return local_of(initiator)->descriptor;
}

static bool local_is_done(const SecInitiator *initiator)
{
    return local_of(initiator)->done;
}

static bool local_wants_reply(const SecInitiator *initiator)
{
    (void)initiator;
    return true;
}

static SecContext *local_take_context(SecInitiator *initiator)
{
    return TAKE_PTR(local_of(initiator)->context);
}

static const SecFailure *local_failure(const SecInitiator *initiator)
{
    return &local_of(initiator)->failure;
}

static const char *local_choice(SecInitiator *initiator)
{
    (void)initiator;
    return "this machine's own authentication";
}

const InitiatorOps client_local_initiator = {.new = local_new,
                                             .free = local_free,
                                             .step = local_step,
                                             .output = local_output,
                                             .input = local_input,
                                             .is_done = local_is_done,
                                             .wants_reply = local_wants_reply,
                                             .take_context = local_take_context,
                                             .failure = local_failure,
                                             .choice = local_choice};
