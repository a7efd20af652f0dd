/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalar types and calling-convention words under their Windows names, for LP64 machines.
 *
 * LONG and everything made from it has 32 bits here as it has there: `long` is never used. A wide character
 * is char16_t, so a literal is written OLESTR("text") or u"text", never L"text". Methods and callbacks use
 * the C compiler's ordinary calling convention, so the convention words are empty.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "sal.h"
#ifndef __cplusplus
#include <uchar.h>
#endif

#ifdef __cplusplus
#define EXTERN_C       extern "C"
#define EXTERN_C_BEGIN extern "C" {
#define EXTERN_C_END   }
#else
#define EXTERN_C extern
#define EXTERN_C_BEGIN
#define EXTERN_C_END
#endif

/* A function of libmantle that programs may call; the version script has the last word. */
#define MANTLE_API EXTERN_C __attribute__((visibility("default")))

#define STDMETHODCALLTYPE
#define STDMETHODVCALLTYPE
#define STDAPICALLTYPE
#define WINAPI
#define APIENTRY
#define CALLBACK
#define PASCAL
#define CONST const
#define FAR
#define VOID void
#ifndef __stdcall
#define __stdcall
#endif
#ifndef __cdecl
#define __cdecl
#endif
#define FORCEINLINE        inline __attribute__((always_inline))
#define DECLSPEC_HIDDEN    __attribute__((visibility("hidden")))
#define DECLSPEC_SELECTANY __attribute__((weak, visibility("default")))
#define DECLSPEC_ALIGN(n)  __attribute__((aligned(n)))
#define DECLSPEC_NORETURN  __attribute__((noreturn))
#define DECLSPEC_UUID(text)
#define DECLSPEC_NOVTABLE
#define UNREFERENCED_PARAMETER(x) ((void)(x))

#ifndef TRUE
#define TRUE  1
#define FALSE 0
#endif

typedef unsigned char BYTE, UCHAR, BOOLEAN, *PBYTE, *LPBYTE, *PUCHAR;
typedef char CHAR, CCHAR, *PCHAR, *PSTR, *LPSTR;
typedef const char *PCSTR, *LPCSTR;
typedef signed char INT8;
typedef uint8_t UINT8;
typedef int16_t SHORT, INT16, *PSHORT;
typedef uint16_t USHORT, WORD, UINT16, ATOM, *PUSHORT, *PWORD, *LPWORD;
typedef int32_t LONG, INT, INT32, BOOL, LONG32, *PLONG, *LPLONG, *PINT, *PBOOL, *LPBOOL;
typedef uint32_t ULONG, DWORD, UINT, UINT32, ULONG32, *PULONG, *PDWORD, *LPDWORD, *PUINT;
typedef int64_t LONGLONG, INT64, LONG64, *PLONGLONG;
typedef uint64_t ULONGLONG, DWORDLONG, UINT64, ULONG64, DWORD64, *PULONGLONG;
typedef float FLOAT;
typedef double DOUBLE;
typedef intptr_t INT_PTR, LONG_PTR, SSIZE_T, LPARAM, LRESULT;
typedef uintptr_t UINT_PTR, ULONG_PTR, DWORD_PTR, SIZE_T, WPARAM;
typedef int64_t __int3264;
typedef char16_t WCHAR, *PWCHAR, *PWSTR, *LPWSTR;
typedef const char16_t *PCWSTR, *LPCWSTR;
typedef void *PVOID, *LPVOID;
typedef const void *LPCVOID;
typedef LONG HRESULT;
typedef LONG SCODE;
typedef LONG NTSTATUS;
typedef LONG RPC_STATUS;
typedef ULONG error_status_t;

#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long

typedef void *HANDLE, **PHANDLE, **LPHANDLE;
typedef HANDLE HMODULE, HINSTANCE, HGLOBAL, HWND;
#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)

typedef struct _LUID {
    DWORD LowPart;
    LONG HighPart;
} LUID, *PLUID;
typedef union _LARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        LONG HighPart;
    };
    struct {
        DWORD LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;
typedef union _ULARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        DWORD HighPart;
    };
    struct {
        DWORD LowPart;
        DWORD HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;
typedef struct _FILETIME {
    DWORD dwLowDateTime;
    DWORD dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;

#define LOWORD(x)      ((WORD)((ULONG_PTR)(x)&0xffff))
#define HIWORD(x)      ((WORD)(((ULONG_PTR)(x) >> 16) & 0xffff))
#define MAKELONG(a, b) ((LONG)((WORD)(a) | (DWORD)(WORD)(b) << 16))
#define INFINITE       0xffffffffu
#define ARRAYSIZE(a)   (sizeof(a) / sizeof((a)[0]))

#ifdef __cplusplus
#define MANTLE_STATIC_ASSERT(x) static_assert(x, #x)
#else
#define MANTLE_STATIC_ASSERT(x) _Static_assert(x, #x)
#endif
MANTLE_STATIC_ASSERT(sizeof(LONG) == 4 && sizeof(DWORD) == 4 && sizeof(HRESULT) == 4 && sizeof(BOOL) == 4);
MANTLE_STATIC_ASSERT(sizeof(WCHAR) == 2 && sizeof(WORD) == 2 && sizeof(LONGLONG) == 8 && sizeof(void *) == 8);
MANTLE_STATIC_ASSERT(sizeof(__int64) == 8 && sizeof(LUID) == 8 && sizeof(FILETIME) == 8);
