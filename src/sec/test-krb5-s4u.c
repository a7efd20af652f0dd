/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets in others' names, with this test as the KDC: what is asked, and KDCs that answer what none should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <winerror.h>
#include "base/time.h"
#include "io/address.h"
#include "io/socket.h"
#include "sec/krb5-credential-private.h"
#include "sec/krb5-keytab-private.h"
#include "sec/krb5-s4u.h"
#include "sec/krb5-session.h"
#include "sec/testing-krb5-der.h"

#define REALM   "LAB.TEST"
#define SERVICE "host/b.lab.test@" REALM
#define TARGET  "host/c.lab.test@" REALM
#define USER    "alice@" REALM
#define SESSION "0123456789abcdef0123456789ABCDEF"
#define EVIDENCE                                                                                             \
    "\x61\x0a\x30\x08"                                                                                       \
    "evidence"
#define PATIENCE    (30 * NS_PER_SECOND)
#define NONCE       77
#define REQUEST_MAX 65536u

typedef struct Scene {
    int profile, keytab_file;
    KerberosConfig *config;
    KerberosKeytab *keytab;
    krb5_context context;
    krb5_principal user, service, target, tgs;
    uint8_t key[32];
    krb5_creds tgt, evidence;
    /* The KDC */
    int listener, end[2];
    pthread_t thread;
    unsigned asked;
} Scene;
static Scene scene;
/* Each thread's own for making replies. */
static _Thread_local krb5_context replying;

/* What the KDC says; one thing is made wrong at a time. */
typedef struct Reply {
    const char *client, *client_realm; /* in the open, [3] and [4] */
    const char *service[2], *service_realm;
    int32_t nonce_off;
    const char *key; /* that the encrypted part is under */
    krb5_error_code error;
    const char *e_data;
    size_t e_length;
} Reply;
static const Reply honest = {.client = "alice",
                             .client_realm = REALM,
                             .service = {"host", "c.lab.test"},
                             .service_realm = REALM,
                             .key = SESSION};
static Reply says;

/* Writing replies */

static void put_part(Writer *writer, const Reply *reply, int32_t nonce)
{
    size_t application = der_begin(writer, DER_APPLICATION(26)), sequence = der_begin(writer, DER_SEQUENCE);
    size_t outer = der_begin(writer, DER_CONTEXT(0)), key = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    der_put(writer, 1, DER_OCTET_STRING, "the session key of the new one!!", 32);
    der_end(writer, key);
    der_end(writer, outer);
    der_put(writer, 1, DER_SEQUENCE, "", 0);
    der_put_integer(writer, 2, nonce + reply->nonce_off);
    outer = der_begin(writer, DER_CONTEXT(4));
    der_write_flags(writer, TKT_FLG_FORWARDABLE);
    der_end(writer, outer);
    for (unsigned n = 5; n <= 7; n += 2) {
        outer = der_begin(writer, (uint8_t)DER_CONTEXT(n));
        der_write_time(writer, time_wall() + (n == 7 ? 3600 : -60));
        der_end(writer, outer);
    }
    der_put(writer, 9, DER_GENERAL_STRING, reply->service_realm, strlen(reply->service_realm));
    der_put_name(writer, 10, 1, reply->service[0], reply->service[1]);
    der_end(writer, sequence);
    der_end(writer, application);
}

static void put_error(Writer *writer, const Reply *reply)
{
    krb5_data data;
    krb5_error message = {
        .error = (krb5_ui_4)(reply->error - ERROR_TABLE_BASE_krb5),
        .server = scene.service,
        .e_data = {.data = (char *)(uintptr_t)reply->e_data, .length = (unsigned)reply->e_length}};
    if (krb5_mk_error(replying, &message, &data) != 0) abort();
    writer_bytes(writer, data.data, data.length);
    krb5_free_data_contents(replying, &data);
}

static void put_reply(Writer *writer, const Reply *reply, int32_t nonce)
{
    if (reply->error) {
        put_error(writer, reply);
        return;
    }
    _cleanup_(writer_deinitp) Writer part;
    char cipher[1024];
    size_t length;
    krb5_keyblock key = {.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96,
                         .length = 32,
                         .contents = (krb5_octet *)(uintptr_t)reply->key};
    writer_init(&part, 0);
    put_part(&part, reply, nonce);
    krb5_data plain = {.data = (char *)part.data, .length = (unsigned)part.length};
    krb5_enc_data encrypted = {.ciphertext = {.data = cipher, .length = sizeof(cipher)}};
    if (krb5_c_encrypt_length(replying, key.enctype, part.length, &length) != 0 || length > sizeof(cipher) ||
        krb5_c_encrypt(replying, &key, KRB5_KEYUSAGE_TGS_REP_ENCPART_SESSKEY, NULL, &plain, &encrypted) != 0)
        abort();
    size_t application = der_begin(writer, DER_APPLICATION(13)), sequence = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, 5);
    der_put_integer(writer, 1, 13);
    der_put(writer, 3, DER_GENERAL_STRING, reply->client_realm, strlen(reply->client_realm));
    der_put_name(writer, 4, 1, reply->client, NULL);
    der_put(writer, 5, DER_APPLICATION(1), "ticket", 6);
    size_t outer = der_begin(writer, DER_CONTEXT(6)), data = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, key.enctype);
    der_put(writer, 2, DER_OCTET_STRING, cipher, length);
    der_end(writer, data);
    der_end(writer, outer);
    der_end(writer, sequence);
    der_end(writer, application);
}

/* Reading requests */

typedef struct Request {
    Reader padata, body; /* sequences */
    uint32_t options;
    int32_t nonce;
    Reader realm, name, additional;
} Request;

static void read_request(const uint8_t *bytes, size_t length, Request *ret_request)
{
    Reader reader, field, ignored;
    Request request = {0};
    reader_init(&reader, bytes, length);
    Reader application = der_read(&reader, DER_APPLICATION(12)), outer = der_read(&application, DER_SEQUENCE);
    (void)der_read(&outer, DER_CONTEXT(1));
    (void)der_read(&outer, DER_CONTEXT(2));
    field = der_read(&outer, DER_CONTEXT(3));
    request.padata = der_read(&field, DER_SEQUENCE);
    field = der_read(&outer, DER_CONTEXT(4));
    request.body = der_read(&field, DER_SEQUENCE);
    Reader body = request.body;
    field = der_read(&body, DER_CONTEXT(0));
    request.options = der_read_flags(&field);
    if (der_read_optional(&body, DER_CONTEXT(1), &ignored)) abort(); /* cname: not in a TGS-REQ */
    request.realm = der_read(&body, DER_CONTEXT(2));
    request.name = der_read(&body, DER_CONTEXT(3));
    (void)der_read(&body, DER_CONTEXT(5));
    field = der_read(&body, DER_CONTEXT(7));
    request.nonce = der_read_integer(&field);
    (void)der_read(&body, DER_CONTEXT(8));
    if (der_read_optional(&body, DER_CONTEXT(11), &field))
        request.additional = der_read(&field, DER_SEQUENCE);
    if (reader_end(&reader) != 0 || reader_end(&outer) != 0 || reader_end(&body) != 0) abort();
    *ret_request = request;
}

static Reader padata_of(const Request *request, int32_t type)
{
    Reader list = request->padata, value = {.failed = true};
    while (reader_left(&list) > 0) {
        Reader entry = der_read(&list, DER_SEQUENCE), field = der_read(&entry, DER_CONTEXT(1));
        int32_t found = der_read_integer(&field);
        field = der_read(&entry, DER_CONTEXT(2));
        if (found == type) value = der_read(&field, DER_OCTET_STRING);
    }
    return value;
}

/* The KDC over TCP */

static void serve_one(int fd)
{
    static uint8_t request_bytes[REQUEST_MAX];
    uint8_t prefix[4];
    Request request;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    if (io_read_all(fd, prefix, 4, time_after(PATIENCE)) != 0) abort();
    size_t length = (size_t)prefix[0] << 24 | (size_t)prefix[1] << 16 | (size_t)prefix[2] << 8 | prefix[3];
    if (length > REQUEST_MAX || io_read_all(fd, request_bytes, length, time_after(PATIENCE)) != 0) abort();
    read_request(request_bytes, length, &request);
    size_t mark = writer.length;
    writer_u32be(&writer, 0);
    put_reply(&writer, &says, request.nonce);
    writer_patch_u32(&writer, mark, htobe32((uint32_t)(writer.length - 4)));
    if (writer_status(&writer) != 0) abort();
    scene.asked++;
    if (io_write_all(fd, writer.data, writer.length, time_after(PATIENCE)) != 0) abort();
    close(fd);
}

static void *serve(void *data)
{
    IoAddress peer;
    SecFailure failure;
    if (kerberos_context_new(scene.config, &replying, &failure) != 0) abort();
    struct pollfd wait[2] = {{scene.listener, POLLIN, 0}, {scene.end[0], POLLIN, 0}};
    while (!wait[1].revents) {
        int fd;
        if (io_accept(scene.listener, &fd, &peer) == 0)
            serve_one(fd);
        else
            (void)poll(wait, 2, -1);
    }
    krb5_free_context(replying);
    return NULL;
}

/* Scene */

static int memory_file(const void *data, size_t length, char path[64])
{
    int fd = memfd_create("s4u", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, length) != (ssize_t)length) abort();
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void put_counted(Writer *writer, const char *text)
{
    writer_u16be(writer, (uint16_t)strlen(text));
    writer_bytes(writer, text, strlen(text));
}

/* An entry in MIT's format 5.2. */
static void put_entry(Writer *writer, const char *first, const char *second, uint8_t key)
{
    size_t size = writer->length;
    writer_u32be(writer, 0);
    writer_u16be(writer, second ? 2 : 1);
    put_counted(writer, REALM);
    put_counted(writer, first);
    if (second) put_counted(writer, second);
    writer_u32be(writer, KRB5_NT_PRINCIPAL);
    writer_u32be(writer, 0);
    writer_u8(writer, 1);
    writer_u16be(writer, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    writer_u16be(writer, 32);
    writer_fill(writer, key, 32);
    writer_patch_u32(writer, size, htobe32((uint32_t)(writer->length - size - 4)));
}

static KerberosKeytab *make_keytab(int *ret_file)
{
    _cleanup_(writer_deinitp) Writer writer;
    char path[64];
    SecFailure failure;
    KerberosKeytab *keytab;
    writer_init(&writer, 0);
    writer_u16be(&writer, 0x0502);
    put_entry(&writer, "OTHER$", NULL, 1);
    put_entry(&writer, "host", "b.lab.test", 2);
    put_entry(&writer, "RPCSS", "m.lab.test", 3);
    put_entry(&writer, "M$", NULL, 3);
    put_entry(&writer, "m", NULL, 3);
    *ret_file = memory_file(writer.data, writer.length, path);
    if (kerberos_keytab_new(scene.config, path, &keytab, &failure) != 0) abort();
    return keytab;
}

static void listen_here(char profile[256])
{
    IoAddress address;
    if (io_address_parse("127.0.0.1", 0, &address) != 0 || io_listen(&address, 0, &scene.listener) != 0)
        abort();
    socklen_t length = sizeof(address.any);
    if (getsockname(scene.listener, (struct sockaddr *)&address.any, &length) != 0) abort();
    (void)snprintf(
        profile, 256,
        "[libdefaults]\n default_realm = LAB.TEST\n[realms]\n LAB.TEST = {\n  kdc = 127.0.0.1:%u\n }\n",
        io_address_port(&address));
}

static int setup(void **state)
{
    char profile[256], path[64];
    SecFailure failure;
    listen_here(profile);
    scene.profile = memory_file(profile, strlen(profile), path);
    if (kerberos_config_new(path, false, &scene.config, &failure) != 0 ||
        kerberos_context_new(scene.config, &scene.context, &failure) != 0 ||
        krb5_parse_name(scene.context, USER, &scene.user) != 0 ||
        krb5_parse_name(scene.context, SERVICE, &scene.service) != 0 ||
        krb5_parse_name(scene.context, TARGET, &scene.target) != 0 ||
        krb5_parse_name(scene.context, "krbtgt/" REALM "@" REALM, &scene.tgs) != 0)
        return -1;
    replying = scene.context;
    scene.keytab = make_keytab(&scene.keytab_file);
    memcpy(scene.key, SESSION, sizeof(scene.key));
    int32_t now = (int32_t)(uint32_t)time_wall();
    scene.tgt = (krb5_creds){
        .client = scene.service,
        .server = scene.tgs,
        .keyblock = {.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32, .contents = scene.key},
        .ticket_flags = TKT_FLG_FORWARDABLE,
        .times = {.authtime = now, .starttime = now, .endtime = now + 36000},
        .ticket = {.data = (char *)(uintptr_t) "\x61\x02\x30\x00", .length = 4}};
    scene.evidence = (krb5_creds){.client = scene.user,
                                  .server = scene.service,
                                  .ticket_flags = TKT_FLG_FORWARDABLE,
                                  .times = scene.tgt.times,
                                  .ticket = {.data = (char *)(uintptr_t)EVIDENCE, .length = 12}};
    return pipe(scene.end) == 0 ? pthread_create(&scene.thread, NULL, serve, NULL) : -1;
}

static int teardown(void **state)
{
    close(scene.end[1]);
    if (pthread_join(scene.thread, NULL) != 0) return -1;
    close(scene.end[0]);
    close(scene.listener);
    kerberos_keytab_unref(scene.keytab);
    krb5_free_principal(scene.context, scene.user);
    krb5_free_principal(scene.context, scene.service);
    krb5_free_principal(scene.context, scene.target);
    krb5_free_principal(scene.context, scene.tgs);
    krb5_free_context(scene.context);
    kerberos_config_unref(scene.config);
    close(scene.keytab_file);
    close(scene.profile);
    return 0;
}

static void assert_text(Reader field, uint8_t tag, const char *text)
{
    Reader value = der_read(&field, tag);
    assert_false(value.failed);
    assert_int_equal(reader_left(&value), strlen(text));
    assert_memory_equal(value.data + value.offset, text, strlen(text));
}

/* Requests */

static void DEL_10_MS_SFU_what_is_asked_with_evidence(void **state)
{
    _cleanup_(writer_deinitp) Writer writer;
    Request request;
    int32_t nonce;
    writer_init(&writer, 0);
    assert_int_equal(kerberos_proxy_request(scene.context, scene.config, &scene.tgt, &scene.evidence,
                                            scene.target, &writer, &nonce),
                     0);
    read_request(writer.data, writer.length, &request);
    assert_int_equal(request.nonce, nonce);
    assert_int_equal(request.options, 0x40020000); /* forwardable, cname-in-addl-tkt */
    assert_text(request.realm, DER_GENERAL_STRING, REALM);
    assert_int_equal(reader_left(&request.additional), 12);
    assert_memory_equal(request.additional.data + request.additional.offset, EVIDENCE, 12);
    Reader options = padata_of(&request, 167), sequence = der_read(&options, DER_SEQUENCE);
    Reader flags = der_read(&sequence, DER_CONTEXT(0));
    assert_int_equal(der_read_flags(&flags), 0x10000000);
    assert_int_equal(reader_end(&options), 0);
    assert_false(padata_of(&request, 1).failed);
    assert_true(padata_of(&request, 129).failed);
}

static void MS_SFU_what_is_asked_for_a_user(void **state)
{
    static uint8_t signed_bytes[] = "\1\0\0\0alice" REALM "Kerberos";
    _cleanup_(writer_deinitp) Writer writer;
    Request request;
    int32_t nonce;
    writer_init(&writer, 0);
    assert_int_equal(kerberos_self_request(scene.context, scene.config, &scene.tgt, scene.user, scene.service,
                                           &writer, &nonce),
                     0);
    read_request(writer.data, writer.length, &request);
    assert_int_equal(request.options, 0x40000000);
    assert_int_equal(request.additional.length, 0);
    Reader user = padata_of(&request, 129), sequence = der_read(&user, DER_SEQUENCE);
    (void)der_read(&sequence, DER_CONTEXT(0));
    assert_text(der_read(&sequence, DER_CONTEXT(1)), DER_GENERAL_STRING, REALM);
    Reader field = der_read(&sequence, DER_CONTEXT(2)), checksum = der_read(&field, DER_SEQUENCE);
    assert_text(der_read(&sequence, DER_CONTEXT(3)), DER_GENERAL_STRING, "Kerberos");
    field = der_read(&checksum, DER_CONTEXT(0));
    assert_int_equal(der_read_integer(&field), CKSUMTYPE_HMAC_MD5_ARCFOUR);
    field = der_read(&checksum, DER_CONTEXT(1));
    Reader bytes = der_read(&field, DER_OCTET_STRING);
    krb5_data data = {.data = (char *)signed_bytes, .length = sizeof(signed_bytes) - 1};
    krb5_checksum made = {.checksum_type = CKSUMTYPE_HMAC_MD5_ARCFOUR,
                          .length = (unsigned)reader_left(&bytes),
                          .contents = (krb5_octet *)(uintptr_t)(bytes.data + bytes.offset)};
    krb5_boolean valid = false;
    assert_int_equal(krb5_c_verify_checksum(scene.context, &scene.tgt.keyblock, KRB5_KEYUSAGE_APP_DATA_CKSUM,
                                            &data, &made, &valid),
                     0);
    assert_true(valid);
}

/* Replies */

/* Of each row one thing differs from the truth. The client first of all: nobody becomes somebody else. */
static const Reply lies[] = {
    {.client = "bob"},
    {.client = "b.lab.test"},
    {.client = "alic"},
    {.client = "alice2"},
    {.client = ""},
    {.client_realm = "OTHER.TEST"},
    {.service = {"host", "d.lab.test"}},
    {.service = {"host", "b.lab.test"}}, /* for us */
    {.service = {"RPCSS", "c.lab.test"}},
    {.service = {"krbtgt", REALM}}, /* a ticket-granting ticket of hers */
    {.service = {"host"}},
    {.service_realm = "OTHER.TEST"},
    {.nonce_off = 1},
    {.key = "0123456789abcdef0123456789ABCDEf"},
};

static Reply lie(size_t row)
{
    Reply reply = honest;
    const Reply *other = &lies[row];
    if (other->client) reply.client = other->client;
    if (other->client_realm) reply.client_realm = other->client_realm;
    if (other->service[0]) memcpy(reply.service, other->service, sizeof(reply.service));
    if (other->service_realm) reply.service_realm = other->service_realm;
    if (other->key) reply.key = other->key;
    reply.nonce_off = other->nonce_off;
    return reply;
}

static krb5_error_code read_proxy(const Reply *reply, krb5_creds **ret_creds, uint32_t *ret_status)
{
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    put_reply(&writer, reply, NONCE);
    return kerberos_proxy_reply(scene.context, &scene.tgt, &scene.evidence, scene.target, NONCE, writer.data,
                                writer.length, ret_creds, ret_status);
}

static void DEL_10_a_reply_that_lies_is_refused(void **state)
{
    krb5_creds *creds = NULL;
    uint32_t status = 5;
    assert_int_equal(read_proxy(&honest, &creds, &status), 0);
    assert_true(krb5_principal_compare(scene.context, creds->client, scene.user));
    assert_true(krb5_principal_compare(scene.context, creds->server, scene.target));
    assert_int_equal(status, 0);
    krb5_free_creds(scene.context, creds);
    creds = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        Reply reply = lie(i);
        if (read_proxy(&reply, &creds, &status) == 0) fail_msg("lie %zu was believed", i);
    }
    assert_null(creds);
}

static void a_reply_about_oneself_that_lies_is_refused(void **state)
{
    Reply reply = honest;
    krb5_creds *creds = NULL;
    reply.service[1] = "b.lab.test";
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        if (wrong) reply.client = "bob";
        put_reply(&writer, &reply, NONCE);
        krb5_error_code error = kerberos_self_reply(scene.context, &scene.tgt, scene.user, scene.service,
                                                    NONCE, writer.data, writer.length, &creds);
        assert_int_equal(error, wrong ? KRB5_KDCREP_MODIFIED : 0);
        if (wrong) break;
        assert_true(krb5_principal_compare(scene.context, creds->client, scene.user));
        krb5_free_creds(scene.context, creds);
    }
}

/* KERB-EXT-ERROR with STATUS_ACCOUNT_RESTRICTION, alone and in a list, and what is none. */
static const struct {
    const char *bytes;
    size_t length;
    bool restricted;
} statuses[] = {
    {"\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c\x6e\0\0\xc0\0\0\0\0\1\0\0\0", 23, true},
    {"\x30\x17\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c\x6e\0\0\xc0\0\0\0\0\1\0\0\0", 25, true},
    {"\x30\x15\xa1\x03\x02\x01\x04\xa2\x0e\x04\x0c\x6e\0\0\xc0\0\0\0\0\1\0\0\0", 23,
     false}, /* another type */
    {"\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c\x22\0\0\xc0\0\0\0\0\1\0\0\0", 23, false}, /* denied */
    {"\x30\x0c\xa1\x03\x02\x01\x03\xa2\x05\x04\x03\x6e\0\0", 14, false},                     /* cut */
    {"\x30\x05\xa1\x03\x02\x01\x03", 7, false},
    {"\x30\x80", 2, false},
    {"", 0, false},
};

static void DEL_10_the_status_behind_a_refusal(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        Reply reply = {
            .error = KRB5KDC_ERR_BADOPTION, .e_data = statuses[i].bytes, .e_length = statuses[i].length};
        krb5_creds *creds = NULL;
        uint32_t status = 5;
        assert_int_equal(read_proxy(&reply, &creds, &status), KRB5KDC_ERR_BADOPTION);
        assert_int_equal(status == KDC_STATUS_ACCOUNT_RESTRICTION, statuses[i].restricted);
        assert_null(creds);
    }
}

/* All of it, over TCP */

static KerberosCredential *make_credential(void)
{
    KerberosCredential *credential = NULL, *actor;
    KerberosTicket *tgt;
    krb5_creds *evidence, *copy;
    SecFailure failure;
    assert_int_equal(krb5_copy_creds(scene.context, &scene.evidence, &evidence), 0);
    assert_int_equal(kerberos_credential_new_evidence(scene.keytab, evidence, false, &credential), 0);
    /* As if the KDC had given it to the service: then only one message is exchanged. */
    assert_int_equal(kerberos_credential_actor(credential, &actor, &failure), 0);
    assert_string_equal(kerberos_credential_principal(actor), SERVICE);
    assert_int_equal(krb5_copy_creds(scene.context, &scene.tgt, &copy), 0);
    assert_int_equal(kerberos_ticket_new(scene.config, copy, &tgt), 0);
    kerberos_credential_set_tgt(actor, tgt);
    kerberos_ticket_unref(tgt);
    return credential;
}

static int acquire_it(KerberosCredential *credential, bool delegate, SecFailure *ret_failure)
{
    _cleanup_(kerberos_acquire_freep) KerberosAcquire *acquire = NULL;
    IoWait wait;
    int result =
        kerberos_acquire_new(credential, "host/c.lab.test", delegate, time_after(PATIENCE), &acquire);
    while (result == 0 && (result = kerberos_acquire_step(acquire, &wait)) == SEC_WAIT)
        if ((result = io_wait(&wait)) == -ETIMEDOUT) result = 0;
    if (result == SEC_FAILED) *ret_failure = *kerberos_acquire_failure(acquire);
    if (result != 0) return result;
    krb5_creds *creds = kerberos_acquire_ticket(acquire)->creds;
    assert_true(krb5_principal_compare(scene.context, creds->client, scene.user));
    assert_true(krb5_principal_compare(scene.context, creds->server, scene.target));
    assert_null(kerberos_acquire_forwarded(acquire));
    return 0;
}

static void DEL_9_a_ticket_in_the_client_s_name(void **state)
{
    _cleanup_(kerberos_credential_unrefp) KerberosCredential *credential = make_credential(), *other = NULL;
    SecFailure failure;
    scene.asked = 0;
    says = honest;
    assert_string_equal(kerberos_credential_principal(credential), USER);
    assert_int_equal(kerberos_credential_expires(credential), kerberos_time(scene.evidence.times.endtime));
    assert_int_equal(acquire_it(credential, false, &failure), 0);
    assert_int_equal(acquire_it(credential, false, &failure), 0);
    assert_int_equal(scene.asked, 1);
    other = make_credential(); /* another token's: by itself */
    assert_int_equal(acquire_it(other, false, &failure), 0);
    assert_int_equal(scene.asked, 2);
    assert_int_equal(acquire_it(other, true, &failure), SEC_FAILED);
    assert_int_equal(failure.code, RPC_S_SEC_PKG_ERROR);
}

static void DEL_10_a_kdc_that_lies_gives_nobody_a_ticket(void **state)
{
    _cleanup_(kerberos_credential_unrefp) KerberosCredential *credential = make_credential();
    SecFailure failure;
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        says = lie(i);
        if (acquire_it(credential, false, &failure) != SEC_FAILED) fail_msg("lie %zu was believed", i);
        assert_int_equal(failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
        assert_non_null(strstr(failure.sentence, USER));
        assert_null(strstr(failure.sentence, "bob"));
    }
    says = honest; /* and nothing of it was kept */
    assert_int_equal(acquire_it(credential, false, &failure), 0);
}

static void DEL_10_refusals_have_their_codes(void **state)
{
    static const struct {
        krb5_error_code error;
        unsigned e_data; /* of `statuses` */
        uint32_t code;
        const char *advice;
    } rows[] = {
        {KRB5KDC_ERR_BADOPTION, 7, (uint32_t)SEC_E_NO_CREDENTIALS, "msDS-AllowedToDelegateTo of " SERVICE},
        {KRB5KDC_ERR_BADOPTION, 0, ERROR_ACCOUNT_RESTRICTION, "sensitive"},
        {KRB5KDC_ERR_CLIENT_REVOKED, 1, ERROR_ACCOUNT_RESTRICTION, "Protected Users"},
        {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, 7, (uint32_t)SEC_E_TARGET_UNKNOWN,
         "create the service's principal"},
        {KRB5KDC_ERR_POLICY, 7, (uint32_t)SEC_E_LOGON_DENIED, "policy"},
        {KRB5KRB_AP_ERR_TKT_EXPIRED, 7, (uint32_t)SEC_E_NO_CREDENTIALS, "expired"},
    };
    _cleanup_(kerberos_credential_unrefp) KerberosCredential *credential = make_credential();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        SecFailure failure;
        says = (Reply){.error = rows[i].error,
                       .e_data = statuses[rows[i].e_data].bytes,
                       .e_length = statuses[rows[i].e_data].length};
        assert_int_equal(acquire_it(credential, false, &failure), SEC_FAILED);
        if (failure.code != rows[i].code) print_error("%s\n", failure.sentence);
        assert_int_equal(failure.code, rows[i].code);
        assert_non_null(strstr(failure.sentence, rows[i].advice));
    }
}

/* Domains let only the machine's account log on; it is the one with the service's key. */
static void DEL_5_the_machine_s_account_acts(void **state)
{
    static const struct {
        const char *service, *account;
    } rows[] = {{"host/b.lab.test@" REALM, "host/b.lab.test@" REALM},
                {"RPCSS/m.lab.test@" REALM, "M$@" REALM}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        krb5_principal service;
        KerberosCredential *actor, *again;
        SecFailure failure;
        assert_int_equal(krb5_parse_name(scene.context, rows[i].service, &service), 0);
        assert_int_equal(kerberos_keytab_account(scene.keytab, service, &actor, &failure), 0);
        assert_string_equal(kerberos_credential_principal(actor), rows[i].account);
        assert_int_equal(kerberos_keytab_account(scene.keytab, service, &again, &failure), 0);
        assert_ptr_equal(again, actor);
        krb5_free_principal(scene.context, service);
    }
}

/* Exactly as many as fit; one that goes makes room. */
static void evidence_is_bounded(void **state)
{
    static KerberosCredential *kept[KEYTAB_EVIDENCE_MAX + 1];
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        krb5_creds *evidence;
        assert_int_equal(krb5_copy_creds(scene.context, &scene.evidence, &evidence), 0);
        assert_int_equal(kerberos_credential_new_evidence(scene.keytab, evidence, false, &kept[i]), 0);
        assert_int_equal(kept[i] == NULL, i == KEYTAB_EVIDENCE_MAX);
    }
    kerberos_credential_unref(kept[0]);
    kept[0] = make_credential();
    assert_non_null(kept[0]);
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        kerberos_credential_unref(kept[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(DEL_10_MS_SFU_what_is_asked_with_evidence),
        cmocka_unit_test(MS_SFU_what_is_asked_for_a_user),
        cmocka_unit_test(DEL_10_a_reply_that_lies_is_refused),
        cmocka_unit_test(a_reply_about_oneself_that_lies_is_refused),
        cmocka_unit_test(DEL_10_the_status_behind_a_refusal),
        cmocka_unit_test(DEL_9_a_ticket_in_the_client_s_name),
        cmocka_unit_test(DEL_10_a_kdc_that_lies_gives_nobody_a_ticket),
        cmocka_unit_test(DEL_10_refusals_have_their_codes),
        cmocka_unit_test(DEL_5_the_machine_s_account_acts),
        cmocka_unit_test(evidence_is_bounded),
    };
    return cmocka_run_group_tests_name("krb5-s4u", tests, setup, teardown);
}
