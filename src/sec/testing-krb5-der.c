/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/testing-krb5-der.h"
#include <string.h>

void der_put(Writer *writer, unsigned n, uint8_t tag, const void *data, size_t length)
{
    size_t field = der_begin(writer, (uint8_t)DER_CONTEXT(n));
    der_write(writer, tag, data, length);
    der_end(writer, field);
}

void der_put_integer(Writer *writer, unsigned n, int32_t value)
{
    size_t field = der_begin(writer, (uint8_t)DER_CONTEXT(n));
    der_write_integer(writer, value);
    der_end(writer, field);
}

void der_put_time(Writer *writer, unsigned n, int64_t seconds)
{
    size_t field = der_begin(writer, (uint8_t)DER_CONTEXT(n));
    der_write_time(writer, seconds);
    der_end(writer, field);
}

void der_put_name(Writer *writer, unsigned n, int32_t type, const char *first, const char *second)
{
    size_t field = der_begin(writer, (uint8_t)DER_CONTEXT(n)), name = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, type);
    size_t strings = der_begin(writer, DER_CONTEXT(1)), list = der_begin(writer, DER_SEQUENCE);
    der_write(writer, DER_GENERAL_STRING, first, strlen(first));
    if (second) der_write(writer, DER_GENERAL_STRING, second, strlen(second));
    der_end(writer, list);
    der_end(writer, strings);
    der_end(writer, name);
    der_end(writer, field);
}
