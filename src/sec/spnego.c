/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/spnego.h"
#include <errno.h>
#include <rpcdce.h>
#include <string.h>
#include "base/cleanup.h"
#include "sec/krb5-der.h"
#include "sec/krb5-session.h"

#define DER_ENUMERATED 0x0a
#define TAG_AP_REQ     DER_APPLICATION(14)

/* 1.3.6.1.5.5.2 */
static const uint8_t spnego_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};

static const struct {
    uint8_t service, length;
    uint8_t bytes[10];
} oids[SPNEGO_OID_END] = {
    [SPNEGO_KERBEROS_MS] = {RPC_C_AUTHN_GSS_KERBEROS,
                            9,
                            {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02}},
    [SPNEGO_KERBEROS] = {RPC_C_AUTHN_GSS_KERBEROS, 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02}},
    [SPNEGO_NTLM] = {RPC_C_AUTHN_WINNT, 10, {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a}},
};

uint8_t spnego_oid_service(SpnegoOid oid)
{
    return oids[oid].service;
}

/* Reading. Every element must fill its frame; unknown elements behind the known ones are refused. */

static SpnegoBytes rest(Reader *reader)
{
    size_t length = reader_left(reader);
    SpnegoBytes bytes = {.data = reader_bytes(reader, length), .length = length};
    return reader->failed ? (SpnegoBytes){0} : bytes;
}

static void end(Reader *outer, const Reader *inner)
{
    if (reader_end(inner) != 0) reader_fail(outer);
}

/* [n] OCTET STRING, where it is present. */
static SpnegoBytes read_octets(Reader *reader, unsigned n)
{
    Reader field;
    if (!der_read_optional(reader, (uint8_t)DER_CONTEXT(n), &field)) return (SpnegoBytes){0};
    Reader octets = der_read(&field, DER_OCTET_STRING);
    SpnegoBytes bytes = rest(&octets);
    if (octets.failed) reader_fail(reader);
    end(reader, &field);
    return bytes;
}

static SpnegoOid read_oid(Reader *reader)
{
    Reader oid = der_read(reader, DER_OID);
    size_t length = reader_left(&oid);
    const uint8_t *bytes = reader_bytes(&oid, length);
    if (oid.failed || length == 0) {
        reader_fail(reader);
        return SPNEGO_UNKNOWN;
    }
    for (SpnegoOid i = SPNEGO_UNKNOWN + 1; i < SPNEGO_OID_END; i++)
        if (length == oids[i].length && memcmp(bytes, oids[i].bytes, length) == 0) return i;
    return SPNEGO_UNKNOWN;
}

/* mechTypes [0] MechTypeList ::= SEQUENCE OF OBJECT IDENTIFIER */
static void read_list(Reader *sequence, SpnegoInit *init)
{
    Reader field = der_read(sequence, (uint8_t)DER_CONTEXT(0)), copy = field;
    init->list = rest(&copy);
    Reader list = der_read(&field, DER_SEQUENCE);
    while (reader_left(&list) > 0 && init->count < SPNEGO_LIST_MAX)
        init->oids[init->count++] = read_oid(&list);
    end(&field, &list);
    end(sequence, &field);
    if (init->count == 0) reader_fail(sequence);
}

int spnego_init_read(const uint8_t *token, size_t length, SpnegoInit *ret_init)
{
    Reader reader, ignored;
    SpnegoInit init = {0};
    reader_init(&reader, token, length);
    Reader frame = der_read(&reader, DER_APPLICATION(0));
    Reader oid = der_read(&frame, DER_OID);
    if (reader_left(&oid) != sizeof(spnego_oid) ||
        memcmp(oid.data + oid.offset, spnego_oid, sizeof(spnego_oid)) != 0)
        return -EBADMSG;
    Reader choice = der_read(&frame, (uint8_t)DER_CONTEXT(0));
    Reader sequence = der_read(&choice, DER_SEQUENCE);
    read_list(&sequence, &init);
    (void)der_read_optional(&sequence, (uint8_t)DER_CONTEXT(1), &ignored); /* reqFlags: unprotected */
    init.token = read_octets(&sequence, 2);
    /* mechListMIC [3], or negHints [3] and mechListMIC [4] ([MS-SPNG] 2.2.1): before the first leg there is
     * no key that could have made a MIC, and hints are for clients. */
    (void)der_read_optional(&sequence, (uint8_t)DER_CONTEXT(3), &ignored);
    (void)der_read_optional(&sequence, (uint8_t)DER_CONTEXT(4), &ignored);
    end(&choice, &sequence);
    end(&frame, &choice);
    end(&reader, &frame);
    int result = reader_end(&reader);
    if (result == 0) *ret_init = init;
    return result;
}

/* negState [0] ENUMERATED */
static SpnegoState read_state(Reader *sequence)
{
    Reader field;
    if (!der_read_optional(sequence, (uint8_t)DER_CONTEXT(0), &field)) return SPNEGO_NO_STATE;
    Reader value = der_read(&field, DER_ENUMERATED);
    uint8_t state = reader_u8(&value);
    end(&field, &value);
    end(sequence, &field);
    if (state > SPNEGO_REQUEST_MIC) reader_fail(sequence);
    return (SpnegoState)state;
}

int spnego_response_read(const uint8_t *token, size_t length, SpnegoResponse *ret_response)
{
    Reader reader, field;
    SpnegoResponse response = {0};
    reader_init(&reader, token, length);
    Reader choice = der_read(&reader, (uint8_t)DER_CONTEXT(1));
    Reader sequence = der_read(&choice, DER_SEQUENCE);
    response.state = read_state(&sequence);
    response.has_oid = der_read_optional(&sequence, (uint8_t)DER_CONTEXT(1), &field);
    if (response.has_oid) {
        response.oid = read_oid(&field);
        end(&sequence, &field);
    }
    response.token = read_octets(&sequence, 2);
    response.mic = read_octets(&sequence, 3);
    end(&choice, &sequence);
    end(&reader, &choice);
    int result = reader_end(&reader);
    if (result == 0) *ret_response = response;
    return result;
}

SpnegoKind spnego_kind(const uint8_t *token, size_t length)
{
    static const uint8_t ntlm[8] = "NTLMSSP";
    Reader reader, message;
    if (length >= sizeof(ntlm) && memcmp(token, ntlm, sizeof(ntlm)) == 0) return SPNEGO_KIND_RAW_NTLM;
    if (length > 0 && token[0] == TAG_AP_REQ) return SPNEGO_KIND_RAW_KERBEROS;
    if (kerberos_unframe(token, length, FRAME_AP_REQ, &message)) return SPNEGO_KIND_RAW_KERBEROS;
    reader_init(&reader, token, length);
    Reader frame = der_read(&reader, DER_APPLICATION(0));
    Reader oid = der_read(&frame, DER_OID);
    bool ours = !oid.failed && reader_left(&oid) == sizeof(spnego_oid) &&
                memcmp(oid.data + oid.offset, spnego_oid, sizeof(spnego_oid)) == 0;
    return ours ? SPNEGO_KIND_INIT : SPNEGO_KIND_OTHER;
}

/* Writing */

static void write_octets(Writer *writer, unsigned n, SpnegoBytes bytes)
{
    if (!bytes.data) return;
    size_t field = der_begin(writer, (uint8_t)DER_CONTEXT(n));
    der_write(writer, DER_OCTET_STRING, bytes.data, bytes.length);
    der_end(writer, field);
}

void spnego_list_write(Writer *writer, const SpnegoOid *list, size_t count)
{
    size_t sequence = der_begin(writer, DER_SEQUENCE);
    for (size_t i = 0; i < count; i++)
        der_write(writer, DER_OID, oids[list[i]].bytes, oids[list[i]].length);
    der_end(writer, sequence);
}

void spnego_init_write(Writer *writer, SpnegoBytes list, SpnegoBytes token)
{
    size_t frame = der_begin(writer, DER_APPLICATION(0));
    der_write(writer, DER_OID, spnego_oid, sizeof(spnego_oid));
    size_t choice = der_begin(writer, (uint8_t)DER_CONTEXT(0));
    size_t sequence = der_begin(writer, DER_SEQUENCE);
    der_write(writer, (uint8_t)DER_CONTEXT(0), list.data, list.length);
    write_octets(writer, 2, token);
    der_end(writer, sequence);
    der_end(writer, choice);
    der_end(writer, frame);
}

void spnego_response_write(Writer *writer, const SpnegoResponse *response)
{
    size_t choice = der_begin(writer, (uint8_t)DER_CONTEXT(1));
    size_t sequence = der_begin(writer, DER_SEQUENCE);
    if (response->state != SPNEGO_NO_STATE) {
        const uint8_t state = (uint8_t)response->state;
        size_t field = der_begin(writer, (uint8_t)DER_CONTEXT(0));
        der_write(writer, DER_ENUMERATED, &state, 1);
        der_end(writer, field);
    }
    if (response->has_oid) {
        size_t field = der_begin(writer, (uint8_t)DER_CONTEXT(1));
        der_write(writer, DER_OID, oids[response->oid].bytes, oids[response->oid].length);
        der_end(writer, field);
    }
    write_octets(writer, 2, response->token);
    write_octets(writer, 3, response->mic);
    der_end(writer, sequence);
    der_end(writer, choice);
}
