/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/test-krb5-forge.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "base/time.h"
#include "sec/krb5-session.h"
#include "sec/testing-krb5-der.h"

#define KEY_SIZE    32
#define LIFE        36000
#define KVNO        1
#define USE_TICKET  2 /* key usages of RFC 4120 7.5.1 */
#define AD_RELEVANT 1
#define AD_PAC      128

static const char profile[] =
    "[libdefaults]\n default_realm = LAB.TEST\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
    " rdns = false\n dns_canonicalize_hostname = false\n";
static uint8_t service_bytes[KEY_SIZE] = "the key of the service a.lab.tes",
               session_bytes[KEY_SIZE] = "the session key of every ticket!";

static void must(krb5_error_code error)
{
    assert(error == 0);
}

/* The name of a file of its own in memory with this content; closed by the caller. */
static int memory_file(const void *data, size_t length, char path[64])
{
    int fd = memfd_create("forge", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, length) == (ssize_t)length);
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void put_counted(Writer *writer, const char *text)
{
    writer_u16be(writer, (uint16_t)strlen(text));
    writer_bytes(writer, text, strlen(text));
}

/* A keytab of one entry in MIT's format 5.2. */
static void make_keytab(Forge *forge)
{
    _cleanup_(writer_deinitp) Writer writer;
    char path[64];
    SecFailure failure = {0};
    writer_init(&writer, 0);
    writer_u16be(&writer, 0x0502);
    size_t size = writer.length;
    writer_u32be(&writer, 0);
    writer_u16be(&writer, 2);
    put_counted(&writer, "LAB.TEST");
    put_counted(&writer, "host");
    put_counted(&writer, "a.lab.test");
    writer_u32be(&writer, KRB5_NT_SRV_HST);
    writer_u32be(&writer, 0);
    writer_u8(&writer, KVNO);
    writer_u16be(&writer, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    writer_u16be(&writer, KEY_SIZE);
    writer_bytes(&writer, service_bytes, KEY_SIZE);
    writer_patch_u32(&writer, size, htobe32((uint32_t)(writer.length - size - 4)));
    _cleanup_(closep) int fd = memory_file(writer.data, writer.length, path);
    int r = kerberos_keytab_new(forge->config, path, &forge->keytab, &failure);
    assert(r == 0);
}

void forge_init(Forge *forge)
{
    char path[64];
    SecFailure failure = {0};
    *forge = (Forge){
        .profile = memory_file(profile, sizeof(profile) - 1, path),
        .service_key = {KV5M_KEYBLOCK, ENCTYPE_AES256_CTS_HMAC_SHA1_96, KEY_SIZE, service_bytes},
        .session_key = {KV5M_KEYBLOCK, ENCTYPE_AES256_CTS_HMAC_SHA1_96, KEY_SIZE, session_bytes},
        .authtime = (krb5_timestamp)(uint32_t)(time_wall() - 60),
    };
    int r = kerberos_config_new(path, false, &forge->config, &failure);
    assert(r == 0);
    must(kerberos_context_new(forge->config, &forge->context, &failure));
    make_keytab(forge);
}

void forge_deinit(Forge *forge)
{
    forge->keytab = kerberos_keytab_unref(forge->keytab);
    krb5_free_context(forge->context);
    forge->config = kerberos_config_unref(forge->config);
    close(forge->profile);
}

/* Tickets */

static size_t field_begin(Writer *writer, unsigned n)
{
    return der_begin(writer, (uint8_t)DER_CONTEXT(n));
}

/* realm[n], name[n + 1] */
static void put_principal(Writer *writer, unsigned n, krb5_const_principal principal)
{
    size_t field = field_begin(writer, n);
    der_write(writer, DER_GENERAL_STRING, principal->realm.data, principal->realm.length);
    der_end(writer, field);
    field = field_begin(writer, n + 1);
    size_t sequence = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, principal->type);
    size_t names = field_begin(writer, 1), list = der_begin(writer, DER_SEQUENCE);
    for (int i = 0; i < principal->length; i++)
        der_write(writer, DER_GENERAL_STRING, principal->data[i].data, principal->data[i].length);
    der_end(writer, list);
    der_end(writer, names);
    der_end(writer, sequence);
    der_end(writer, field);
}

void forge_encrypt(const Forge *forge, const krb5_keyblock *key, krb5_keyusage usage, const uint8_t *plain,
                   size_t length, Writer *writer)
{
    size_t size;
    must(krb5_c_encrypt_length(forge->context, key->enctype, length, &size));
    _cleanup_(freep) char *cipher = malloc(size);
    assert(cipher);
    krb5_data input = {.data = (char *)(uintptr_t)plain, .length = (unsigned)length};
    krb5_enc_data output = {.ciphertext = {.data = cipher, .length = (unsigned)size}};
    must(krb5_c_encrypt(forge->context, key, usage, NULL, &input, &output));
    size_t sequence = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, key->enctype);
    der_put(writer, 2, DER_OCTET_STRING, cipher, size);
    der_end(writer, sequence);
}

static void put_authorization(Writer *writer, int32_t type, const void *data, size_t length)
{
    size_t list = der_begin(writer, DER_SEQUENCE), element = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, type);
    der_put(writer, 1, DER_OCTET_STRING, data, length);
    der_end(writer, element);
    der_end(writer, list);
}

/* EncTicketPart, RFC 4120 5.3 */
static void put_ticket_part(const Forge *forge, const krb5_creds *creds, const uint8_t *pac, size_t length,
                            Writer *writer)
{
    size_t application = der_begin(writer, DER_APPLICATION(3)), sequence = der_begin(writer, DER_SEQUENCE);
    size_t field = field_begin(writer, 0);
    der_write_flags(writer, (uint32_t)creds->ticket_flags);
    der_end(writer, field);
    field = field_begin(writer, 1);
    size_t key = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, forge->session_key.enctype);
    der_put(writer, 1, DER_OCTET_STRING, forge->session_key.contents, forge->session_key.length);
    der_end(writer, key);
    der_end(writer, field);
    put_principal(writer, 2, creds->client);
    field = field_begin(writer, 4);
    size_t transited = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, 1);
    der_put(writer, 1, DER_OCTET_STRING, "", 0);
    der_end(writer, transited);
    der_end(writer, field);
    der_put_time(writer, 5, kerberos_time(creds->times.authtime));
    der_put_time(writer, 7, kerberos_time(creds->times.endtime));
    if (pac) {
        _cleanup_(writer_deinitp) Writer inner;
        writer_init(&inner, 0);
        put_authorization(&inner, AD_PAC, pac, length);
        field = field_begin(writer, 10);
        put_authorization(writer, AD_RELEVANT, inner.data, inner.length);
        der_end(writer, field);
    }
    der_end(writer, sequence);
    der_end(writer, application);
}

krb5_creds *forge_ticket(const Forge *forge, const char *server, const uint8_t *pac, size_t length)
{
    _cleanup_(writer_deinitp) Writer part, ticket;
    krb5_creds *creds = calloc(1, sizeof(*creds));
    assert(creds);
    writer_init(&part, 0);
    writer_init(&ticket, 0);
    creds->magic = KV5M_CREDS;
    creds->ticket_flags = TKT_FLG_FORWARDABLE | TKT_FLG_INITIAL | TKT_FLG_OK_AS_DELEGATE;
    creds->times.authtime = creds->times.starttime = forge->authtime;
    creds->times.endtime = creds->times.authtime + LIFE;
    must(krb5_parse_name(forge->context, FORGE_CLIENT, &creds->client));
    must(krb5_parse_name(forge->context, server, &creds->server));
    must(krb5_copy_keyblock_contents(forge->context, &forge->session_key, &creds->keyblock));
    put_ticket_part(forge, creds, pac, length, &part);
    size_t application = der_begin(&ticket, DER_APPLICATION(1)), sequence = der_begin(&ticket, DER_SEQUENCE);
    der_put_integer(&ticket, 0, 5);
    put_principal(&ticket, 1, creds->server);
    size_t field = field_begin(&ticket, 3);
    forge_encrypt(forge, &forge->service_key, USE_TICKET, part.data, part.length, &ticket);
    der_end(&ticket, field);
    der_end(&ticket, sequence);
    der_end(&ticket, application);
    uint8_t *bytes;
    size_t size;
    int r = writer_take(&ticket, &bytes, &size);
    assert(r == 0);
    creds->ticket = (krb5_data){KV5M_DATA, (unsigned)size, (char *)bytes};
    return creds;
}

uint8_t *forge_pac(const Forge *forge, const uint8_t *logon, size_t logon_length, size_t *ret_length)
{
    krb5_pac pac;
    krb5_principal client;
    krb5_data data = {.data = (char *)(uintptr_t)logon, .length = (unsigned)logon_length}, signed_pac;
    must(krb5_pac_init(forge->context, &pac));
    must(krb5_parse_name(forge->context, FORGE_CLIENT, &client));
    must(krb5_pac_add_buffer(forge->context, pac, KRB5_PAC_LOGON_INFO, &data));
    must(krb5_pac_sign(forge->context, pac, forge->authtime, client, &forge->service_key, &forge->service_key,
                       &signed_pac));
    krb5_free_principal(forge->context, client);
    krb5_pac_free(forge->context, pac);
    *ret_length = signed_pac.length;
    return (uint8_t *)signed_pac.data;
}

/* Credentials */

static KerberosTicket *ticket_new(const Forge *forge, const char *server)
{
    KerberosTicket *ticket;
    must(kerberos_ticket_new(forge->config, forge_ticket(forge, server, NULL, 0), &ticket));
    return ticket;
}

KerberosCredential *forge_credential(const Forge *forge)
{
    KerberosCredential *credential;
    _cleanup_(kerberos_ticket_unrefp) KerberosTicket *service = ticket_new(forge, FORGE_SERVICE),
                                                     *forwarded = ticket_new(forge, FORGE_TGS);
    int r = kerberos_credential_new_delegated(forge->config, forge_ticket(forge, FORGE_TGS, NULL, 0),
                                              &credential);
    assert(r == 0);
    kerberos_credential_set_ticket(credential, FORGE_SERVICE, service);
    kerberos_credential_set_forwarded(credential, forwarded);
    return credential;
}

KerberosAcquire *forge_acquire(KerberosCredential *credential)
{
    KerberosAcquire *acquire;
    IoWait wait;
    int r = kerberos_acquire_new(credential, FORGE_SERVICE, true, TIME_NEVER, &acquire);
    if (r == 0) r = kerberos_acquire_step(acquire, &wait);
    assert(r == 0);
    return acquire;
}

/* Client */

static krb5_error_code KRB5_CALLCONV give_checksum(krb5_context context, krb5_auth_context auth, void *data,
                                                   krb5_data **ret_output)
{
    (void)context;
    (void)auth;
    *ret_output = data;
    return 0;
}

void forge_client_init(ForgeClient *client, const Forge *forge, krb5_creds *creds, krb5_flags options,
                       const uint8_t *checksum, size_t length)
{
    krb5_context context = forge->context;
    krb5_data data = {.data = (char *)(uintptr_t)checksum, .length = (unsigned)length};
    *client = (ForgeClient){.forge = forge, .creds = creds};
    must(krb5_auth_con_init(context, &client->auth));
    must(krb5_auth_con_setflags(context, client->auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE));
    must(krb5_auth_con_set_req_cksumtype(context, client->auth, GSS_CHECKSUM_TYPE));
    must(krb5_auth_con_set_checksum_func(context, client->auth, give_checksum, &data));
    must(krb5_mk_req_extended(context, &client->auth, options, NULL, creds, &client->leg1));
}

void forge_client_deinit(ForgeClient *client)
{
    krb5_context context = client->forge->context;
    krb5_free_data_contents(context, &client->leg1);
    (void)krb5_auth_con_free(context, client->auth);
    krb5_free_creds(context, client->creds);
}

krb5_data forge_client_answer(ForgeClient *client, const uint8_t *leg2, size_t length)
{
    krb5_context context = client->forge->context;
    krb5_data data = {.data = (char *)(uintptr_t)leg2, .length = (unsigned)length}, leg3;
    krb5_ap_rep_enc_part *part;
    must(krb5_rd_rep(context, client->auth, &data, &part));
    krb5_free_ap_rep_enc_part(context, part);
    must(krb5_mk_rep_dce(context, client->auth, &leg3));
    return leg3;
}
