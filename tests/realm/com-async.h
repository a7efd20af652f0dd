/* SPDX-License-Identifier: Apache-2.0 */
/* IWireAside with an asynchronous face, as MIDL would make it of [async_uuid]; widl makes none. */
#pragma once
#include "tests/realm/com-wire.h"

typedef struct AsyncIWireAside AsyncIWireAside;
typedef struct AsyncIWireAsideVtbl {
    HRESULT (*QueryInterface)(AsyncIWireAside *This, REFIID riid, void **ppvObject);
    ULONG (*AddRef)(AsyncIWireAside *This);
    ULONG (*Release)(AsyncIWireAside *This);
    HRESULT (*Begin_Who)(AsyncIWireAside *This);
    HRESULT (*Finish_Who)(AsyncIWireAside *This, LPWSTR *seen);
} AsyncIWireAsideVtbl;
struct AsyncIWireAside {
    const AsyncIWireAsideVtbl *lpVtbl;
};
extern const IID IID_AsyncIWireAside;

/* Makes it known to the runtime. */
void wire_async_register(void);

/* Calls that were begun are not made until they are let go. */
void wire_async_hold(bool held);

/* What the server's objects do with Who: each class has its own. */
enum {
    ASYNC_REPORTS = 4, /* opens the gate, signals within Begin_, and tells what it could do then */
    ASYNC_WAITS = 5,   /* is signalled by a thread of its own once the gate is open */
    ASYNC_LOSES = 6,   /* lets go of the call object and signals nothing */
    ASYNC_REFUSES = 7  /* fails in Begin_ */
};
/* For WIRE_CLSID of those. */
IClassFactory *wire_async_factory(unsigned mode);
