/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as legs of a Kerberos conversation, and inside them where a peer that has keys could put what it
 * likes. The first byte chooses, see `kinds`. Whatever is accepted names the ticket's client.
 * Decoder: src/sec/krb5-acceptor.c read_.*|verify_pac|granted_level|caller_fill|kerberos_acceptor_(new|finish)
 * Decoder: src/sec/krb5-cred.c
 * Decoder: src/sec/krb5-initiator.c initiator_(answer|refused|restart)|kerberos_initiator_finish
 * Decoder: src/sec/krb5-level.c kerberos_level_read
 * Decoder: src/sec/krb5-session.c kerberos_unframe|gss_checksum_read
 */
#include <assert.h>
#include <string.h>
#include "base/reader.h"
#include "base/time.h"
#include "sec/krb5-acceptor.h"
#include "sec/krb5-der.h"
#include "sec/krb5-initiator.h"
#include "sec/krb5-keytab-private.h"
#include "sec/krb5-level.h"
#include "sec/test-krb5-forge.h"

#define PRIVATE        (GSS_FLAG_INTEG | GSS_FLAG_CONF) /* what the level needs: GSS-4 */
#define FLAGS          (GSS_FLAG_DCE_STYLE | GSS_FLAG_MUTUAL | PRIVATE)
#define OPTIONS        (AP_OPTS_USE_SUBKEY | AP_OPTS_MUTUAL_REQUIRED)
#define USE_AP_REP     12 /* key usage of RFC 4120 7.5.1 */
#define LEVEL_PRIVACY  6
#define LEVEL_DELEGATE 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Forge forge;

static const uint8_t plain_checksum[24] = {16, [20] = FLAGS & 0xff, FLAGS >> 8};

/* Offsets, and what is put there by exclusive or. */
static void patch(uint8_t *bytes, size_t length, Reader *reader)
{
    while (reader_left(reader) >= 3) {
        uint16_t at = reader_u16(reader);
        bytes[at % length] ^= reader_u8(reader);
    }
}

/* Acceptor */

static KerberosAcceptor *accept_leg(const uint8_t *leg1, size_t length)
{
    KerberosAcceptor *acceptor = NULL;
    SecFailure failure = {0};
    _cleanup_(writer_deinitp) Writer error_token;
    writer_init(&error_token, 0);
    int r =
        kerberos_acceptor_new(forge.keytab, LEVEL_PRIVACY, leg1, length, &acceptor, &error_token, &failure);
    assert(r == 0 || r == SEC_FAILED);
    assert((r == 0) == (acceptor != NULL));
    if (r == SEC_FAILED) assert(failure.code && *failure.sentence && error_token.length > 0);
    return acceptor;
}

static void finish_leg(KerberosAcceptor *acceptor, const uint8_t *leg3, size_t length, bool honest)
{
    KerberosCaller caller;
    SecFailure failure = {0};
    int r = kerberos_acceptor_finish(acceptor, leg3, length, &caller, &failure);
    assert(r == 0 || r == SEC_FAILED);
    assert((r == 0) == honest);
    if (r != 0) return;
    assert(strcmp(caller.principal, FORGE_CLIENT) == 0);
    assert(!caller.credential || strcmp(kerberos_credential_principal(caller.credential), FORGE_CLIENT) == 0);
    assert((caller.credential != NULL) == (caller.level >= TOKEN_LEVEL_IMPERSONATION));
    kerberos_credential_unref(caller.credential);
}

/* Leg 1 of a client that keeps the protocol, and what comes of it. */
static void accept_client(krb5_creds *creds, krb5_flags options, const uint8_t *checksum, size_t length)
{
    ForgeClient client;
    forge_client_init(&client, &forge, creds, options, checksum, length);
    KerberosAcceptor *acceptor = accept_leg((uint8_t *)client.leg1.data, client.leg1.length);
    if (acceptor) {
        size_t size;
        const uint8_t *leg2 = kerberos_acceptor_output(acceptor, &size);
        krb5_data leg3 = forge_client_answer(&client, leg2, size);
        /* There are flags, or leg 1 would not have been taken. */
        finish_leg(acceptor, (uint8_t *)leg3.data, leg3.length, (checksum[20] & PRIVATE) == PRIVATE);
        krb5_free_data_contents(forge.context, &leg3);
    }
    kerberos_acceptor_free(acceptor);
    forge_client_deinit(&client);
}

static void leg1_any(Reader *reader)
{
    size_t length = reader_left(reader);
    KerberosAcceptor *acceptor = accept_leg(reader_bytes(reader, length), length);
    kerberos_acceptor_free(acceptor);
}

static void leg1_patched(Reader *reader)
{
    ForgeClient client;
    _cleanup_(writer_deinitp) Writer leg1;
    bool framed = reader_u8(reader) & 1;
    writer_init(&leg1, 0);
    forge_client_init(&client, &forge, forge_ticket(&forge, FORGE_SERVICE, NULL, 0), OPTIONS, plain_checksum,
                      sizeof(plain_checksum));
    if (framed)
        kerberos_frame(FRAME_AP_REQ, client.leg1.data, client.leg1.length, &leg1);
    else
        writer_bytes(&leg1, client.leg1.data, client.leg1.length);
    patch(leg1.data, leg1.length, reader);
    kerberos_acceptor_free(accept_leg(leg1.data, leg1.length));
    forge_client_deinit(&client);
}

/* The first byte: 1 without MUTUAL_REQUIRED, 2 with a session key. */
static void checksum_any(Reader *reader)
{
    uint8_t how = reader_u8(reader);
    krb5_flags options = OPTIONS;
    if (how & 1) options = AP_OPTS_USE_SUBKEY;
    if (how & 2) options |= AP_OPTS_USE_SESSION_KEY;
    size_t length = reader_left(reader);
    accept_client(forge_ticket(&forge, FORGE_SERVICE, NULL, 0), options, reader_bytes(reader, length),
                  length);
}

static void pac_any(Reader *reader)
{
    size_t length = reader_left(reader);
    const uint8_t *pac = reader_bytes(reader, length);
    accept_client(forge_ticket(&forge, FORGE_SERVICE, pac, length), OPTIONS, plain_checksum,
                  sizeof(plain_checksum));
}

static void logon_any(Reader *reader)
{
    size_t length = reader_left(reader), pac_length;
    const uint8_t *logon = reader_bytes(reader, length);
    _cleanup_(freep) uint8_t *pac = forge_pac(&forge, logon, length, &pac_length);
    accept_client(forge_ticket(&forge, FORGE_SERVICE, pac, pac_length), OPTIONS, plain_checksum,
                  sizeof(plain_checksum));
}

/* Authorization data of the authenticator, which the client writes: the first byte says as what. What it
 * says of the level must be the bind's. */
static void authdata_any(Reader *reader)
{
    static const krb5_authdatatype types[] = {KERBEROS_AUTHDATA_LEVEL, KRB5_AUTHDATA_IF_RELEVANT,
                                              KRB5_AUTHDATA_WIN2K_PAC, KRB5_AUTHDATA_AND_OR};
    uint8_t how = reader_u8(reader);
    size_t length = reader_left(reader);
    const uint8_t *bytes = reader_bytes(reader, length);
    if (!bytes) return;
    bool level = types[how & 3] == KERBEROS_AUTHDATA_LEVEL;
    krb5_authdata item = {KV5M_AUTHDATA, types[how & 3], (unsigned)length, (krb5_octet *)(uintptr_t)bytes};
    krb5_authdata *list[] = {&item, how & 4 ? &item : NULL, NULL};
    krb5_creds *creds = forge_ticket(&forge, FORGE_SERVICE, NULL, 0);
    krb5_error_code error = krb5_copy_authdata(forge.context, list, &creds->authdata);
    assert(!error);
    ForgeClient client;
    forge_client_init(&client, &forge, creds, OPTIONS, plain_checksum, sizeof(plain_checksum));
    KerberosAcceptor *acceptor = accept_leg((uint8_t *)client.leg1.data, client.leg1.length);
    if (acceptor) {
        size_t size;
        const uint8_t *leg2 = kerberos_acceptor_output(acceptor, &size);
        krb5_data leg3 = forge_client_answer(&client, leg2, size);
        KerberosCaller caller;
        SecFailure failure = {0};
        int r = kerberos_acceptor_finish(acceptor, (uint8_t *)leg3.data, leg3.length, &caller, &failure);
        if (level) assert((r == 0) == (length == 1 && *bytes == LEVEL_PRIVACY && !(how & 4)));
        assert(r != 0 || strcmp(caller.principal, FORGE_CLIENT) == 0);
        if (r == 0) kerberos_credential_unref(caller.credential);
        krb5_free_data_contents(forge.context, &leg3);
    }
    kerberos_acceptor_free(acceptor);
    forge_client_deinit(&client);
}

static void leg3_any(Reader *reader)
{
    ForgeClient client;
    size_t length = reader_left(reader);
    forge_client_init(&client, &forge, forge_ticket(&forge, FORGE_SERVICE, NULL, 0), OPTIONS, plain_checksum,
                      sizeof(plain_checksum));
    KerberosAcceptor *acceptor = accept_leg((uint8_t *)client.leg1.data, client.leg1.length);
    assert(acceptor);
    finish_leg(acceptor, reader_bytes(reader, length), length, false);
    kerberos_acceptor_free(acceptor);
    forge_client_deinit(&client);
}

/* Initiator */

static KerberosInitiator *initiate(void)
{
    _cleanup_(kerberos_credential_unrefp) KerberosCredential *credential = forge_credential(&forge);
    _cleanup_(kerberos_acquire_freep) KerberosAcquire *acquire = forge_acquire(credential);
    KerberosInitiator *initiator = NULL;
    SecFailure failure = {0};
    int r = kerberos_initiator_new(credential, acquire, FORGE_SERVICE, LEVEL_PRIVACY, LEVEL_DELEGATE,
                                   &initiator, &failure);
    assert(r == 0);
    return initiator;
}

/* Only who knows the session key can end it; `keyed`: this peer does. */
static int take_leg2(KerberosInitiator *initiator, const uint8_t *leg2, size_t length, bool keyed)
{
    SecFailure failure = {0};
    int r = kerberos_initiator_finish(initiator, leg2, length, &failure);
    assert(r == 0 || r == SEC_RESTART || r == SEC_FAILED);
    assert(r != 0 || keyed);
    if (r == SEC_FAILED) {
        assert(failure.code && *failure.sentence);
        return r;
    }
    size_t size;
    assert(kerberos_initiator_output(initiator, &size) && size > 0);
    const KerberosSession *session = kerberos_initiator_session(initiator);
    assert((r == 0) == (session->key != NULL));
    return r;
}

static void leg2_any(Reader *reader)
{
    size_t length = reader_left(reader);
    KerberosInitiator *initiator = initiate();
    (void)take_leg2(initiator, reader_bytes(reader, length), length, false);
    kerberos_initiator_free(initiator);
}

static void leg2_patched(Reader *reader)
{
    size_t length;
    KerberosInitiator *initiator = initiate();
    const uint8_t *leg1 = kerberos_initiator_output(initiator, &length);
    KerberosAcceptor *acceptor = accept_leg(leg1, length);
    assert(acceptor);
    const uint8_t *leg2 = kerberos_acceptor_output(acceptor, &length);
    _cleanup_(freep) uint8_t *copy = malloc(length);
    memcpy(copy, leg2, length);
    patch(copy, length, reader);
    int r = take_leg2(initiator, copy, length, true);
    if (memcmp(copy, leg2, length) == 0) {
        assert(r == 0);
        const uint8_t *leg3 = kerberos_initiator_output(initiator, &length);
        finish_leg(acceptor, leg3, length, true);
    }
    kerberos_acceptor_free(acceptor);
    kerberos_initiator_free(initiator);
}

/* ctime[0] and cusec[1] of leg 1's authenticator, as the server sees them. */
static void put_stamp(const uint8_t *leg1, size_t length, Writer *writer)
{
    krb5_auth_context auth;
    krb5_authenticator *authenticator;
    krb5_data data = {.data = (char *)(uintptr_t)leg1, .length = (unsigned)length};
    krb5_keytab keytab;
    krb5_error_code error = krb5_auth_con_init(forge.context, &auth);
    if (!error) error = krb5_auth_con_setflags(forge.context, auth, 0);
    if (!error) error = kerberos_keytab_open(forge.keytab, forge.context, &keytab);
    if (!error) error = krb5_rd_req(forge.context, &auth, &data, NULL, keytab, NULL, NULL);
    if (!error) error = krb5_kt_close(forge.context, keytab);
    if (!error) error = krb5_auth_con_getauthenticator(forge.context, auth, &authenticator);
    assert(!error);
    size_t field = der_begin(writer, DER_CONTEXT(0));
    der_write_time(writer, kerberos_time(authenticator->ctime));
    der_end(writer, field);
    field = der_begin(writer, DER_CONTEXT(1));
    der_write_integer(writer, authenticator->cusec);
    der_end(writer, field);
    krb5_free_authenticator(forge.context, authenticator);
    (void)krb5_auth_con_free(forge.context, auth);
}

/* The rest of EncAPRepPart (RFC 4120 5.5.2): subkey[2], seq-number[3]. */
static void leg2_part(Reader *reader)
{
    size_t length, left = reader_left(reader);
    _cleanup_(writer_deinitp) Writer part, leg2;
    writer_init(&part, 0);
    writer_init(&leg2, 0);
    KerberosInitiator *initiator = initiate();
    const uint8_t *leg1 = kerberos_initiator_output(initiator, &length);
    size_t application = der_begin(&part, DER_APPLICATION(27)), sequence = der_begin(&part, DER_SEQUENCE);
    put_stamp(leg1, length, &part);
    writer_bytes(&part, reader_bytes(reader, left), left);
    der_end(&part, sequence);
    der_end(&part, application);
    application = der_begin(&leg2, DER_APPLICATION(15));
    sequence = der_begin(&leg2, DER_SEQUENCE);
    const int32_t numbers[] = {5, 15}; /* pvno, msg-type */
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        size_t field = der_begin(&leg2, (uint8_t)DER_CONTEXT(i));
        der_write_integer(&leg2, numbers[i]);
        der_end(&leg2, field);
    }
    size_t field = der_begin(&leg2, DER_CONTEXT(2));
    forge_encrypt(&forge, &forge.session_key, USE_AP_REP, part.data, part.length, &leg2);
    der_end(&leg2, field);
    der_end(&leg2, sequence);
    der_end(&leg2, application);
    (void)take_leg2(initiator, leg2.data, leg2.length, true);
    kerberos_initiator_free(initiator);
}

/* KRB-ERROR: its number, whether it is framed, by how many seconds the server's clock differs; twice, for a
 * correction is believed once. */
static void leg2_error(Reader *reader)
{
    uint8_t number = reader_u8(reader), how = reader_u8(reader);
    int16_t skew = (int16_t)reader_u16(reader);
    krb5_error message = {.error = number,
                          .stime = (krb5_timestamp)(uint32_t)(time_wall() + skew),
                          .susec = (krb5_int32)reader_u32(reader)};
    krb5_data data;
    krb5_error_code error = krb5_parse_name(forge.context, FORGE_SERVICE, &message.server);
    if (!error) error = krb5_mk_error(forge.context, &message, &data);
    krb5_free_principal(forge.context, message.server);
    if (error) return; /* microseconds that have no encoding */
    _cleanup_(writer_deinitp) Writer leg2;
    writer_init(&leg2, 0);
    if (how & 1)
        kerberos_frame(FRAME_ERROR, data.data, data.length, &leg2);
    else
        writer_bytes(&leg2, data.data, data.length);
    krb5_free_data_contents(forge.context, &data);
    KerberosInitiator *initiator = initiate();
    int r = take_leg2(initiator, leg2.data, leg2.length, false);
    assert(r == SEC_FAILED || number == KRB5KRB_AP_ERR_SKEW - ERROR_TABLE_BASE_krb5);
    if (r == SEC_RESTART && take_leg2(initiator, leg2.data, leg2.length, false) != SEC_FAILED) abort();
    kerberos_initiator_free(initiator);
}

static void (*const kinds[])(Reader *) = {leg1_any,  leg1_patched, checksum_any, pac_any,
                                          logon_any, leg3_any,     leg2_any,     leg2_patched,
                                          leg2_part, leg2_error,   authdata_any};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Reader reader;
    if (!forge.config) forge_init(&forge);
    reader_init(&reader, data, size);
    uint8_t kind = reader_u8(&reader);
    if (kind < ARRAY_SIZE(kinds) && size <= KERBEROS_TOKEN_MAX) kinds[kind](&reader);
    return 0;
}
