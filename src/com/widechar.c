/* SPDX-License-Identifier: Apache-2.0 */
/* Between UTF-16 and UTF-8: what programs print COM's strings with. */
#include <stdbool.h>
#include <string.h>
#include "base/utf16.h"
#include "errhandlingapi.h"
#include "stringapiset.h"
#include "winerror.h"

#define REPLACEMENT 0xFFFD

static INT failed(DWORD error)
{
    SetLastError(error);
    return 0;
}

/* What both functions refuse alike; ERROR_SUCCESS otherwise. */
static DWORD check(UINT page, DWORD flags, DWORD known, const void *from, INT count, const void *to, INT room)
{
    if (page != CP_ACP && page != CP_UTF8) return ERROR_INVALID_PARAMETER;
    if (!from || count < -1 || count == 0 || room < 0 || (room > 0 && (!to || to == from)))
        return ERROR_INVALID_PARAMETER;
    return flags & ~known ? ERROR_INVALID_FLAGS : ERROR_SUCCESS;
}

INT MultiByteToWideChar(UINT CodePage, DWORD dwFlags, LPCSTR lpMultiByteStr, INT cbMultiByte,
                        LPWSTR lpWideCharStr, INT cchWideChar)
{
    DWORD wrong = check(CodePage, dwFlags, MB_ERR_INVALID_CHARS, lpMultiByteStr, cbMultiByte, lpWideCharStr,
                        cchWideChar);
    if (wrong) return failed(wrong);
    const uint8_t *p = (const uint8_t *)lpMultiByteStr;
    const uint8_t *end = p + (cbMultiByte < 0 ? strlen(lpMultiByteStr) + 1 : (size_t)cbMultiByte);
    size_t n = 0;
    while (p < end) {
        char16_t units[2];
        int32_t c = utf8_next(&p, end);
        if (c < 0 && dwFlags) return failed(ERROR_NO_UNICODE_TRANSLATION);
        if (c < 0) p++;
        size_t more = utf16_put(units, c < 0 ? REPLACEMENT : (uint32_t)c);
        if (cchWideChar && n + more > (size_t)cchWideChar) return failed(ERROR_INSUFFICIENT_BUFFER);
        if (cchWideChar) memcpy(lpWideCharStr + n, units, more * sizeof(*units));
        n += more;
    }
    return n > INT32_MAX ? failed(ERROR_INVALID_PARAMETER) : (INT)n;
}

INT WideCharToMultiByte(UINT CodePage, DWORD dwFlags, LPCWSTR lpWideCharStr, INT cchWideChar,
                        LPSTR lpMultiByteStr, INT cbMultiByte, LPCSTR lpDefaultChar, LPBOOL lpUsedDefaultChar)
{
    DWORD wrong = check(CodePage, dwFlags, WC_ERR_INVALID_CHARS, lpWideCharStr, cchWideChar, lpMultiByteStr,
                        cbMultiByte);
    if (!wrong && (lpDefaultChar || lpUsedDefaultChar)) wrong = ERROR_INVALID_PARAMETER;
    if (wrong) return failed(wrong);
    const char16_t *p = lpWideCharStr;
    const char16_t *end = p + (cchWideChar < 0 ? utf16_length(p) + 1 : (size_t)cchWideChar);
    size_t n = 0;
    while (p < end) {
        uint8_t bytes[4];
        int32_t c = utf16_next(&p, end);
        if (c < 0 && dwFlags) return failed(ERROR_NO_UNICODE_TRANSLATION);
        if (c < 0) p++;
        size_t more = utf8_put(bytes, c < 0 ? REPLACEMENT : (uint32_t)c);
        if (cbMultiByte && n + more > (size_t)cbMultiByte) return failed(ERROR_INSUFFICIENT_BUFFER);
        if (cbMultiByte) memcpy(lpMultiByteStr + n, bytes, more);
        n += more;
    }
    return n > INT32_MAX ? failed(ERROR_INVALID_PARAMETER) : (INT)n;
}
