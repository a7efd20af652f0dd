/* SPDX-License-Identifier: Apache-2.0 */
/* The PAC of a ticket: SIDs out of one that the KDC signed, nothing out of any other. This test has the
 * host's key, so it can make the tickets that a KDC with accounts in a directory would make, and those that
 * nobody should believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <krb5.h>
#include <winerror.h>
#include "base/writer.h"
#include "sec/krb5-session.h"
#include "tests/realm/krb5-fixture.h"
#include "sec/testing-krb5-der.h"

#define USAGE_TICKET 2
#define SESSION_KEY  "0123456789abcdef0123456789ABCDEF"

typedef struct Forger {
    krb5_context context;
    krb5_principal server;
    krb5_keyblock key, other;
    uint8_t logon[2048];
    size_t logon_length;
} Forger;
static Forger forger;

/* What a ticket carries; `right` is what a KDC would do. */
typedef struct Forgery {
    const char *client; /* whom the PAC is for; the ticket is alice's */
    bool wrong_key;     /* signed by somebody who does not know the host's key */
    bool changed;       /* changed after it was signed */
    bool no_logon;      /* a PAC without SIDs */
    unsigned pacs;
    bool in_authenticator; /* put by the client, not the KDC */
    bool logon_malformed;
    krb5_timestamp authtime_off;
} Forgery;
static const Forgery right = {.client = "alice@LAB.TEST", .pacs = 1};

static int setup(void **state)
{
    if (realm_setup(state) != 0) return -1;
    _cleanup_(freep) char *path = realm_path("hosts/a/keytab");
    krb5_keytab keytab;
    krb5_keytab_entry entry;
    FILE *file = fopen(CORPUS "/pac/usual", "rb");
    if (!file) return -1;
    forger.logon_length = fread(forger.logon, 1, sizeof(forger.logon), file);
    fclose(file);
    if (krb5_init_context(&forger.context) != 0 ||
        krb5_parse_name(forger.context, HOST_A, &forger.server) != 0 ||
        krb5_kt_resolve(forger.context, path, &keytab) != 0 ||
        krb5_kt_get_entry(forger.context, keytab, forger.server, 0, ENCTYPE_AES256_CTS_HMAC_SHA1_96,
                          &entry) != 0 ||
        krb5_copy_keyblock_contents(forger.context, &entry.key, &forger.key) != 0 ||
        krb5_c_make_random_key(forger.context, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &forger.other) != 0)
        return -1;
    (void)krb5_free_keytab_entry_contents(forger.context, &entry);
    (void)krb5_kt_close(forger.context, keytab);
    return 0;
}

static int teardown(void **state)
{
    krb5_free_keyblock_contents(forger.context, &forger.key);
    krb5_free_keyblock_contents(forger.context, &forger.other);
    krb5_free_principal(forger.context, forger.server);
    krb5_free_context(forger.context);
    return realm_teardown(state);
}

/* A signed PAC; freed by the caller with krb5_free_data_contents. */
static krb5_data make_pac(const Forgery *forgery, krb5_timestamp authtime)
{
    krb5_pac pac;
    krb5_principal client;
    krb5_data logon = {.data = (char *)forger.logon, .length = (unsigned)forger.logon_length}, signed_pac;
    if (forgery->logon_malformed) logon.length /= 2;
    const krb5_keyblock *key = forgery->wrong_key ? &forger.other : &forger.key;
    assert_int_equal(krb5_pac_init(forger.context, &pac), 0);
    if (!forgery->no_logon)
        assert_int_equal(krb5_pac_add_buffer(forger.context, pac, KRB5_PAC_LOGON_INFO, &logon), 0);
    assert_int_equal(krb5_parse_name(forger.context, forgery->client, &client), 0);
    assert_int_equal(krb5_pac_sign(forger.context, pac, authtime + forgery->authtime_off, client, key,
                                   &forger.other, &signed_pac),
                     0);
    krb5_free_principal(forger.context, client);
    krb5_pac_free(forger.context, pac);
    if (forgery->changed) signed_pac.data[signed_pac.length / 2] ^= 1;
    return signed_pac;
}

/* AuthorizationData with the PAC inside AD-IF-RELEVANT, as often as asked. */
static void put_authdata(Writer *writer, const Forgery *forgery, krb5_timestamp authtime)
{
    size_t outer = der_begin(writer, DER_SEQUENCE);
    for (unsigned i = 0; i < forgery->pacs; i++) {
        krb5_data pac = make_pac(forgery, authtime);
        size_t element = der_begin(writer, DER_SEQUENCE);
        der_put_integer(writer, 0, KRB5_AUTHDATA_IF_RELEVANT);
        size_t field = der_begin(writer, DER_CONTEXT(1)), octets = der_begin(writer, DER_OCTET_STRING);
        size_t inner = der_begin(writer, DER_SEQUENCE), one = der_begin(writer, DER_SEQUENCE);
        der_put_integer(writer, 0, KRB5_AUTHDATA_WIN2K_PAC);
        der_put(writer, 1, DER_OCTET_STRING, pac.data, pac.length);
        der_end(writer, one);
        der_end(writer, inner);
        der_end(writer, octets);
        der_end(writer, field);
        der_end(writer, element);
        krb5_free_data_contents(forger.context, &pac);
    }
    der_end(writer, outer);
}

/* EncTicketPart, RFC 4120 5.3 */
static void put_ticket_part(Writer *writer, const Forgery *forgery, krb5_timestamp now)
{
    size_t application = der_begin(writer, DER_APPLICATION(3)), sequence = der_begin(writer, DER_SEQUENCE);
    size_t mark = der_begin(writer, DER_CONTEXT(0));
    der_write_flags(writer, TKT_FLG_PRE_AUTH | TKT_FLG_TRANSIT_POLICY_CHECKED);
    der_end(writer, mark);
    mark = der_begin(writer, DER_CONTEXT(1));
    size_t key = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    der_put(writer, 1, DER_OCTET_STRING, SESSION_KEY, 32);
    der_end(writer, key);
    der_end(writer, mark);
    der_put(writer, 2, DER_GENERAL_STRING, "LAB.TEST", 8);
    der_put_name(writer, 3, KRB5_NT_PRINCIPAL, "alice", NULL);
    mark = der_begin(writer, DER_CONTEXT(4));
    size_t transited = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, 0);
    der_put(writer, 1, DER_OCTET_STRING, "", 0);
    der_end(writer, transited);
    der_end(writer, mark);
    der_put_time(writer, 5, now);
    der_put_time(writer, 7, now + 600);
    if (forgery->pacs > 0 && !forgery->in_authenticator) {
        mark = der_begin(writer, DER_CONTEXT(10));
        put_authdata(writer, forgery, now);
        der_end(writer, mark);
    }
    der_end(writer, sequence);
    der_end(writer, application);
}

/* A service ticket for host a under its key, as krb5_creds; freed by krb5_free_cred_contents. */
static void make_ticket(const Forgery *forgery, krb5_creds *ret_creds)
{
    krb5_timestamp now;
    size_t length;
    _cleanup_(writer_deinitp) Writer part, ticket;
    writer_init(&part, 0);
    writer_init(&ticket, 0);
    assert_int_equal(krb5_timeofday(forger.context, &now), 0);
    put_ticket_part(&part, forgery, now);
    assert_int_equal(writer_status(&part), 0);
    assert_int_equal(krb5_c_encrypt_length(forger.context, forger.key.enctype, part.length, &length), 0);
    _cleanup_(freep) char *cipher = malloc(length);
    krb5_data plain = {.data = (char *)part.data, .length = (unsigned)part.length};
    krb5_enc_data encrypted = {.ciphertext = {.data = cipher, .length = (unsigned)length}};
    assert_int_equal(krb5_c_encrypt(forger.context, &forger.key, USAGE_TICKET, NULL, &plain, &encrypted), 0);
    size_t application = der_begin(&ticket, DER_APPLICATION(1)), sequence = der_begin(&ticket, DER_SEQUENCE);
    der_put_integer(&ticket, 0, 5);
    der_put(&ticket, 1, DER_GENERAL_STRING, "LAB.TEST", 8);
    der_put_name(&ticket, 2, KRB5_NT_SRV_INST, "host", "a.lab.test");
    size_t outer = der_begin(&ticket, DER_CONTEXT(3)), data = der_begin(&ticket, DER_SEQUENCE);
    der_put_integer(&ticket, 0, forger.key.enctype);
    der_put(&ticket, 2, DER_OCTET_STRING, cipher, length);
    der_end(&ticket, data);
    der_end(&ticket, outer);
    der_end(&ticket, sequence);
    der_end(&ticket, application);
    krb5_creds creds = {.times = {.authtime = now, .endtime = now + 600}};
    krb5_keyblock session = {.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96,
                             .length = 32,
                             .contents = (krb5_octet *)(uintptr_t)SESSION_KEY};
    assert_int_equal(krb5_parse_name(forger.context, "alice@LAB.TEST", &creds.client), 0);
    assert_int_equal(krb5_copy_principal(forger.context, forger.server, &creds.server), 0);
    assert_int_equal(krb5_copy_keyblock_contents(forger.context, &session, &creds.keyblock), 0);
    uint8_t *bytes;
    assert_int_equal(writer_take(&ticket, &bytes, &length), 0);
    creds.ticket = (krb5_data){.data = (char *)bytes, .length = (unsigned)length};
    if (forgery->in_authenticator) {
        krb5_data pac = make_pac(forgery, now);
        krb5_authdata one = {
            .ad_type = KRB5_AUTHDATA_WIN2K_PAC, .length = pac.length, .contents = (krb5_octet *)pac.data};
        krb5_authdata *list[] = {&one, NULL};
        assert_int_equal(krb5_copy_authdata(forger.context, list, &creds.authdata), 0);
        krb5_free_data_contents(forger.context, &pac);
    }
    *ret_creds = creds;
}

/* All three legs with such a ticket. NULL: refused. */
static Token *present(const Forgery *forgery, SecFailure *ret_failure)
{
    static const uint8_t checksum[24] = {16, [20] = GSS_FLAG_MUTUAL | GSS_FLAG_INTEG | GSS_FLAG_CONF,
                                         GSS_FLAG_DCE_STYLE >> 8};
    krb5_data data = {.data = (char *)(uintptr_t)checksum, .length = sizeof(checksum)}, leg1, leg3;
    krb5_auth_context auth;
    krb5_ap_rep_enc_part *part;
    krb5_creds creds;
    make_ticket(forgery, &creds);
    assert_int_equal(krb5_auth_con_init(forger.context, &auth), 0);
    assert_int_equal(krb5_auth_con_setflags(forger.context, auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE), 0);
    assert_int_equal(krb5_auth_con_set_req_cksumtype(forger.context, auth, GSS_CHECKSUM_TYPE), 0);
    assert_int_equal(krb5_mk_req_extended(forger.context, &auth, AP_OPTS_USE_SUBKEY | AP_OPTS_MUTUAL_REQUIRED,
                                          &data, &creds, &leg1),
                     0);
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = NULL;
    _cleanup_(freep) uint8_t *leg2 = NULL, *rest = NULL;
    size_t length;
    assert_int_equal(
        sec_acceptor_new(realm.a, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &acceptor), 0);
    int result = acceptor_feed(acceptor, (uint8_t *)leg1.data, leg1.length, &leg2, &length);
    *ret_failure = *sec_acceptor_failure(acceptor);
    if (result == 0) {
        krb5_data reply = {.data = (char *)leg2, .length = (unsigned)length};
        assert_int_equal(krb5_rd_rep(forger.context, auth, &reply, &part), 0);
        krb5_free_ap_rep_enc_part(forger.context, part);
        assert_int_equal(krb5_mk_rep_dce(forger.context, auth, &leg3), 0);
        assert_int_equal(acceptor_feed(acceptor, (uint8_t *)leg3.data, leg3.length, &rest, &length), 0);
        krb5_free_data_contents(forger.context, &leg3);
    }
    krb5_free_data_contents(forger.context, &leg1);
    (void)krb5_auth_con_free(forger.context, auth);
    krb5_free_cred_contents(forger.context, &creds);
    return sec_acceptor_take_token(acceptor);
}

static void assert_user(const Token *token, const char *text)
{
    char formatted[SID_STRING_SIZE];
    sid_format(token_user(token), formatted);
    assert_string_equal(formatted, text);
}

static void test_sids(void **state)
{
    SecFailure failure;
    size_t count;
    char formatted[SID_STRING_SIZE];
    _cleanup_(token_unrefp) Token *token = present(&right, &failure);
    assert_non_null(token);
    assert_string_equal(token_principal(token), "alice@LAB.TEST");
    assert_user(token, "S-1-5-21-1-2-3-1103");
    const Sid *groups = token_groups(token, &count);
    assert_int_equal(count, 5);
    sid_format(&groups[4], formatted);
    assert_string_equal(formatted, "S-1-5-21-7-7-7-2001");
    assert_int_equal(token_account_flags(token), 0x4010);
}

/* Without SIDs in it, or without a PAC: derived from the principal. One of the client's own making counts as
 * none. */
static void test_no_sids(void **state)
{
    Forgery forgeries[] = {right, right, right};
    Sid derived;
    forgeries[0].no_logon = true;
    forgeries[1].pacs = 0;
    forgeries[2].in_authenticator = true;
    assert_int_equal(sid_from_principal("alice@LAB.TEST", &derived), 0);
    for (size_t i = 0; i < ARRAY_SIZE(forgeries); i++) {
        SecFailure failure;
        size_t count;
        _cleanup_(token_unrefp) Token *token = present(&forgeries[i], &failure);
        assert_non_null(token);
        assert_true(sid_equal(token_user(token), &derived));
        (void)token_groups(token, &count);
        assert_int_equal(count, 0);
    }
}

static void test_forged(void **state)
{
    Forgery forgeries[] = {right, right, right, right, right, right};
    forgeries[0].wrong_key = true;
    forgeries[1].changed = true;
    forgeries[2].client = "bob@LAB.TEST";
    forgeries[3].authtime_off = 1;
    forgeries[4].pacs = 2;
    forgeries[5].logon_malformed = true;
    for (size_t i = 0; i < ARRAY_SIZE(forgeries); i++) {
        SecFailure failure;
        assert_null(present(&forgeries[i], &failure));
        assert_int_not_equal(failure.code, 0);
        assert_null(strstr(failure.sentence, "alice"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sids),
        cmocka_unit_test(test_no_sids),
        cmocka_unit_test(test_forged),
    };
    return cmocka_run_group_tests_name("krb5-pac", tests, setup, teardown);
}
