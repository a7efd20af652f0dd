/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three legs between honest ends, changed on their way: the first byte says which leg, then follow
 * changes of four bytes (where, u16; what is xored, u8; one more byte), or, with bit 7, the leg itself. With
 * bit 6 or bit 5 it is a conversation at level CONNECT; with bit 6 the caller is verified by another than the
 * file.
 * Whatever was changed, gss-ntlmssp behind our readers lives on, and a caller that is accepted is the one who
 * called, in a conversation that nobody touched.
 *
 * Decoder: src/sec/ntlm-acceptor.c (check_message|ntlm_acceptor_finish|accept_negotiate|deny|write_account|verify_by_winbind|take_key)
 * Decoder: src/sec/ntlm-initiator.c (check_challenge|ntlm_initiator_finish|refuse|answer_connect)
 */
#include <assert.h>
#include <errno.h>
#include <rpcdce.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "sec/ntlm-acceptor.h"
#include "sec/ntlm-initiator.h"

#define LEG_MAX 8192u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static NtlmCredential *credential; /* until the process ends */
static char users[32];

static void setup(void)
{
    static const char text[] = "LAB:alice:Password\nLAB:bob:bobs\n";
    SecFailure failure;
    if (credential) return;
    const int fd = memfd_create("users", 0);
    assert(fd >= 0);
    if (write(fd, text, sizeof(text) - 1) != sizeof(text) - 1 || fchmod(fd, 0600) != 0) abort();
    snprintf(users, sizeof(users), "/proc/self/fd/%d", fd);
    if (ntlm_credential_new("LAB\\alice", "Password", NULL, &credential, &failure) != 0) abort();
}

typedef struct Change {
    const uint8_t *data;
    size_t size;
    unsigned leg;
    uint8_t level;
    bool whole, by_other, done;
} Change;

/* What the honest client answered with, and the key of its session: whoever knows the password knows both. */
static uint8_t response[LEG_MAX], key[NTLM_KEY];
static size_t response_length;

static int other_verifier(const NtlmQuery *query, NtlmAccount *ret_account, SecFailure *failure)
{
    NtlmAccount account = {.user = SID_EVERYONE};
    if (strcmp(query->domain, "LAB") != 0 || strcmp(query->user, "alice") != 0 ||
        query->response.length != response_length ||
        memcmp(query->response.data, response, response_length) != 0) {
        sec_failure_set(failure, 1, "another response");
        return SEC_FAILED;
    }
    account.principal = strdup("LAB\\alice");
    if (!account.principal) return -ENOMEM;
    memcpy(account.base_key, key, NTLM_KEY);
    *ret_account = account;
    return 0;
}

static void remember(const NtlmInitiator *initiator, const uint8_t *token, size_t length)
{
    NtlmAuthenticate message;
    if (ntlm_authenticate_read(token, length, &message) != 0) abort();
    response_length = message.nt_response.length;
    assert(response_length <= sizeof(response));
    memcpy(response, message.nt_response.data, response_length);
    memcpy(key, ntlm_initiator_key(initiator), NTLM_KEY);
}

/* The leg as it arrives. */
static size_t carry(Change *change, unsigned leg, const uint8_t *token, size_t length,
                    uint8_t ret_leg[LEG_MAX])
{
    assert(length <= LEG_MAX);
    if (length > 0) memcpy(ret_leg, token, length);
    if (leg != change->leg || length == 0) return length;
    if (change->whole) {
        const size_t size = change->size < LEG_MAX ? change->size : LEG_MAX;
        change->done = size != length || memcmp(ret_leg, change->data, length) != 0;
        if (size > 0) memcpy(ret_leg, change->data, size);
        return size;
    }
    for (size_t i = 0; i + 4 <= change->size; i += 4)
        ret_leg[(change->data[i] | (size_t)change->data[i + 1] << 8) % length] ^= change->data[i + 2];
    change->done = memcmp(ret_leg, token, length) != 0;
    return length;
}

static void converse(Change *change, NtlmInitiator *initiator)
{
    static uint8_t leg[LEG_MAX];
    _cleanup_(ntlm_acceptor_freep) NtlmAcceptor *acceptor = NULL;
    NtlmCaller caller;
    SecFailure failure;
    size_t length;

    const uint8_t *token = ntlm_initiator_output(initiator, &length);
    length = carry(change, 0, token, length, leg);
    const NtlmVerifiers verifiers = {.users = change->by_other ? NULL : users,
                                     .winbind = change->by_other ? other_verifier : NULL};
    if (ntlm_acceptor_new(&verifiers, change->level, leg, length, &acceptor, &failure) != 0) return;
    token = ntlm_acceptor_output(acceptor, &length);
    length = carry(change, 1, token, length, leg);
    if (ntlm_initiator_finish(initiator, leg, length, &failure) != 0) return;
    token = ntlm_initiator_output(initiator, &length);
    remember(initiator, token, length);
    length = carry(change, 2, token, length, leg);
    if (ntlm_acceptor_finish(acceptor, leg, length, &caller, &failure) != 0) return;
    assert(!change->done);
    assert(strcmp(caller.principal, "LAB\\alice") == 0 && caller.level == TOKEN_LEVEL_IMPERSONATION);
    assert(memcmp(caller.key, ntlm_initiator_key(initiator), NTLM_KEY) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(ntlm_initiator_freep) NtlmInitiator *initiator = NULL;
    SecFailure failure;

    setup();
    if (size == 0) return 0;
    Change change = {.data = data + 1,
                     .size = size - 1,
                     .leg = (data[0] & 0x1f) % 3,
                     .level = data[0] & 0x60 ? RPC_C_AUTHN_LEVEL_CONNECT : RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                     .whole = data[0] & 0x80,
                     .by_other = data[0] & 0x40};
    if (ntlm_initiator_new(credential, "RPCSS/a.lab.test", change.level, RPC_C_IMP_LEVEL_IMPERSONATE,
                           &initiator, &failure) != 0)
        abort();
    converse(&change, initiator);
    return 0;
}
