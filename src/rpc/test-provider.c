/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/test-provider.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "base/time.h"

struct SecAcceptor {
    char principal[64];
    const char *output;
    unsigned legs;
    bool failed, done, incapable;
};

static const uint8_t session_key[32] = "a key of 32 bytes for both sides";

static int provider_create(Authority *authority, uint8_t type, uint8_t level, SecAcceptor **ret_acceptor)
{
    (void)authority;
    if (type != TEST_AUTH_TYPE || level < 2) return -EOPNOTSUPP;
    *ret_acceptor = calloc(1, sizeof(**ret_acceptor));
    return *ret_acceptor ? 0 : -ENOMEM;
}

static SecAcceptor *provider_destroy(SecAcceptor *acceptor)
{
    free(acceptor);
    return NULL;
}

static int provider_input(SecAcceptor *acceptor, const uint8_t *token, size_t length)
{
    char text[64];
    if (length >= sizeof(text)) return -EPROTO;
    memcpy(text, token, length);
    text[length] = 0;
    acceptor->output = "";
    acceptor->failed = true;
    if (strcmp(text, "skew") == 0) {
        acceptor->output = "KRB-ERROR";
    } else if (strncmp(text, "one ", 4) == 0 && acceptor->legs == 0) {
        strcpy(acceptor->principal, text + 4);
        acceptor->failed = false;
        acceptor->legs = 1;
        acceptor->output = "two";
    } else if (strcmp(text, "three") == 0 && acceptor->legs == 1 &&
               strncmp(acceptor->principal, "incapable", 9) == 0) {
        acceptor->incapable = true;
    } else if (strcmp(text, "three") == 0 && acceptor->legs == 1) {
        acceptor->failed = false;
        acceptor->done = true;
    }
    return 0;
}

static int provider_step(SecAcceptor *acceptor, IoWait *ret_wait)
{
    (void)ret_wait;
    return acceptor->failed ? SEC_FAILED : 0;
}

static const uint8_t *provider_output(const SecAcceptor *acceptor, size_t *ret_length)
{
    *ret_length = strlen(acceptor->output);
    return (const uint8_t *)acceptor->output;
}

static bool provider_is_done(const SecAcceptor *acceptor)
{
    return acceptor->done;
}

static SecContext *context_new(bool initiator, int64_t expires)
{
    SecContext *context;
    SecContextSpec spec = {.initiator = initiator,
                           .enctype = 18,
                           .key = session_key,
                           .key_length = sizeof(session_key),
                           .send_sequence = initiator ? 11 : 22,
                           .receive_sequence = initiator ? 22 : 11,
                           .expires = expires};
    return sec_context_new(&spec, &context) == 0 ? context : NULL;
}

SecContext *test_context_new(bool initiator)
{
    return context_new(initiator, INT64_MAX);
}

static SecContext *provider_take_context(SecAcceptor *acceptor)
{
    if (!acceptor->done) return NULL;
    return context_new(false, strncmp(acceptor->principal, "brief", 5) ? INT64_MAX : time_wall() + 3);
}

/* "NAME#identify", "NAME#other": the same name at another level, with another SID. */
static Token *provider_take_token(SecAcceptor *acceptor)
{
    Token *token;
    char *mark = strchr(acceptor->principal, '#');
    bool identify = mark && strcmp(mark, "#identify") == 0, other = mark && strcmp(mark, "#other") == 0;
    if (mark) *mark = '\0';
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = identify ? TOKEN_LEVEL_IDENTIFICATION : TOKEN_LEVEL_IMPERSONATION,
                      .principal = acceptor->principal,
                      .user = other ? SID_EVERYONE : SID_AUTHENTICATED,
                      .from_network = true,
                      .expires = INT64_MAX};
    return token_new(&spec, &token) == 0 ? token : NULL;
}

static const SecFailure *provider_failure(const SecAcceptor *acceptor)
{
    static const SecFailure failure = {.sentence = "the test's provider says no"},
                            incapable = {SEC_E_SECURITY_QOS_FAILED, "not asked for what the level needs"};
    return acceptor->incapable ? &incapable : &failure;
}

const ServerProvider test_provider = {
    provider_create,  provider_destroy,      provider_input,      provider_step,    provider_output,
    provider_is_done, provider_take_context, provider_take_token, provider_failure,
};
