/* SPDX-License-Identifier: Apache-2.0 */
#define COBJMACROS
#include <oleauto.h>
#include <stdio.h>
#include <stringapiset.h>
#include "cli/cli.h"

#define SENTENCE_MAX 2048

void cli_make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~') *text = '?';
}

void cli_print_error(const char *verb, HRESULT code)
{
    IErrorInfo *error = NULL;
    BSTR text = NULL;
    char sentence[SENTENCE_MAX] = "";
    if (GetErrorInfo(0, &error) == S_OK) {
        if (SUCCEEDED(IErrorInfo_GetDescription(error, &text)) && text)
            (void)WideCharToMultiByte(CP_UTF8, 0, text, -1, sentence, sizeof(sentence), NULL, NULL);
        SysFreeString(text);
        IErrorInfo_Release(error);
    }
    cli_make_printable(sentence);
    if (sentence[0])
        fprintf(stderr, "mantle %s: %s\n", verb, sentence);
    else
        fprintf(stderr, "mantle %s: 0x%08X\n", verb, (unsigned)code);
}
