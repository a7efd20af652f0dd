/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of NTLM's three legs against each other, and against what others send. */
#include <errno.h>
#include <fcntl.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <pthread.h>
#include <rpcdce.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <winerror.h>
#include <cmocka.h>
#include "base/time.h"
#include "sec/context.h"
#include "sec/ntlm-acceptor.h"
#include "sec/ntlm-gss.h"
#include "sec/ntlm-initiator.h"
#include "sec/ntlm-user-file.h"

static char users[] = "/tmp/mantle-ntlm.XXXXXX";
static const NtlmVerifiers by_file = {.users = users};

#define PASSWORD_HASH "A4F49C406510BDCAB6824EE7C30FD852"

static const char accounts[] =
    "LAB:alice:Password\n"
    "LAB:bob:bobs\n"
    "LAB:J\xc3\xb6rg:p\xc3\xa4ss\n"
    "OTHER:alice:Password\n"
    "LAB:first:same\n"
    "LAB:second:same\n"
    "local:1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:" PASSWORD_HASH ":[U          ]:\n"
    "LAB\\off:1001:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:" PASSWORD_HASH ":[UD         ]:\n";

/* In winbindd's place: knows LAB\wanda and LAB\alice, with PASSWORD_HASH, and judges the response as whoever
 * knows the password does ([MS-NLMP] 3.3.2). */
static unsigned asked;

static bool knows(const NtlmQuery *query)
{
    return strcasecmp(query->domain, "LAB") == 0 &&
           (strcasecmp(query->user, "wanda") == 0 || strcasecmp(query->user, "alice") == 0);
}

static bool judge(const NtlmQuery *query, uint8_t ret_base_key[NTLM_KEY])
{
    uint8_t hash[NTLM_KEY], key[NTLM_KEY], proof[NTLM_KEY], names[256];
    size_t length = 0;

    for (const char *at = query->user; *at; at++, names[length++] = 0)
        names[length++] = (uint8_t)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    for (const char *at = query->domain; *at; at++, names[length++] = 0)
        names[length++] = (uint8_t)*at;
    const NtlmBytes who = {names, length}, shown = {query->response.data, NTLM_KEY},
                    parts[] = {{query->challenge, NTLM_CHALLENGE},
                               {query->response.data + NTLM_KEY, query->response.length - NTLM_KEY}};
    return ntlm_hash_parse(PASSWORD_HASH, hash) && ntlm_hmac(hash, &who, 1, key) &&
           ntlm_hmac(key, parts, 2, proof) && memcmp(proof, shown.data, NTLM_KEY) == 0 &&
           ntlm_hmac(key, &shown, 1, ret_base_key);
}

static int other_verifier(const NtlmQuery *query, NtlmAccount *ret_account, SecFailure *failure)
{
    NtlmAccount account = {NULL};

    asked++;
    if (!knows(query) || !judge(query, account.base_key)) {
        sec_failure_set(failure, (uint32_t)SEC_E_LOGON_DENIED, "no");
        return SEC_FAILED;
    }
    account.principal = strdup(strcasecmp(query->user, "wanda") == 0 ? "LAB\\wanda" : "LAB\\alice");
    account.groups = calloc(1, sizeof(*account.groups));
    assert_true(account.principal && account.groups);
    account.group_count = 1;
    account.groups[0] = SID_ADMINISTRATORS;
    assert_int_equal(sid_parse("S-1-5-21-1-2-3-1103", &account.user), 0);
    *ret_account = account;
    return 0;
}

static const NtlmVerifiers by_other = {.winbind = other_verifier},
                           by_both = {.users = users, .winbind = other_verifier};

typedef struct Ends {
    NtlmInitiator *initiator;
    NtlmAcceptor *acceptor;
    NtlmCaller caller;
    SecFailure failure;
    uint8_t legs[3][4096];
    size_t lengths[3];
    unsigned tamper_leg; /* 1 to 3: before the peer gets it, byte tamper_at is changed */
    size_t tamper_at;
    uint8_t tamper_by;
} Ends;

typedef struct Logon {
    const char *user, *password;
    uint8_t level, impersonation;
    const NtlmVerifiers *verifiers; /* NULL: the file */
} Logon;

static void ends_deinit(Ends *ends)
{
    ntlm_initiator_free(ends->initiator);
    ntlm_acceptor_free(ends->acceptor);
}

static void keep(Ends *ends, unsigned leg, const uint8_t *token, size_t length)
{
    assert_true(length < sizeof(ends->legs[leg]));
    memcpy(ends->legs[leg], token, length);
    ends->lengths[leg] = length;
    if (ends->tamper_leg == leg + 1) ends->legs[leg][ends->tamper_at] ^= ends->tamper_by;
}

static int start(Ends *ends, const Logon *logon)
{
    _cleanup_(ntlm_credential_unrefp) NtlmCredential *credential = NULL;
    size_t length;
    int r = ntlm_credential_new(logon->user, logon->password, NULL, &credential, &ends->failure);
    if (r == 0)
        r = ntlm_initiator_new(credential, "RPCSS/a.lab.test@LAB.TEST", logon->level, logon->impersonation,
                               &ends->initiator, &ends->failure);
    if (r != 0) return r;
    const uint8_t *token = ntlm_initiator_output(ends->initiator, &length);
    keep(ends, 0, token, length);
    r = ntlm_acceptor_new(logon->verifiers ? logon->verifiers : &by_file, logon->level, ends->legs[0], length,
                          &ends->acceptor, &ends->failure);
    if (r != 0) return r;
    token = ntlm_acceptor_output(ends->acceptor, &length);
    keep(ends, 1, token, length);
    return 0;
}

static int run(Ends *ends, const Logon *logon)
{
    size_t length;
    int r = start(ends, logon);
    if (r == 0) r = ntlm_initiator_finish(ends->initiator, ends->legs[1], ends->lengths[1], &ends->failure);
    if (r != 0) return r;
    const uint8_t *token = ntlm_initiator_output(ends->initiator, &length);
    keep(ends, 2, token, length);
    return ntlm_acceptor_finish(ends->acceptor, ends->legs[2], length, &ends->caller, &ends->failure);
}

static const Logon alice = {.user = "LAB\\alice",
                            .password = "Password",
                            .level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                            .impersonation = RPC_C_IMP_LEVEL_IMPERSONATE};

static void expect(const Logon *logon, const char *principal, TokenLevel level)
{
    _cleanup_(ends_deinit) Ends ends = {NULL};
    const int r = run(&ends, logon);
    assert_int_equal(r, 0);
    assert_string_equal(ends.caller.principal, principal);
    assert_int_equal(ends.caller.level, level);
    assert_memory_equal(ends.caller.key, ntlm_initiator_key(ends.initiator), NTLM_KEY);
    assert_int_equal(ends.caller.flags, ntlm_initiator_flags(ends.initiator));
    assert_true(ends.caller.expires > time_wall());
    assert_string_equal(ends.caller.server, "RPCSS/a.lab.test");
}

static void refuse(const Logon *logon, uint32_t code)
{
    _cleanup_(ends_deinit) Ends ends = {NULL};
    assert_int_equal(run(&ends, logon), SEC_FAILED);
    assert_int_equal(ends.failure.code, code);
    assert_null(ends.caller.principal);
}

static Logon with(const char *user, const char *password)
{
    Logon logon = alice;
    logon.user = user;
    logon.password = password;
    return logon;
}

static void test_who_is_it(void **state)
{
    Logon logon = alice;
    expect(&logon, "LAB\\alice", TOKEN_LEVEL_IMPERSONATION);
    logon = with("lab\\ALICE", "Password"); /* the file's spelling is the identity */
    expect(&logon, "LAB\\alice", TOKEN_LEVEL_IMPERSONATION);
    logon = with("alice@OTHER", "Password"); /* the same name and password in another domain is another one */
    expect(&logon, "OTHER\\alice", TOKEN_LEVEL_IMPERSONATION);
    logon = with("LAB\\second", "same");
    expect(&logon, "LAB\\second", TOKEN_LEVEL_IMPERSONATION);
    logon = with("LAB\\J\xc3\xb6rg", "p\xc3\xa4ss");
    expect(&logon, "LAB\\J\xc3\xb6rg", TOKEN_LEVEL_IMPERSONATION);
    for (logon.level = RPC_C_AUTHN_LEVEL_CONNECT; logon.level <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY; logon.level++)
        expect(&logon, "LAB\\J\xc3\xb6rg", TOKEN_LEVEL_IMPERSONATION);
}

static void test_own_account(void **state)
{
    _cleanup_(ends_deinit) Ends ends = {NULL};
    const Logon logon = with("local", "Password");
    assert_int_equal(run(&ends, &logon), 0);
    const char *slash = strchr(ends.caller.principal, '\\');
    assert_non_null(slash);
    assert_string_equal(slash, "\\local");
    assert_true(slash > ends.caller.principal); /* this machine's name stands before it */
}

static void test_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"LAB\\alice", "password"}, {"LAB\\alice", ""},          {"LAB\\carol", "Password"},
        {"LAB\\bob", "Password"},   {"EVIL\\alice", "Password"}, {"alice", "Password"},
        {"LAB\\local", "Password"}, {"LAB\\guest", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        const Logon logon = with(wrong[i][0], wrong[i][1]);
        refuse(&logon, (uint32_t)SEC_E_LOGON_DENIED);
    }
}

static void test_LVL_7_level_is_the_flag(void **state)
{
    Logon logon = alice;
    logon.impersonation = RPC_C_IMP_LEVEL_IDENTIFY;
    expect(&logon, "LAB\\alice", TOKEN_LEVEL_IDENTIFICATION);
    logon.impersonation = RPC_C_IMP_LEVEL_ANONYMOUS;
    expect(&logon, "LAB\\alice", TOKEN_LEVEL_IDENTIFICATION);
}

static void test_LVL_6_never_delegate(void **state)
{
    Logon logon = alice;
    logon.impersonation = RPC_C_IMP_LEVEL_DELEGATE;
    refuse(&logon, RPC_S_SEC_PKG_ERROR);
}

/* A server need not repeat IDENTIFY; the client's last message has it all the same, under its MIC. */
static void test_identify_that_the_server_does_not_repeat(void **state)
{
    _cleanup_(ends_deinit) Ends ends = {.tamper_leg = 2, .tamper_at = 22, .tamper_by = 0x10};
    Logon logon = alice;
    logon.impersonation = RPC_C_IMP_LEVEL_IDENTIFY;
    NtlmAuthenticate message;

    assert_int_equal(start(&ends, &logon), 0);
    assert_int_equal(ntlm_initiator_finish(ends.initiator, ends.legs[1], ends.lengths[1], &ends.failure), 0);
    size_t length;
    const uint8_t *token = ntlm_initiator_output(ends.initiator, &length);
    assert_int_equal(ntlm_authenticate_read(token, length, &message), 0);
    assert_true(message.flags & NTLM_IDENTIFY);
    uint8_t mic[NTLM_KEY];
    assert_int_equal(ntlm_message_mic(ntlm_initiator_key(ends.initiator),
                                      (NtlmBytes){ends.legs[0], ends.lengths[0]},
                                      (NtlmBytes){ends.legs[1], ends.lengths[1]}, (NtlmBytes){token, length},
                                      message.mic, mic),
                     0);
    assert_memory_equal(mic, message.mic, NTLM_KEY);
}

static void tamper(const Logon *logon, uint8_t by)
{
    _cleanup_(ends_deinit) Ends whole = {NULL};
    assert_int_equal(run(&whole, logon), 0);
    for (unsigned leg = 1; leg <= 3; leg++)
        for (size_t at = 0; at < whole.lengths[leg - 1]; at++) {
            _cleanup_(ends_deinit) Ends ends = {.tamper_leg = leg, .tamper_at = at, .tamper_by = by};
            assert_int_not_equal(run(&ends, logon), 0);
            assert_null(ends.caller.principal);
        }
}

/* The MIC is over all three messages: whatever is changed is noticed, by one side or the other. */
static void test_every_tampered_byte_is_noticed(void **state)
{
    Logon logon = alice;
    tamper(&logon, 0x04);
    logon.level = RPC_C_AUTHN_LEVEL_CONNECT;
    tamper(&logon, 0x04);
    tamper(&logon, 0x10); /* SIGN and IDENTIFY, too */
}

/* [MS-RPCE] 3.3.1.5.2.1: CONNECT asks for nothing that signs. The handshake is protected all the same. */
static void test_connect_agrees_to_sign_nothing(void **state)
{
    _cleanup_(ends_deinit) Ends ends = {NULL};
    _cleanup_(sec_context_freep) SecContext *context = NULL;
    Logon logon = alice;
    uint8_t byte = 0, token[NTLM_KEY] = {1};
    uint32_t flags;
    NtlmChallenge challenge;
    NtlmAuthenticate message;

    logon.level = RPC_C_AUTHN_LEVEL_CONNECT;
    assert_int_equal(run(&ends, &logon), 0);
    assert_int_equal(ntlm_negotiate_read(ends.legs[0], ends.lengths[0], &flags), 0);
    assert_int_equal(flags & NTLM_PROTECTS, 0);
    assert_int_equal(ntlm_challenge_read(ends.legs[1], ends.lengths[1], &challenge), 0);
    assert_int_equal(challenge.flags & NTLM_PROTECTS, 0);
    assert_int_equal(ntlm_authenticate_read(ends.legs[2], ends.lengths[2], &message), 0);
    assert_int_equal(message.flags & NTLM_PROTECTS, 0);
    assert_non_null(message.mic);

    const SecContextSpec spec = {.service = RPC_C_AUTHN_WINNT,
                                 .flags = ends.caller.flags,
                                 .key = ends.caller.key,
                                 .key_length = NTLM_KEY,
                                 .expires = INT64_MAX};
    assert_int_equal(sec_context_new(&spec, &context), 0);
    SecMessage fragment = {.stub = &byte, .stub_length = 1, .token = token, .token_length = sizeof(token)};
    assert_int_equal(sec_context_protect(context, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, &fragment), -EOPNOTSUPP);
    assert_int_equal(sec_context_unprotect(context, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, &fragment),
                     SEC_BAD_SIGNATURE);
    assert_int_equal(sec_context_sign(context, &byte, 1, token), -EOPNOTSUPP);
    assert_int_equal(sec_context_verify(context, &byte, 1, token, sizeof(token)), SEC_BAD_SIGNATURE);
}

/* What the server did not agree to cannot be brought in by the last message; nobody else has a MIC there. */
static void test_connect_stays_connect(void **state)
{
    static const uint32_t extra[] = {NTLM_SIGN, NTLM_SEAL, (uint32_t)NTLM_KEY_EXCHANGE};

    for (size_t i = 0; i < ARRAY_SIZE(extra); i++) {
        _cleanup_(ends_deinit) Ends ends = {NULL};
        Logon logon = alice;
        size_t length;
        logon.level = RPC_C_AUTHN_LEVEL_CONNECT;
        assert_int_equal(start(&ends, &logon), 0);
        assert_int_equal(ntlm_initiator_finish(ends.initiator, ends.legs[1], ends.lengths[1], &ends.failure),
                         0);
        const uint8_t *token = ntlm_initiator_output(ends.initiator, &length);
        keep(&ends, 2, token, length);
        /* A session key stands behind the message, for the flag that calls for one. */
        static const uint8_t field[] = {NTLM_KEY, 0, NTLM_KEY, 0};
        memcpy(ends.legs[2] + 52, field, sizeof(field));
        ntlm_authenticate_set_flags(ends.legs[2], ntlm_initiator_flags(ends.initiator) | extra[i]);
        assert_int_equal(
            ntlm_acceptor_finish(ends.acceptor, ends.legs[2], length, &ends.caller, &ends.failure),
            SEC_FAILED);
        assert_int_equal(ends.failure.code, (uint32_t)SEC_E_ALGORITHM_MISMATCH);
    }
}

static void test_replayed_answer(void **state)
{
    _cleanup_(ends_deinit) Ends first = {NULL}, second = {NULL};
    assert_int_equal(run(&first, &alice), 0);
    assert_int_equal(start(&second, &alice), 0);
    assert_int_equal(ntlm_acceptor_finish(second.acceptor, first.legs[2], first.lengths[2], &second.caller,
                                          &second.failure),
                     SEC_FAILED);
    assert_int_equal(second.failure.code, (uint32_t)SEC_E_LOGON_DENIED);
    /* And a conversation that failed has no second try. */
    assert_int_equal(
        ntlm_initiator_finish(second.initiator, second.legs[1], second.lengths[1], &second.failure), 0);
    size_t length;
    const uint8_t *token = ntlm_initiator_output(second.initiator, &length);
    assert_true(ntlm_acceptor_finish(second.acceptor, token, length, &second.caller, &second.failure) < 0);
}

/* PB-12: NTLM needs no principal of the server's. */
static void test_PB_12_without_a_principal(void **state)
{
    static const char *const targets[] = {NULL, "", "a.lab.test", "/", "RPCSS/"};
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        _cleanup_(ntlm_credential_unrefp) NtlmCredential *credential = NULL;
        _cleanup_(ntlm_initiator_freep) NtlmInitiator *initiator = NULL;
        _cleanup_(ntlm_acceptor_freep) NtlmAcceptor *acceptor = NULL;
        NtlmCaller caller;
        SecFailure failure;
        size_t length;
        assert_int_equal(ntlm_credential_new("LAB\\alice", "Password", NULL, &credential, &failure), 0);
        assert_int_equal(ntlm_initiator_new(credential, targets[i], 6, 3, &initiator, &failure), 0);
        const uint8_t *leg = ntlm_initiator_output(initiator, &length);
        assert_int_equal(ntlm_acceptor_new(&by_file, 6, leg, length, &acceptor, &failure), 0);
        leg = ntlm_acceptor_output(acceptor, &length);
        assert_int_equal(ntlm_initiator_finish(initiator, leg, length, &failure), 0);
        leg = ntlm_initiator_output(initiator, &length);
        assert_int_equal(ntlm_acceptor_finish(acceptor, leg, length, &caller, &failure), 0);
        assert_null(caller.server);
    }
}

/* As Impacket sends it: without the eight bytes of Version. */
static void test_negotiate_of_32_bytes(void **state)
{
    _cleanup_(ends_deinit) Ends ends = {NULL};
    _cleanup_(ntlm_acceptor_freep) NtlmAcceptor *acceptor = NULL;
    NtlmAcceptor *none = NULL;
    assert_int_equal(start(&ends, &alice), 0);
    assert_true(ends.lengths[0] >= 40);
    assert_int_equal(ntlm_acceptor_new(&by_file, alice.level, ends.legs[0], 32, &acceptor, &ends.failure), 0);
    assert_int_equal(ntlm_acceptor_new(&by_file, alice.level, ends.legs[0], 31, &none, &ends.failure),
                     SEC_FAILED);
}

static void test_no_user_file(void **state)
{
    _cleanup_(ends_deinit) Ends ends = {NULL};
    NtlmAcceptor *acceptor;
    assert_int_equal(start(&ends, &alice), 0);
    assert_int_equal(ntlm_acceptor_new(&(NtlmVerifiers){NULL}, alice.level, ends.legs[0], ends.lengths[0],
                                       &acceptor, &ends.failure),
                     SEC_FAILED);
    assert_int_equal(ends.failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
    assert_non_null(strstr(ends.failure.sentence, "ntlm_users"));
}

/* What gss-ntlmssp does by itself, with flags and environment of the test's choice. */
static size_t foreign_leg(gss_ctx_id_t *context, uint32_t flags, const uint8_t *input, size_t input_length,
                          uint8_t ret_token[4096])
{
    OM_uint32 minor;
    SecFailure failure;
    gss_key_value_element_desc elements[] = {{GSS_NTLMSSP_CS_NTHASH, PASSWORD_HASH},
                                             {GSS_NTLMSSP_CS_DOMAIN, "LAB"}};
    const gss_key_value_set_desc store = {.count = 2, .elements = elements};
    gss_name_t name, target;
    gss_cred_id_t credential;
    gss_buffer_desc in = {input_length, (void *)(uintptr_t)input}, out = GSS_C_EMPTY_BUFFER;

    assert_int_equal(ntlm_gss_name("alice", GSS_C_NT_USER_NAME, &name, &failure), 0);
    assert_int_equal(ntlm_gss_name("@", GSS_C_NT_HOSTBASED_SERVICE, &target, &failure), 0);
    assert_int_equal(ntlm_gss_credential(name, GSS_C_INITIATE, &store, flags, &credential, &failure), 0);
    const OM_uint32 major =
        gss_init_sec_context(&minor, credential, context, target, (gss_OID)(uintptr_t)&NTLM_GSS_MECHANISM,
                             flags & NTLM_SEAL   ? GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG
                             : flags & NTLM_SIGN ? GSS_C_INTEG_FLAG
                                                 : 0,
                             0, NULL, &in, NULL, &out, NULL, NULL);
    assert_false(GSS_ERROR(major));
    assert_true(out.length <= 4096);
    memcpy(ret_token, out.value, out.length);
    const size_t length = out.length;
    (void)gss_release_buffer(&minor, &out);
    (void)gss_release_cred(&minor, &credential);
    (void)gss_release_name(&minor, &name);
    (void)gss_release_name(&minor, &target);
    return length;
}

/* The result of a conversation of the foreign client with our server. */
static int run_foreign(uint32_t flags, uint8_t level, SecFailure *failure, TokenLevel *ret_level)
{
    uint8_t token[4096];
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    _cleanup_(ntlm_acceptor_freep) NtlmAcceptor *acceptor = NULL;
    OM_uint32 minor;
    NtlmCaller caller;
    size_t length = foreign_leg(&context, flags, NULL, 0, token), challenge_length;

    int r = ntlm_acceptor_new(&by_file, level, token, length, &acceptor, failure);
    if (r == 0) {
        const uint8_t *challenge = ntlm_acceptor_output(acceptor, &challenge_length);
        length = foreign_leg(&context, flags, challenge, challenge_length, token);
        r = ntlm_acceptor_finish(acceptor, token, length, &caller, failure);
        if (r == 0) *ret_level = caller.level;
    }
    (void)gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    return r;
}

#define FOREIGN_FLAGS (NTLM_REQUIRED | NTLM_REQUEST_TARGET | NTLM_ALWAYS_SIGN | NTLM_VERSION)

static void test_foreign_client_without_mic(void **state)
{
    SecFailure failure;
    TokenLevel level;
    assert_int_equal(run_foreign(FOREIGN_FLAGS | NTLM_SIGN | NTLM_SEAL, 6, &failure, &level), 0);
    assert_int_equal(level, TOKEN_LEVEL_IMPERSONATION);
    assert_int_equal(run_foreign(FOREIGN_FLAGS | NTLM_SIGN, 5, &failure, &level), 0);
    assert_int_equal(run_foreign(FOREIGN_FLAGS | NTLM_SIGN, 2, &failure, &level), 0);
    assert_int_equal(run_foreign(FOREIGN_FLAGS, 2, &failure, &level), 0);
    assert_int_equal(run_foreign(FOREIGN_FLAGS & ~(uint32_t)NTLM_KEY_EXCHANGE, 2, &failure, &level), 0);
    assert_int_equal(run_foreign(FOREIGN_FLAGS | NTLM_SIGN | NTLM_IDENTIFY, 5, &failure, &level), 0);
    assert_int_equal(level, TOKEN_LEVEL_IDENTIFICATION);
}

static void test_foreign_client_that_agrees_to_less(void **state)
{
    SecFailure failure;
    TokenLevel level;
    static const uint32_t needed[] = {NTLM_128, NTLM_UNICODE};
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        const uint32_t oem = needed[i] == NTLM_UNICODE ? 2 : 0;
        const uint32_t flags = ((FOREIGN_FLAGS | NTLM_SIGN | NTLM_SEAL) & ~needed[i]) | oem;
        assert_int_equal(run_foreign(flags, 6, &failure, &level), SEC_FAILED);
        assert_int_equal(failure.code, (uint32_t)SEC_E_ALGORITHM_MISMATCH);
    }
    /* Signing agreed, sealing not: no conversation at privacy. */
    assert_int_equal(run_foreign(FOREIGN_FLAGS | NTLM_SIGN, 6, &failure, &level), SEC_FAILED);
    assert_int_equal(run_foreign(FOREIGN_FLAGS, 5, &failure, &level), SEC_FAILED);
}

/* In a process of its own: gss-ntlmssp 1.2.0 makes a library context of OpenSSL for each MD4 and forgets it.
 */
static void in_child(void (*body)(void))
{
    int status;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        body();
        _exit(0); /* a failed assertion does not come here */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void check(bool right, const char *what)
{
    if (right) return;
    fprintf(stderr, "# %s\n", what);
    _exit(1);
}

static void with_old_clients(void)
{
    SecFailure failure;
    TokenLevel level;
    static const char *const levels[] = {"0", "1", "2"};

    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        const uint32_t flags = FOREIGN_FLAGS | NTLM_SIGN | NTLM_SEAL;
        check(setenv("LM_COMPAT_LEVEL", levels[i], 1) == 0, "environment");
        check(run_foreign(flags, 6, &failure, &level) == SEC_FAILED, "NTLMv1 was accepted");
        check(failure.code == (uint32_t)SEC_E_LOGON_DENIED ||
                  failure.code == (uint32_t)SEC_E_ALGORITHM_MISMATCH,
              failure.sentence);
        /* Nor does our own client, whatever its environment says. */
        Ends ends = {NULL};
        check(run(&ends, &alice) == SEC_FAILED && !ends.caller.principal, "our client sent NTLMv1");
    }
}

static void test_NTLMv1_client(void **state)
{
    SecFailure failure;
    TokenLevel level;
    in_child(with_old_clients);
    assert_int_equal(run_foreign(FOREIGN_FLAGS | NTLM_SIGN | NTLM_SEAL, 6, &failure, &level), 0);
}

static void test_environment_says_nothing(void **state)
{
    char other[] = "/tmp/mantle-ntlm-other.XXXXXX";
    const int fd = mkstemp(other);
    static const char text[] = "LAB:mallory:m\nLAB:alice:stolen\n";

    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    assert_int_equal(setenv("NTLM_USER_FILE", other, 1), 0);
    assert_int_equal(setenv("NTLMUSER", "mallory", 1), 0);
    Logon logon = with("LAB\\mallory", "m");
    refuse(&logon, (uint32_t)SEC_E_LOGON_DENIED);
    logon = with("LAB\\alice", "stolen");
    refuse(&logon, (uint32_t)SEC_E_LOGON_DENIED);
    expect(&alice, "LAB\\alice", TOKEN_LEVEL_IMPERSONATION);
    assert_int_equal(unsetenv("NTLM_USER_FILE"), 0);
    assert_int_equal(unsetenv("NTLMUSER"), 0);
    assert_int_equal(unlink(other), 0);
}

/* A principal of Kerberos always has an @; one of NTLM never: nobody is taken for the other. */
static void test_not_the_Kerberos_principal_of_that_name(void **state)
{
    _cleanup_(ends_deinit) Ends ends = {NULL};
    static const char *const kerberos[] = {"alice@LAB", "LAB\\alice@LAB", "alice@LAB.TEST"};
    assert_int_equal(run(&ends, &alice), 0);
    assert_null(strchr(ends.caller.principal, '@'));
    for (size_t i = 0; i < ARRAY_SIZE(kerberos); i++) {
        Sid sid;
        assert_int_equal(sid_from_principal(kerberos[i], &sid), 0);
        assert_false(sid_equal(&sid, &ends.caller.user));
    }
}

/* An account that somebody else vouches for comes with what that one says of it, and keys that fit. */
static void test_verified_by_another(void **state)
{
    Logon logon = with("lab\\WANDA", "Password");
    logon.verifiers = &by_other;
    for (logon.level = RPC_C_AUTHN_LEVEL_CONNECT; logon.level <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY;
         logon.level++) {
        _cleanup_(ends_deinit) Ends ends = {NULL};
        char text[SID_STRING_SIZE];
        assert_int_equal(run(&ends, &logon), 0);
        assert_string_equal(ends.caller.principal, "LAB\\wanda");
        sid_format(&ends.caller.user, text);
        assert_string_equal(text, "S-1-5-21-1-2-3-1103");
        assert_int_equal(ends.caller.group_count, 1);
        assert_true(sid_equal(&ends.caller.groups[0], &SID_ADMINISTRATORS));
        assert_memory_equal(ends.caller.key, ntlm_initiator_key(ends.initiator), NTLM_KEY);
        assert_int_equal(ends.caller.flags, ntlm_initiator_flags(ends.initiator));
    }
    logon.level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY;
    logon.impersonation = RPC_C_IMP_LEVEL_IDENTIFY;
    expect(&logon, "LAB\\wanda", TOKEN_LEVEL_IDENTIFICATION);
    static const char *const wrong[][2] = {{"LAB\\wanda", "password"},
                                           {"LAB\\carol", "Password"},
                                           {"OTHER\\alice", "Password"},
                                           {"wanda", "Password"}};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        logon.user = wrong[i][0];
        logon.password = wrong[i][1];
        refuse(&logon, (uint32_t)SEC_E_LOGON_DENIED);
    }
}

/* The one who knows the password sees the response only; the rest is under the MIC, which is checked here. */
static void test_tampering_is_noticed_with_another(void **state)
{
    Logon logon = with("LAB\\wanda", "Password");
    logon.verifiers = &by_other;
    tamper(&logon, 0x04);
    logon.level = RPC_C_AUTHN_LEVEL_CONNECT;
    tamper(&logon, 0x10);
}

/* An account of the file is the file's: nobody else is asked. */
static void test_both(void **state)
{
    static const struct {
        const char *user, *password, *principal; /* NULL: refused */
        unsigned asked;
    } rows[] = {
        {"LAB\\wanda", "Password", "LAB\\wanda", 1}, {"LAB\\wanda", "wrong", NULL, 1},
        {"LAB\\alice", "Password", "LAB\\alice", 0}, {"LAB\\alice", "wrong", NULL, 0},
        {"LAB\\bob", "bobs", "LAB\\bob", 0},         {"LAB\\off", "Password", NULL, 0}, /* disabled there */
        {"LAB\\carol", "Password", NULL, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(ends_deinit) Ends ends = {NULL};
        Logon logon = with(rows[i].user, rows[i].password);
        logon.verifiers = &by_both;
        asked = 0;
        assert_int_equal(run(&ends, &logon), rows[i].principal ? 0 : SEC_FAILED);
        if (rows[i].principal)
            assert_string_equal(ends.caller.principal, rows[i].principal);
        else
            assert_int_equal(ends.failure.code, (uint32_t)SEC_E_LOGON_DENIED);
        assert_int_equal(asked, rows[i].asked);
        if (rows[i].asked == 0 && rows[i].principal) assert_int_equal(ends.caller.group_count, 0);
    }
    /* A file that cannot be used is a reason to refuse everybody. */
    const NtlmVerifiers verifiers = {.users = "/nowhere/users", .winbind = other_verifier};
    Logon logon = with("LAB\\wanda", "Password");
    logon.verifiers = &verifiers;
    asked = 0;
    refuse(&logon, (uint32_t)SEC_E_NO_CREDENTIALS);
    assert_int_equal(asked, 0);
}

static void *many(void *argument)
{
    static const char *const names[][3] = {{"LAB\\alice", "Password", "LAB\\alice"},
                                           {"LAB\\bob", "bobs", "LAB\\bob"},
                                           {"LAB\\first", "same", "LAB\\first"},
                                           {"LAB\\second", "same", "LAB\\second"}};
    const size_t first = (size_t)(uintptr_t)argument;
    uintptr_t wrong = 0;
    for (size_t i = 0; i < 25; i++) {
        const char *const *const name = names[(first + i) % ARRAY_SIZE(names)];
        const Logon logon = with(name[0], name[1]);
        Ends *ends = calloc(1, sizeof(*ends));
        if (!ends || run(ends, &logon) != 0 || strcmp(ends->caller.principal, name[2]) != 0) wrong++;
        if (ends) ends_deinit(ends);
        free(ends);
    }
    return (void *)wrong;
}

static void test_many_threads_mix_nobody_up(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many, (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

static int setup(void **state)
{
    /* What a developer's machine may have set. */
    static const char *const names[] = {"NTLM_USER_FILE", "LM_COMPAT_LEVEL", "NETBIOS_DOMAIN_NAME",
                                        "NETBIOS_COMPUTER_NAME", "GSSNTLMSSP_DEBUG"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        (void)unsetenv(names[i]);
    const int fd = mkstemp(users);
    if (fd < 0 || write(fd, accounts, sizeof(accounts) - 1) != sizeof(accounts) - 1) return -1;
    return close(fd);
}

static int teardown(void **state)
{
    return unlink(users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_it),
        cmocka_unit_test(test_own_account),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_LVL_7_level_is_the_flag),
        cmocka_unit_test(test_LVL_6_never_delegate),
        cmocka_unit_test(test_identify_that_the_server_does_not_repeat),
        cmocka_unit_test(test_every_tampered_byte_is_noticed),
        cmocka_unit_test(test_connect_agrees_to_sign_nothing),
        cmocka_unit_test(test_connect_stays_connect),
        cmocka_unit_test(test_replayed_answer),
        cmocka_unit_test(test_PB_12_without_a_principal),
        cmocka_unit_test(test_negotiate_of_32_bytes),
        cmocka_unit_test(test_no_user_file),
        cmocka_unit_test(test_foreign_client_without_mic),
        cmocka_unit_test(test_foreign_client_that_agrees_to_less),
        cmocka_unit_test(test_NTLMv1_client),
        cmocka_unit_test(test_environment_says_nothing),
        cmocka_unit_test(test_not_the_Kerberos_principal_of_that_name),
        cmocka_unit_test(test_verified_by_another),
        cmocka_unit_test(test_tampering_is_noticed_with_another),
        cmocka_unit_test(test_both),
        cmocka_unit_test(test_many_threads_mix_nobody_up),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
