/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-session.h"
#include <string.h>
#include "sec/krb5-der.h"

/* 1.2.840.113554.1.2.2 */
static const uint8_t kerberos_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};

void kerberos_session_deinit(KerberosSession *session)
{
    session->key = secret_free(session->key);
}

int gss_checksum_read(const uint8_t *data, size_t length, GssChecksum *ret_checksum)
{
    Reader reader;
    GssChecksum checksum = {0};
    reader_init(&reader, data, length);
    if (reader_u32(&reader) != GSS_CHECKSUM_BINDINGS) reader_fail(&reader);
    reader_skip(&reader, GSS_CHECKSUM_BINDINGS); /* bindings to a TLS channel: there is none */
    checksum.flags = reader_u32(&reader);
    if (checksum.flags & GSS_FLAG_DELEG) {
        if (reader_u16(&reader) != 1) reader_fail(&reader); /* DlgOpt */
        checksum.delegated_length = reader_u16(&reader);
        checksum.delegated = reader_bytes(&reader, checksum.delegated_length);
    }
    /* Extensions may follow. */
    int error = reader_status(&reader);
    if (error == 0) *ret_checksum = checksum;
    return error;
}

bool kerberos_unframe(const uint8_t *token, size_t length, uint16_t id, Reader *ret_message)
{
    Reader reader;
    reader_init(&reader, token, length);
    Reader frame = der_read(&reader, DER_APPLICATION(0));
    Reader oid = der_read(&frame, DER_OID);
    if (oid.failed || reader_left(&oid) != sizeof(kerberos_oid) ||
        memcmp(oid.data + oid.offset, kerberos_oid, sizeof(kerberos_oid)) != 0)
        return false;
    if (reader_u16be(&frame) != id || frame.failed || reader_end(&reader) != 0) return false;
    size_t left = reader_left(&frame);
    reader_init(ret_message, frame.data + frame.offset, left);
    return true;
}

void kerberos_frame(uint16_t id, const void *message, size_t length, Writer *writer)
{
    size_t frame = der_begin(writer, DER_APPLICATION(0));
    der_write(writer, DER_OID, kerberos_oid, sizeof(kerberos_oid));
    writer_u16be(writer, id);
    writer_bytes(writer, message, length);
    der_end(writer, frame);
}
