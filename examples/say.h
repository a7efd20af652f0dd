/* SPDX-License-Identifier: Apache-2.0 */
/* What an HRESULT means, on standard error: the code and, where there is one, the sentence of the error
 * object. */
#pragma once
#include <objbase.h>
#include <stdio.h>

/* For people: UTF-16 as UTF-8. */
static inline void print(FILE *file, LPCWSTR text)
{
    char bytes[2000];
    if (text && WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, sizeof(bytes), NULL, NULL))
        fputs(bytes, file);
}

/* 1, the exit status of a program that failed. */
static inline int say(const char *what, HRESULT hr)
{
    IErrorInfo *info = NULL;
    BSTR sentence = NULL;
    fflush(stdout);
    fprintf(stderr, "%s: 0x%08X", what, (unsigned)hr);
    if (GetErrorInfo(0, &info) == S_OK) {
#ifdef __cplusplus
        info->GetDescription(&sentence);
        info->Release();
#else
        info->lpVtbl->GetDescription(info, &sentence);
        info->lpVtbl->Release(info);
#endif
    }
    if (sentence) fputs(": ", stderr);
    print(stderr, sentence);
    fputs("\n", stderr);
    SysFreeString(sentence);
    return 1;
}
