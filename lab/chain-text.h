/* SPDX-License-Identifier: Apache-2.0 */
/* Text between C programs and COM. */
#pragma once
#include <objbase.h>

/* UTF-8, by malloc; a lone surrogate becomes U+FFFD. NULL without memory or for NULL. */
char *chain_text_utf8(LPCWSTR text);
/* ASCII only, by CoTaskMemAlloc; NULL for anything else or without memory. */
LPWSTR chain_text_wide(const char *ascii);
