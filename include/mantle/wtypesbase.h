/* SPDX-License-Identifier: Apache-2.0 */
/* The types every COM header begins with: OLECHAR, BSTR's element, blobs. */
#pragma once
#include "windef.h"
#include "guiddef.h"

typedef WCHAR OLECHAR;
typedef OLECHAR *LPOLESTR;
typedef const OLECHAR *LPCOLESTR;
/* A wide literal. Code from Windows changes L"text" to OLESTR("text"); __TEXT and TEXT mean the same here. */
#define OLESTR(text) u##text
#define TEXT(text)   u##text
#define __TEXT(text) u##text
typedef WCHAR TCHAR, *PTCHAR, *LPTSTR, *PTSTR;
typedef const WCHAR *LPCTSTR, *PCTSTR;

typedef double DATE;
typedef struct _BLOB {
    ULONG cbSize;
    BYTE *pBlobData;
} BLOB, *LPBLOB;
