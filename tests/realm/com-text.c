/* SPDX-License-Identifier: Apache-2.0 */
/* Words, and text from and to COM's. */
#include "tests/realm/com-wire.h"
#include <stdlib.h>
#include <string.h>

const WireWord wire_levels[] = {{"anonymous", RPC_C_IMP_LEVEL_ANONYMOUS},
                                {"identify", RPC_C_IMP_LEVEL_IDENTIFY},
                                {"impersonate", RPC_C_IMP_LEVEL_IMPERSONATE},
                                {"delegate", RPC_C_IMP_LEVEL_DELEGATE},
                                {NULL, RPC_C_IMP_LEVEL_DEFAULT}};
const WireWord wire_cloakings[] = {{"none", EOAC_NONE},
                                   {"static", EOAC_STATIC_CLOAKING},
                                   {"dynamic", EOAC_DYNAMIC_CLOAKING},
                                   {NULL, EOAC_DEFAULT}};
const WireWord wire_authn_levels[] = {{"none", RPC_C_AUTHN_LEVEL_NONE},
                                      {"connect", RPC_C_AUTHN_LEVEL_CONNECT},
                                      {"pkt", RPC_C_AUTHN_LEVEL_PKT},
                                      {"integrity", RPC_C_AUTHN_LEVEL_PKT_INTEGRITY},
                                      {"privacy", RPC_C_AUTHN_LEVEL_PKT_PRIVACY},
                                      {NULL, 0}};

DWORD wire_value(const WireWord *words, const char *word)
{
    while (words->word && strcmp(words->word, word) != 0)
        words++;
    return words->value;
}

const char *wire_word(const WireWord *words, DWORD value)
{
    while (words->word && words->value != value)
        words++;
    return words->word ? words->word : "?";
}

LPWSTR wire_wide(const char *text)
{
    size_t length = strlen(text);
    LPWSTR wide = CoTaskMemAlloc((length + 1) * sizeof(*wide));
    for (size_t i = 0; wide && i <= length; i++)
        wide[i] = (unsigned char)text[i];
    return wide;
}

char *wire_narrow(LPCWSTR text)
{
    size_t length = 0;
    while (text[length])
        length++;
    char *narrow = malloc(length + 1);
    for (size_t i = 0; narrow && i <= length; i++)
        narrow[i] = text[i] < 0x80 ? (char)text[i] : '?';
    return narrow;
}
