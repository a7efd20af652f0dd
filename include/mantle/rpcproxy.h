/* SPDX-License-Identifier: Apache-2.0 */
/* The types of the interface tables in widl's NAME_p.c. Mantle reads the tables; the function slots stay
 * unused. */
#pragma once
#include "rpcndr.h"

#define __RPCPROXY_H_VERSION__ 475

typedef struct tagCInterfaceProxyHeader {
    const void *pStublessProxyInfo;
    const IID *piid;
} CInterfaceProxyHeader;
#define CINTERFACE_PROXY_VTABLE(n)                                                                           \
    struct {                                                                                                 \
        CInterfaceProxyHeader header;                                                                        \
        void *Vtbl[n];                                                                                       \
    }
typedef struct tagCInterfaceProxyVtbl {
    CInterfaceProxyHeader header;
    void *Vtbl[1];
} CInterfaceProxyVtbl;

typedef void (*PRPC_STUB_FUNCTION)(void);
typedef struct tagCInterfaceStubHeader {
    const IID *piid;
    const MIDL_SERVER_INFO *pServerInfo;
    ULONG DispatchTableCount;
    const PRPC_STUB_FUNCTION *pDispatchTable;
} CInterfaceStubHeader;
typedef struct tagCInterfaceStubVtbl {
    CInterfaceStubHeader header;
    void *Vtbl[1];
} CInterfaceStubVtbl;
#define CStdStubBuffer_METHODS            0
#define CStdStubBuffer_DELEGATING_METHODS 0
#define STUB_FORWARDING_FUNCTION          0
#define NdrStubCall2                      0

typedef const char *PCInterfaceName;
typedef const CInterfaceProxyVtbl *PCInterfaceProxyVtblList;
typedef const CInterfaceStubVtbl *PCInterfaceStubVtblList;
typedef int (*PIIDLookup)(const IID *iid, int *index);
typedef struct tagProxyFileInfo {
    const PCInterfaceProxyVtblList *pProxyVtblList;
    const PCInterfaceStubVtblList *pStubVtblList;
    const PCInterfaceName *pNamesArray;
    const IID **pDelegatedIIDs;
    PIIDLookup pIIDLookupRtn;
    unsigned short TableSize, TableVersion;
    const IID **pAsyncIIDLookup;
    LONG_PTR Filler2, Filler3, Filler4;
} ExtendedProxyFileInfo, ProxyFileInfo;
#define IID_GENERIC_CHECK_IID(name, iid, index)                                                              \
    memcmp(iid, name##_ProxyVtblList[index]->header.piid, sizeof(IID))

/* The first three slots of every proxy's vtable; they ask the proxy's channel. */
MANTLE_API HRESULT IUnknown_QueryInterface_Proxy(IUnknown *This, REFIID riid, void **ppvObject);
MANTLE_API ULONG IUnknown_AddRef_Proxy(IUnknown *This);
MANTLE_API ULONG IUnknown_Release_Proxy(IUnknown *This);
