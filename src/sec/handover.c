/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/handover.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "sec/authority-client.h"
#include "sec/authority-remote.h"
#include "sec/credential-private.h"

struct Handover {
    Authority *authority;
    bool sends;
    AuthorityCall *call;  /* NULL: nothing to ask */
    SecCredential *named; /* what the question is about */
    int fd;
    Token *token;
    SecFailure failure;
};

static int handover_new(Authority *authority, bool sends, Handover **ret_handover)
{
    Handover *handover = calloc(1, sizeof(*handover));
    if (!handover) return -ENOMEM;
    handover->authority = authority_ref(authority);
    handover->sends = sends;
    handover->fd = -1;
    *ret_handover = handover;
    return 0;
}

static int ask(Handover *handover, TokenLevel level, uid_t recipient, uint64_t deadline)
{
    AuthorityRequest request = {.operation = AUTHORITY_OPEN_TOKEN,
                                .credential = sec_credential_handle(handover->named),
                                .level = (uint8_t)level,
                                .hands = handover->sends,
                                .recipient = recipient};
    return authority_ask(handover->authority, &request, deadline, &handover->call);
}

int handover_new_send(Token *token, TokenLevel level, uid_t recipient, uint64_t deadline,
                      Handover **ret_handover)
{
    _cleanup_(handover_freep) Handover *handover = NULL;
    SecCredential *held = token_held(token);
    if (!held || sec_credential_fd(held) < 0) return -EOPNOTSUPP;
    if (level > token_level(token)) return -EPERM;
    int result = handover_new(sec_credential_authority(held), true, &handover);
    if (result != 0) return result;
    handover->named = sec_credential_ref(held);
    result = ask(handover, level, recipient, deadline);
    if (result == 0) *ret_handover = TAKE_PTR(handover);
    return result;
}

int handover_new_receive(Authority *authority, int fd, uint64_t deadline, Handover **ret_handover)
{
    _cleanup_(handover_freep) Handover *handover = NULL;
    uint64_t handle;
    int result = authority_remote_adopt(authority, fd, &handle);
    if (result != 0) return result;
    result = handover_new(authority, false, &handover);
    if (result != 0) {
        authority_tell(authority, &(AuthorityRequest){.operation = AUTHORITY_RELEASE, .credential = handle});
        return result;
    }
    result = sec_credential_new(authority, handle, 0, &handover->named);
    if (result == 0) result = ask(handover, TOKEN_LEVEL_DELEGATION, HANDOVER_ANYBODY, deadline);
    if (result == 0) *ret_handover = TAKE_PTR(handover);
    return result;
}

/* The descriptor for somebody else, out of the handle under which it came. */
static int take_fd(Handover *handover, const AuthorityAnswer *answer)
{
    _cleanup_(sec_credential_unrefp) SecCredential *made = NULL;
    if (answer->credential == 0) return -EBADMSG;
    int result = sec_credential_new(handover->authority, answer->credential, answer->shows, &made);
    if (result != 0) return result;
    handover->fd = fcntl(sec_credential_fd(made), F_DUPFD_CLOEXEC, 0);
    return handover->fd < 0 ? -errno : 0;
}

int handover_step(Handover *handover, IoWait *ret_wait)
{
    if (handover->token || handover->fd >= 0) return 0;
    AuthorityAnswer answer;
    int result =
        authority_ask_step(handover->call, AUTHORITY_OPEN_TOKEN, ret_wait, &answer, &handover->failure);
    if (result != 0) return result;
    result = handover->sends ? take_fd(handover, &answer)
                             : sec_token_from_answer(handover->authority, &answer, TOKEN_KIND_IMPERSONATION,
                                                     &handover->token);
    authority_answer_deinit(&answer);
    return result;
}

int handover_take_fd(Handover *handover)
{
    return TAKE_FD(handover->fd);
}

Token *handover_take_token(Handover *handover)
{
    return TAKE_PTR(handover->token);
}

const SecFailure *handover_failure(const Handover *handover)
{
    return &handover->failure;
}

Handover *handover_free(Handover *handover)
{
    if (!handover) return NULL;
    authority_call_free(handover->call);
    sec_credential_unref(handover->named);
    if (handover->fd >= 0) close(handover->fd);
    token_unref(handover->token);
    authority_unref(handover->authority);
    free(handover);
    return NULL;
}
