/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of Kerberos messages, for tests that write what a KDC, a client or a liar would. */
#pragma once
#include "sec/krb5-der.h"

/* Each is the field [n]. */
void der_put(Writer *writer, unsigned n, uint8_t tag, const void *data, size_t length);
void der_put_integer(Writer *writer, unsigned n, int32_t value);
void der_put_time(Writer *writer, unsigned n, int64_t seconds);
/* PrincipalName of one or (`second` not NULL) two components. */
void der_put_name(Writer *writer, unsigned n, int32_t type, const char *first, const char *second);
