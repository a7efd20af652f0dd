/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of rpc/local.h, in the shape of sec/initiator.h: the order to look at who this process
 * is, and the answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "rpc/client-private.h"
#include "rpc/local.h"
#include "sec/context-local.h"

typedef struct LocalInitiator {
    RpcLocalLeg leg;
    uint8_t output[RPC_LOCAL_LEG_SIZE];
    bool answered, done;
    RpcLocalLeg answer;
    int answer_status;
    SecContext *context;
    SecFailure failure;
} LocalInitiator;

static LocalInitiator *local_of(const SecInitiator *initiator)
{
    return (LocalInitiator *)initiator;
}

static int local_new(Token *token, const SecInitiatorSpec *spec, SecInitiator **ret_initiator)
{
    (void)token; /* the kernel says who it is: com/ sees to it that this is the token's */
    LocalInitiator *local = calloc(1, sizeof(*local));
    Writer writer;
    if (!local) return -ENOMEM;
    local->leg.impersonation = spec->impersonation;
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
    free(local);
    return NULL;
}

static int local_step(SecInitiator *initiator, IoWait *ret_wait)
{
    LocalInitiator *local = local_of(initiator);
    (void)ret_wait;
    if (!local->answered || local->done) return 0;
    if (local->answer_status < 0 || local->answer.passes ||
        local->answer.impersonation > local->leg.impersonation) {
        sec_failure_set(
            &local->failure, RPCST_SEC_PKG_ERROR,
            "the process at the other end answered a local authentication in a way that means nothing");
        return SEC_FAILED;
    }
    int r = sec_context_new_local(INT64_MAX, &local->context);
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
