/* SPDX-License-Identifier: Apache-2.0 */
/* The little DER that Kerberos messages need (X.690), on the bounded reader and writer. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/reader.h"
#include "base/writer.h"

enum {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_GENERALIZED_TIME = 0x18,
    DER_GENERAL_STRING = 0x1b,
    DER_SEQUENCE = 0x30,
};
#define DER_APPLICATION(n) (0x60 | (n))
#define DER_CONTEXT(n)     (0xa0 | (n))

/* Reading: the content of the next element, which must have this tag; else the reader fails. */
Reader der_read(Reader *reader, uint8_t tag);
/* As der_read when the next element has this tag; else nothing moves and `ret_content` is empty. */
bool der_read_optional(Reader *reader, uint8_t tag, Reader *ret_content);
/* The whole next element, tag and length included. */
Reader der_read_element(Reader *reader);
/* An INTEGER of at most 32 bits. Microseconds, etypes, nonces. */
int32_t der_read_integer(Reader *reader);
/* KerberosTime, "YYYYMMDDHHMMSSZ", as seconds since 1970; of the years that krb5_timestamp has, 1970 to 2105.
 */
int64_t der_read_time(Reader *reader);
/* A KerberosFlags bit string of exactly 32 bits. */
uint32_t der_read_flags(Reader *reader);

/* Writing: what is written between begin and end becomes the content. */
size_t der_begin(Writer *writer, uint8_t tag);
void der_end(Writer *writer, size_t begin);
void der_write(Writer *writer, uint8_t tag, const void *data, size_t length);
void der_write_integer(Writer *writer, int32_t value);
void der_write_time(Writer *writer, int64_t seconds);
void der_write_flags(Writer *writer, uint32_t flags);
