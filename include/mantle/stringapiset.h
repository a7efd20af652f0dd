/* SPDX-License-Identifier: Apache-2.0 */
/* Between UTF-16, which COM speaks, and UTF-8, which the rest of the machine does. */
#pragma once
#include "windef.h"

#define CP_ACP  0u /* this machine's: UTF-8 */
#define CP_UTF8 65001u

#define MB_ERR_INVALID_CHARS 0x08u
#define WC_ERR_INVALID_CHARS 0x80u

/*
 * A count of -1 means up to the NUL, which is converted too; else no NUL is written. A place of size 0:
 * nothing is written. The result is what was written, or is needed, in units of the result; 0 is failure:
 * ERROR_INSUFFICIENT_BUFFER; ERROR_NO_UNICODE_TRANSLATION: malformed text and *_ERR_INVALID_CHARS, without
 * which U+FFFD stands for it; ERROR_INVALID_FLAGS; ERROR_INVALID_PARAMETER: counts, NULL, another code page,
 * a default character. sdk:MultiByteToWideChar, sdk:WideCharToMultiByte
 */
MANTLE_API INT MultiByteToWideChar(UINT CodePage, DWORD dwFlags, LPCSTR lpMultiByteStr, INT cbMultiByte,
                                   LPWSTR lpWideCharStr, INT cchWideChar);
MANTLE_API INT WideCharToMultiByte(UINT CodePage, DWORD dwFlags, LPCWSTR lpWideCharStr, INT cchWideChar,
                                   LPSTR lpMultiByteStr, INT cbMultiByte, LPCSTR lpDefaultChar,
                                   LPBOOL lpUsedDefaultChar);
