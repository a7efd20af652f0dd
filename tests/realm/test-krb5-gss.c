/* SPDX-License-Identifier: Apache-2.0 */
/* MIT's GSSAPI as the peer, in both roles, bare and inside Negotiate: legs, levels, delegation, sealing and
 * signing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include "tests/realm/krb5-fixture.h"

#define FLAGS                                                                                                \
    (GSS_C_DCE_STYLE | GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG |       \
     GSS_C_INTEG_FLAG)
#define STUB 64

/* A fragment as both libraries see it; the parts lie behind one another. */
typedef struct Fragment {
    uint8_t header[24], stub[STUB], trailer[8], token[128];
    size_t token_length;
    uint8_t level;    /* RPC_C_AUTHN_LEVEL_PKT_INTEGRITY or _PRIVACY */
    bool sign_header; /* negotiated at the bind: header and trailer are signed too */
} Fragment;
_Static_assert(offsetof(Fragment, token) == 24 + STUB + 8, "one run of bytes");

static Fragment fragment_of(uint8_t level, bool sign_header, const char *text)
{
    Fragment fragment = {
        .header = "a header of 24 bytes", .trailer = "trailer", .level = level, .sign_header = sign_header};
    (void)snprintf((char *)fragment.stub, STUB, "%s", text);
    return fragment;
}

static void gss_iov(Fragment *fragment, gss_iov_buffer_desc iov[4])
{
    OM_uint32 around = fragment->sign_header ? GSS_IOV_BUFFER_TYPE_SIGN_ONLY : GSS_IOV_BUFFER_TYPE_EMPTY;

    iov[0] = (gss_iov_buffer_desc){around, {sizeof(fragment->header), fragment->header}};
    iov[1] = (gss_iov_buffer_desc){GSS_IOV_BUFFER_TYPE_DATA, {STUB, fragment->stub}};
    iov[2] = (gss_iov_buffer_desc){around, {sizeof(fragment->trailer), fragment->trailer}};
    iov[3] = (gss_iov_buffer_desc){GSS_IOV_BUFFER_TYPE_HEADER, {fragment->token_length, fragment->token}};
}

/* What a MIC covers. */
static gss_buffer_desc gss_signed(Fragment *fragment)
{
    return fragment->sign_header ? (gss_buffer_desc){offsetof(Fragment, token), fragment->header}
                                 : (gss_buffer_desc){STUB, fragment->stub};
}

static SecMessage message_of(Fragment *fragment)
{
    return (SecMessage){.header = fragment->header,
                        .header_length = sizeof(fragment->header),
                        .stub = fragment->stub,
                        .stub_length = STUB,
                        .trailer = fragment->trailer,
                        .token = fragment->token,
                        .token_length = fragment->token_length,
                        .sign_header = fragment->sign_header};
}

static void gss_protect(gss_ctx_id_t gss, Fragment *fragment)
{
    OM_uint32 minor;
    int sealed = 0;
    gss_iov_buffer_desc iov[4];

    if (fragment->level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY) {
        gss_iov(fragment, iov);
        assert_int_equal(gss_wrap_iov(&minor, gss, 1, 0, &sealed, iov, 4), GSS_S_COMPLETE);
        assert_true(sealed);
        return;
    }
    gss_buffer_desc data = gss_signed(fragment), token;
    assert_int_equal(gss_get_mic(&minor, gss, 0, &data, &token), GSS_S_COMPLETE);
    assert_int_equal(token.length, fragment->token_length);
    memcpy(fragment->token, token.value, token.length);
    (void)gss_release_buffer(&minor, &token);
}

static OM_uint32 gss_unprotect(gss_ctx_id_t gss, Fragment *fragment)
{
    OM_uint32 minor, major;
    int sealed = 0;
    gss_iov_buffer_desc iov[4];

    if (fragment->level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY) {
        gss_iov(fragment, iov);
        major = gss_unwrap_iov(&minor, gss, &sealed, NULL, iov, 4);
        assert_true(sealed || GSS_ERROR(major));
        return major;
    }
    gss_buffer_desc data = gss_signed(fragment), token = {fragment->token_length, fragment->token};
    return gss_verify_mic(&minor, gss, &data, &token, NULL);
}

/* The other library takes what one protected; where something was changed on the way, it does not. */
static void protected_by_gss(gss_ctx_id_t gss, SecContext *ours, uint8_t level, bool sign_header)
{
    Fragment fragment = fragment_of(level, sign_header, "from GSSAPI");

    fragment.token_length = sec_context_token_length(ours, level);
    gss_protect(gss, &fragment);
    SecMessage message = message_of(&fragment);
    assert_int_equal(sec_context_unprotect(ours, level, &message), 0);
    assert_string_equal((char *)fragment.stub, "from GSSAPI");
}

static void protected_by_us(SecContext *ours, gss_ctx_id_t gss, uint8_t level, bool sign_header)
{
    Fragment fragment = fragment_of(level, sign_header, "from us");

    fragment.token_length = sec_context_token_length(ours, level);
    SecMessage message = message_of(&fragment);
    assert_int_equal(sec_context_protect(ours, level, &message), 0);
    Fragment changed = fragment;
    changed.stub[0] ^= 1;
    assert_true(GSS_ERROR(gss_unprotect(gss, &changed)));
    changed = fragment;
    changed.header[3] ^= 1; /* between the two of them nobody notices, unless it is signed */
    Fragment *taken = sign_header ? &fragment : &changed;
    if (sign_header) assert_true(GSS_ERROR(gss_unprotect(gss, &changed)));
    assert_int_equal(gss_unprotect(gss, taken), GSS_S_COMPLETE);
    assert_string_equal((char *)taken->stub, "from us");
}

static void protected_with(SecContext *ours, gss_ctx_id_t gss)
{
    static const uint8_t levels[] = {RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY};

    for (int i = 0; i < 3; i++)
        for (size_t level = 0; level < ARRAY_SIZE(levels); level++)
            for (int sign_header = 0; sign_header < 2; sign_header++) {
                protected_by_gss(gss, ours, levels[level], sign_header);
                protected_by_us(ours, gss, levels[level], sign_header);
            }
}

/* 1.3.6.1.5.5.2 */
static gss_OID_desc spnego = {6, "\x2b\x06\x01\x05\x05\x02"};

static gss_OID mechanism_of(uint8_t service)
{
    return service == RPC_C_AUTHN_GSS_NEGOTIATE ? &spnego : (gss_OID)(uintptr_t)gss_mech_krb5;
}

static gss_cred_id_t gss_credential(uint8_t service, const char *key, const char *value,
                                    gss_cred_usage_t usage)
{
    OM_uint32 minor;
    gss_cred_id_t credential;
    gss_key_value_element_desc element = {key, value};
    gss_key_value_set_desc store = {1, &element};
    gss_OID_set_desc mechs = {1, mechanism_of(service)}, kerberos = {1, (gss_OID)(uintptr_t)gss_mech_krb5};
    assert_int_equal(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechs, usage, &store,
                                           &credential, NULL, NULL),
                     GSS_S_COMPLETE);
    if (service == RPC_C_AUTHN_GSS_NEGOTIATE)
        assert_int_equal(gss_set_neg_mechs(&minor, credential, &kerberos), GSS_S_COMPLETE);
    return credential;
}

/* Tokens that are not empty, both ways: MIT-7. */
static unsigned token_count(uint8_t service)
{
    return service == RPC_C_AUTHN_GSS_NEGOTIATE ? 4 : 3;
}

/* MIT calls us, asking for `flags` more: the whole handshake. */
static gss_ctx_id_t gss_handshake(uint8_t service, gss_cred_id_t credential, OM_uint32 flags,
                                  SecAcceptor *acceptor)
{
    OM_uint32 minor, major = GSS_S_CONTINUE_NEEDED;
    gss_ctx_id_t gss = GSS_C_NO_CONTEXT;
    gss_name_t name;
    gss_buffer_desc text = {sizeof(HOST_A) - 1, (char *)(uintptr_t)HOST_A};
    _cleanup_(freep) uint8_t *reply = NULL;
    size_t reply_length = 0;
    unsigned tokens = 0;

    assert_int_equal(gss_import_name(&minor, &text, (gss_OID)(uintptr_t)GSS_KRB5_NT_PRINCIPAL_NAME, &name),
                     GSS_S_COMPLETE);
    while (major == GSS_S_CONTINUE_NEEDED) {
        gss_buffer_desc in = {reply_length, reply}, out;
        major = gss_init_sec_context(&minor, credential, &gss, name, mechanism_of(service), FLAGS | flags, 0,
                                     NULL, &in, NULL, &out, NULL, NULL);
        assert_false(GSS_ERROR(major));
        if (out.length == 0) break;
        free(reply);
        reply = NULL;
        assert_int_equal(acceptor_feed(acceptor, out.value, out.length, &reply, &reply_length), 0);
        tokens += 1 + (reply_length > 0);
        (void)gss_release_buffer(&minor, &out);
    }
    assert_int_equal(major, GSS_S_COMPLETE);
    assert_true(sec_acceptor_is_done(acceptor));
    assert_int_equal(tokens, token_count(service));
    (void)gss_release_name(&minor, &name);
    return gss;
}

/* What arrives is the level. */
static TokenLevel called_by_gss(uint8_t service, OM_uint32 flags)
{
    OM_uint32 minor;
    _cleanup_(freep) char *cache = realm_path("users/alice.ccache");
    gss_cred_id_t credential = gss_credential(service, "ccache", cache, GSS_C_INITIATE);
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(sec_acceptor_new(realm.a, service, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &talk.acceptor), 0);
    gss_ctx_id_t gss = gss_handshake(service, credential, flags, talk.acceptor);
    talk.token = sec_acceptor_take_token(talk.acceptor);
    talk.server = sec_acceptor_take_context(talk.acceptor);
    assert_string_equal(token_principal(talk.token), "alice@LAB.TEST");
    assert_int_equal(sec_context_service(talk.server), RPC_C_AUTHN_GSS_KERBEROS);
    protected_with(talk.server, gss);
    TokenLevel level = token_level(talk.token);
    if (level == TOKEN_LEVEL_DELEGATION) {
        _cleanup_(conversation_deinitp) Conversation onward = {0};
        assert_int_equal(converse(&onward, talk.token, HOST_C, IMPERSONATE, realm.c), 0);
        assert_string_equal(token_principal(onward.token), "alice@LAB.TEST");
    }
    (void)gss_release_cred(&minor, &credential);
    (void)gss_delete_sec_context(&minor, &gss, GSS_C_NO_BUFFER);
    return level;
}

static const uint8_t services[] = {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_GSS_NEGOTIATE};

/* ERR-6: a context that says nothing is IMPERSONATE, whatever its client's package made of a lower level. */
static void LVL_7_LVL_9_GSS_1_the_level_that_others_ask_for(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        assert_int_equal(called_by_gss(services[i], 0), TOKEN_LEVEL_IMPERSONATION);
        assert_int_equal(called_by_gss(services[i], GSS_C_IDENTIFY_FLAG), TOKEN_LEVEL_IDENTIFICATION);
        assert_int_equal(called_by_gss(services[i], GSS_C_DELEG_POLICY_FLAG), TOKEN_LEVEL_DELEGATION);
    }
}

static OM_uint32 gss_is_called(uint8_t service, uint8_t impersonation)
{
    OM_uint32 minor, major = GSS_S_CONTINUE_NEEDED, flags = 0;
    gss_ctx_id_t gss = GSS_C_NO_CONTEXT;
    gss_name_t name = GSS_C_NO_NAME;
    gss_buffer_desc text;
    _cleanup_(freep) char *keytab = realm_path("hosts/a/keytab");
    gss_cred_id_t credential = gss_credential(service, "keytab", keytab, GSS_C_ACCEPT);
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse_leg1_by(&talk, realm.alice, HOST_A, service, impersonation), 0);
    unsigned tokens = 0;
    uint8_t *leg = TAKE_PTR(talk.leg1);
    size_t length = talk.leg1_length;
    while (length > 0) {
        gss_buffer_desc in = {length, leg}, out;
        (void)gss_release_name(&minor, &name);
        assert_int_equal(major, GSS_S_CONTINUE_NEEDED);
        major = gss_accept_sec_context(&minor, &gss, credential, &in, NULL, &name, NULL, &out, &flags, NULL,
                                       NULL);
        assert_false(GSS_ERROR(major));
        free(leg);
        leg = NULL;
        length = 0;
        tokens += 1 + (out.length > 0);
        if (out.length > 0)
            assert_int_equal(initiator_feed(talk.initiator, out.value, out.length, &leg, &length), 0);
        (void)gss_release_buffer(&minor, &out);
    }
    free(leg);
    assert_int_equal(major, GSS_S_COMPLETE);
    assert_true(sec_initiator_is_done(talk.initiator));
    assert_int_equal(tokens, token_count(service));
    assert_int_equal(gss_display_name(&minor, name, &text, NULL), GSS_S_COMPLETE);
    assert_int_equal(text.length, strlen("alice@LAB.TEST"));
    assert_memory_equal(text.value, "alice@LAB.TEST", text.length);
    talk.client = sec_initiator_take_context(talk.initiator);
    protected_with(talk.client, gss);
    (void)gss_release_buffer(&minor, &text);
    (void)gss_release_name(&minor, &name);
    (void)gss_release_cred(&minor, &credential);
    (void)gss_delete_sec_context(&minor, &gss, GSS_C_NO_BUFFER);
    return flags;
}

/* And we say IDENTIFY for both levels below IMPERSONATE. */
static void LVL_7_LVL_9_GSS_1_the_level_that_others_are_told(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        assert_int_equal(gss_is_called(services[i], IMPERSONATE) & GSS_C_IDENTIFY_FLAG, 0);
        assert_int_equal(gss_is_called(services[i], IDENTIFY) & GSS_C_IDENTIFY_FLAG, GSS_C_IDENTIFY_FLAG);
        assert_int_equal(gss_is_called(services[i], ANONYMOUS) & GSS_C_IDENTIFY_FLAG, GSS_C_IDENTIFY_FLAG);
        /* MIT's acceptor takes a delegated ticket in DCE style and says nothing about it: it must not fail.
         */
        (void)gss_is_called(services[i], DELEGATE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(LVL_7_LVL_9_GSS_1_the_level_that_others_ask_for),
        cmocka_unit_test(LVL_7_LVL_9_GSS_1_the_level_that_others_are_told),
    };
    return cmocka_run_group_tests_name("krb5-gss", tests, realm_setup, realm_teardown);
}
