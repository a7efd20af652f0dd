/* SPDX-License-Identifier: Apache-2.0 */
#include "chain-text.h"
#include <stdlib.h>
#include <string.h>

static size_t put_utf8(char *at, uint32_t c)
{
    if (c < 0x80) {
        at[0] = (char)c;
        return 1;
    }
    size_t extra = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    at[0] = (char)(lead[extra] | c >> (6 * extra));
    for (size_t i = extra; i > 0; i--)
        at[extra - i + 1] = (char)(0x80 | (c >> (6 * (i - 1)) & 0x3F));
    return extra + 1;
}

char *chain_text_utf8(LPCWSTR text)
{
    size_t length = 0, written = 0;
    while (text && text[length])
        length++;
    char *result = text ? malloc(3 * length + 1) : NULL;
    if (!result) return NULL;
    for (size_t i = 0; i < length; i++) {
        uint32_t c = text[i];
        if (c >= 0xD800 && c < 0xDC00 && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000)
            c = 0x10000 + ((c - 0xD800) << 10) + (text[++i] - 0xDC00u);
        else if (c >= 0xD800 && c < 0xE000)
            c = 0xFFFD;
        written += put_utf8(result + written, c);
    }
    result[written] = '\0';
    return result;
}

LPWSTR chain_text_wide(const char *ascii)
{
    size_t length = strlen(ascii);
    LPWSTR result = CoTaskMemAlloc((length + 1) * sizeof(WCHAR));
    for (size_t i = 0; result && i <= length; i++) {
        if ((unsigned char)ascii[i] >= 0x80) {
            CoTaskMemFree(result);
            return NULL;
        }
        result[i] = (WCHAR)ascii[i];
    }
    return result;
}
