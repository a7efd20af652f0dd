/* SPDX-License-Identifier: Apache-2.0 */
/* The object that servers of the tests serve, and clients of theirs are called back on. */
#include "tests/realm/com-wire.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct Object {
    IWire wire;
    IWireAside aside;
    atomic_uint refs, staying;
    _Atomic(IWire *) held;
    char *maker; /* whom the call that made it showed */
} Object;

static atomic_uint objects;

static Object *of_wire(IWire *This)
{
    return (Object *)((char *)This - offsetof(Object, wire));
}

static Object *of_aside(IWireAside *This)
{
    return (Object *)((char *)This - offsetof(Object, aside));
}

static ULONG object_add_ref(Object *object)
{
    return atomic_fetch_add(&object->refs, 1) + 1;
}

static ULONG object_release(Object *object)
{
    ULONG left = atomic_fetch_sub(&object->refs, 1) - 1;
    if (left) return left;
    if (object->held) IWire_Release(object->held);
    free(object->maker);
    free(object);
    atomic_fetch_sub(&objects, 1);
    return 0;
}

static HRESULT object_query(Object *object, REFIID iid, void **ret)
{
    *ret = NULL;
    if (IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IWire)) *ret = &object->wire;
    if (IsEqualIID(iid, &IID_IWireAside)) *ret = &object->aside;
    if (!*ret) return E_NOINTERFACE;
    object_add_ref(object);
    return S_OK;
}

static HRESULT wire_QueryInterface(IWire *This, REFIID iid, void **ret)
{
    return object_query(of_wire(This), iid, ret);
}

static ULONG wire_AddRef(IWire *This)
{
    return object_add_ref(of_wire(This));
}

static ULONG wire_Release(IWire *This)
{
    return object_release(of_wire(This));
}

/* As the memory that the caller of a method frees. */
static HRESULT answer(char *text, LPWSTR *ret_text)
{
    *ret_text = text ? wire_wide(text) : NULL;
    free(text);
    return *ret_text ? S_OK : E_OUTOFMEMORY;
}

static HRESULT wire_Who(IWire *This, LPWSTR *seen)
{
    return answer(wire_caller(), seen);
}

static HRESULT wire_Run(IWire *This, LPCWSTR steps, IWire *peer, LPWSTR *report)
{
    char *text = wire_narrow(steps);
    HRESULT hr = answer(text ? wire_steps(text, This, peer) : NULL, report);
    free(text);
    return hr;
}

static HRESULT wire_Another(IWire *This, IWire **another)
{
    *another = wire_object_new();
    return *another ? S_OK : E_OUTOFMEMORY;
}

static HRESULT wire_Hold(IWire *This, IWire *held)
{
    if (held) IWire_AddRef(held);
    IWire *before = atomic_exchange(&of_wire(This)->held, held);
    if (before) IWire_Release(before);
    return S_OK;
}

static HRESULT wire_Living(IWire *This, ULONG *living)
{
    *living = wire_object_count();
    return S_OK;
}

static HRESULT wire_Disconnect(IWire *This)
{
    return CoDisconnectObject((IUnknown *)This, 0);
}

static HRESULT wire_Stay(IWire *This, ULONG milliseconds, ULONG *together, ULONG *thread)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    Object *object = of_wire(This);
    *together = atomic_fetch_add(&object->staying, 1) + 1;
    nanosleep(&time, NULL);
    ULONG now = atomic_fetch_sub(&object->staying, 1);
    if (now > *together) *together = now;
    *thread = (ULONG)syscall(SYS_gettid);
    return S_OK;
}

static HRESULT aside_QueryInterface(IWireAside *This, REFIID iid, void **ret)
{
    return object_query(of_aside(This), iid, ret);
}

static ULONG aside_AddRef(IWireAside *This)
{
    return object_add_ref(of_aside(This));
}

static ULONG aside_Release(IWireAside *This)
{
    return object_release(of_aside(This));
}

static HRESULT aside_Who(IWireAside *This, LPWSTR *seen)
{
    return answer(wire_caller(), seen);
}

static IWireVtbl wire_methods = {wire_QueryInterface, wire_AddRef, wire_Release, wire_Who,        wire_Run,
                                 wire_Another,        wire_Hold,   wire_Living,  wire_Disconnect, wire_Stay};
static IWireAsideVtbl aside_methods = {aside_QueryInterface, aside_AddRef, aside_Release, aside_Who};

IWire *wire_object_new(void)
{
    Object *object = calloc(1, sizeof(*object));
    if (!object) return NULL;
    object->wire.lpVtbl = &wire_methods;
    object->aside.lpVtbl = &aside_methods;
    object->refs = 1;
    atomic_fetch_add(&objects, 1);
    return &object->wire;
}

IWire *wire_object_held(IWire *object)
{
    IWire *held = of_wire(object)->held;
    if (held) IWire_AddRef(held);
    return held;
}

const char *wire_object_maker(IWire *object)
{
    const char *maker = of_wire(object)->maker;
    return maker ? maker : "nobody";
}

unsigned wire_object_count(void)
{
    return objects;
}

/* The class: an object for everybody who activates it. */

static HRESULT factory_QueryInterface(IClassFactory *This, REFIID iid, void **ret)
{
    bool known = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IClassFactory);
    *ret = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}

static ULONG factory_AddRef(IClassFactory *This)
{
    return 2;
}

static ULONG factory_Release(IClassFactory *This)
{
    return 1;
}

static HRESULT factory_CreateInstance(IClassFactory *This, IUnknown *outer, REFIID iid, void **ret)
{
    *ret = NULL;
    if (outer) return CLASS_E_NOAGGREGATION;
    IWire *object = wire_object_new();
    if (!object) return E_OUTOFMEMORY;
    of_wire(object)->maker = wire_caller();
    HRESULT hr = IWire_QueryInterface(object, iid, ret);
    IWire_Release(object);
    return hr;
}

static HRESULT factory_LockServer(IClassFactory *This, BOOL lock)
{
    return S_OK;
}

static IClassFactoryVtbl factory_methods = {factory_QueryInterface, factory_AddRef, factory_Release,
                                            factory_CreateInstance, factory_LockServer};
IClassFactory wire_factory = {&factory_methods};
