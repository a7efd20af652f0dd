/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/failure.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <winerror.h>

bool sec_failure_is_no_kdc(const SecFailure *failure)
{
    return failure->code == (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY ||
           failure->code == ERROR_NO_LOGON_SERVERS || failure->code == ERROR_NO_SUCH_DOMAIN;
}

void sec_failure_set(SecFailure *failure, uint32_t code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    failure->code = code;
    (void)vsnprintf(failure->sentence, sizeof(failure->sentence), format,
                    arguments); /* a cut sentence is still one */
    va_end(arguments);
}

/* The length of the well-formed, printable UTF-8 character at `text`, 0 for anything else: controls (C0, DEL,
 * C1), overlong forms, surrogates, and the bidirectional overrides U+202A-E and U+2066-9 that make text lie.
 */
static size_t printable(const unsigned char *text)
{
    if (text[0] < 0x80) return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    uint32_t value = text[0] & (0xffu >> (length + 1));
    if (text[0] < 0xc2 || text[0] > 0xf4) return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        value = value << 6 | (text[i] & 0x3f);
    }
    static const uint32_t least[] = {0x80, 0x800, 0x10000};
    if (value < least[length - 2] || value < 0xa0 || value > 0x10ffff) return 0;
    if ((value >= 0xd800 && value < 0xe000) || (value >= 0x202a && value <= 0x202e) ||
        (value >= 0x2066 && value <= 0x2069))
        return 0;
    return length;
}

const char *sec_quote(const char *text, char quoted[SEC_QUOTE_SIZE])
{
    size_t at = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        size_t length = printable(p);
        if (at + (length ? length : 1) + 1 > SEC_QUOTE_SIZE) break;
        if (length)
            memcpy(quoted + at, p, length);
        else
            quoted[at] = '?';
        at += length ? length : 1;
        p += length ? length : 1;
    }
    quoted[at] = '\0';
    return quoted;
}
