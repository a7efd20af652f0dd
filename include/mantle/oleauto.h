/* SPDX-License-Identifier: Apache-2.0 */
/* BSTR, a counted UTF-16 string: NULL is the empty string everywhere. And the error object of a thread. */
#pragma once
#include "oaidl.h"
#include "wtypes.h"

/* Copies a NUL-terminated string. NULL for NULL, and when memory is short. */
MANTLE_API BSTR SysAllocString(const OLECHAR *text);
/* Copies `length` characters, or makes room for them (zeroed) when `text` is NULL; a NUL follows. */
MANTLE_API BSTR SysAllocStringLen(const OLECHAR *text, UINT length);
/* The same, counted in bytes: the length may be odd. */
MANTLE_API BSTR SysAllocStringByteLen(LPCSTR data, UINT bytes);
/* Replaces *string. FALSE when memory is short, and then *string is unchanged. */
MANTLE_API INT SysReAllocString(BSTR *string, const OLECHAR *text);
MANTLE_API INT SysReAllocStringLen(BSTR *string, const OLECHAR *text, UINT length);
MANTLE_API void SysFreeString(BSTR string);
/* Characters, bytes; 0 for NULL. */
MANTLE_API UINT SysStringLen(BSTR string);
MANTLE_API UINT SysStringByteLen(BSTR string);

/* The error object of this logical thread: the thread, and through ORPC the thread that called it. */

/* Replaces it; NULL clears it. S_OK, E_INVALIDARG (dwReserved). sdk:SetErrorInfo */
MANTLE_API HRESULT SetErrorInfo(ULONG dwReserved, IErrorInfo *perrinfo);
/* Takes it, so that the next call finds none. S_OK; S_FALSE and NULL: there is none; E_INVALIDARG. sdk:GetErrorInfo */
MANTLE_API HRESULT GetErrorInfo(ULONG dwReserved, IErrorInfo **pperrinfo);
/* A new, empty one; QueryInterface gives its IErrorInfo. S_OK, E_INVALIDARG, E_OUTOFMEMORY. sdk:CreateErrorInfo */
MANTLE_API HRESULT CreateErrorInfo(ICreateErrorInfo **pperrinfo);
