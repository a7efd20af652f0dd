/* SPDX-License-Identifier: Apache-2.0 */
/*
 * constrained USER PASSWORD MIDDLE MIDDLE-KEYTAB TARGET TARGET-KEYTAB: the user, who logs on with the
 * password, calls the service MIDDLE at IMPERSONATE, and that one shows its caller to TARGET. With "-" for
 * the password MIDDLE vouches for the user, who is not there. Prints whom TARGET saw and the level, or the
 * code and the sentence of the refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/realm/krb5-fixture.h"

#define PATIENCE (30 * NS_PER_SECOND)

static int say(const SecFailure *failure)
{
    printf("0x%08X %s\n", failure->code, failure->sentence);
    return 1;
}

static Authority *open_authority(const char *keytab)
{
    const AuthorityOptions options = {.acceptor_keytab = keytab, .protocol_transition = true};
    Authority *authority = NULL;
    SecFailure failure = {0};
    if (authority_new_linked(&options, &authority, &failure) == 0) return authority;
    exit(say(&failure));
}

static Token *log_on(Authority *authority, const LogonSpec *spec)
{
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    if (logon_new(authority, spec, &logon) != 0) abort();
    int result;
    while ((result = logon_step(logon, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait);
    if (result == SEC_FAILED) exit(say(logon_failure(logon)));
    if (result != 0) abort();
    return logon_take_token(logon);
}

/* The caller's token at a service. */
static Token *call(Token *client, const char *service, Authority *server)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    int result = converse(&talk, client, service, IMPERSONATE, server);
    if (result == SEC_FAILED) exit(say(&talk.failure));
    if (result != 0 || !sealed_both_ways(&talk)) abort();
    return token_ref(talk.token);
}

int main(int argc, char **argv)
{
    static const char *const levels[] = {"anonymous", "identify", "impersonate", "delegate"};
    if (argc != 7) return 2;
    bool vouch = strcmp(argv[2], "-") == 0;
    _cleanup_(authority_unrefp) Authority *client = open_authority(NULL), *middle = open_authority(argv[4]),
                                          *target = open_authority(argv[6]);
    const LogonSpec spec = {.source = vouch ? LOGON_UNPROVED : LOGON_PASSWORD,
                            .path = vouch ? argv[3] : NULL,
                            .principal = argv[1],
                            .password = vouch ? NULL : argv[2],
                            .forwardable = true,
                            .deadline = time_after(PATIENCE)};
    _cleanup_(token_unrefp) Token *user = log_on(vouch ? middle : client, &spec);
    _cleanup_(token_unrefp) Token *caller = vouch ? token_ref(user) : call(user, argv[3], middle);
    _cleanup_(token_unrefp) Token *seen = call(caller, argv[5], target);
    bool same = sid_equal(token_user(caller), token_user(seen));
    printf("%s %s%s\n", token_principal(seen), levels[token_level(seen)], same ? "" : ", with another SID");
    return 0;
}
