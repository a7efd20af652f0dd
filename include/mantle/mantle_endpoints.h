/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine's endpoint mapper says. Not in the Windows SDK; there RpcMgmtEpEltInqBegin does it. */
#pragma once
#include "wtypes.h"

/* One element of the map: an interface and where it is served. */
typedef struct MantleEndpoint {
    GUID Interface, Object; /* Object is all zeroes where the interface is of every object */
    USHORT MajorVersion, MinorVersion;
    USHORT Port;         /* 0: not over TCP */
    CHAR Annotation[64]; /* as the machine said it: any bytes, and a NUL */
} MantleEndpoint;

/*
 * Asks on this thread, for a minute at most, and without security as everybody does: what is heard proves
 * nothing. No apartment is needed.
 *
 * lpszHost     "a", "//a", "a:135", "[::1]:135"
 * piid         NULL: everything that is mapped; else where this interface, of version wMajor.wMinor or a
 *              newer one of the same wMajor, is served
 * ppEndpoints  *pcEndpoints of them, to be freed with CoTaskMemFree; NULL when there are none
 *
 * S_OK, also for none; CO_E_BAD_SERVER_NAME; HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE) and what else ends
 * a call; HRESULT_FROM_WIN32(RPC_S_UNKNOWN_IF): there is no endpoint mapper; E_POINTER, E_OUTOFMEMORY.
 * GetErrorInfo has the sentence.
 */
MANTLE_API HRESULT MantleQueryEndpoints(LPCWSTR lpszHost, const IID *piid, USHORT wMajor, USHORT wMinor,
                                        ULONG *pcEndpoints, MantleEndpoint **ppEndpoints);
