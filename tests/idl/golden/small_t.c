/* Written by mantle-idl from small.idl. Do not edit. */
#include <objbase.h>
#include <mantle_ndr.h>
#include "small.h"

extern const ExtendedProxyFileInfo small_ProxyFileInfo;

static HRESULT STDMETHODCALLTYPE ISmall_Nothing_client(ISmall *This)
{
    ULONGLONG slots_[2] = {0};
    MANTLE_SLOT_PUT(slots_[0], This);
    return MantleProxyCall(This, 3, slots_);
}
static HRESULT ISmall_Nothing_server(void *object, ULONGLONG *slots)
{
    ISmall *This = object;
    (void)slots;
    return This->lpVtbl->Nothing(This);
}

static HRESULT STDMETHODCALLTYPE ISmall_Values_client(ISmall *This, byte a, hyper b, double c, Point d, GUID e, LONG f[2])
{
    ULONGLONG slots_[8] = {0};
    MANTLE_SLOT_PUT(slots_[0], This);
    MANTLE_SLOT_PUT(slots_[1], a);
    MANTLE_SLOT_PUT(slots_[2], b);
    MANTLE_SLOT_PUT(slots_[3], c);
    MANTLE_SLOT_PUT(slots_[4], d);
    MANTLE_SLOT_PUT(slots_[5], e);
    slots_[6] = (ULONG_PTR)(const void *)f;
    return MantleProxyCall(This, 4, slots_);
}
static HRESULT ISmall_Values_server(void *object, ULONGLONG *slots)
{
    ISmall *This = object;
    (void)slots;
    return This->lpVtbl->Values(This,
        MANTLE_SLOT_GET(byte, slots[1]),
        MANTLE_SLOT_GET(hyper, slots[2]),
        MANTLE_SLOT_GET(double, slots[3]),
        MANTLE_SLOT_GET(Point, slots[4]),
        MANTLE_SLOT_GET(GUID, slots[5]),
        MANTLE_SLOT_GET(void *, slots[6]));
}

static HRESULT STDMETHODCALLTYPE ISmall_Texts_client(ISmall *This, LPCWSTR in_, LPWSTR *out_, BSTR *both)
{
    ULONGLONG slots_[5] = {0};
    MANTLE_SLOT_PUT(slots_[0], This);
    MANTLE_SLOT_PUT(slots_[1], in_);
    MANTLE_SLOT_PUT(slots_[2], out_);
    MANTLE_SLOT_PUT(slots_[3], both);
    return MantleProxyCall(This, 5, slots_);
}
static HRESULT ISmall_Texts_server(void *object, ULONGLONG *slots)
{
    ISmall *This = object;
    (void)slots;
    return This->lpVtbl->Texts(This,
        MANTLE_SLOT_GET(LPCWSTR, slots[1]),
        MANTLE_SLOT_GET(LPWSTR *, slots[2]),
        MANTLE_SLOT_GET(BSTR *, slots[3]));
}

static HRESULT STDMETHODCALLTYPE ISmall_Sized_client(ISmall *This, ULONG n, const BYTE *data, BYTE *copy)
{
    ULONGLONG slots_[5] = {0};
    MANTLE_SLOT_PUT(slots_[0], This);
    MANTLE_SLOT_PUT(slots_[1], n);
    MANTLE_SLOT_PUT(slots_[2], data);
    MANTLE_SLOT_PUT(slots_[3], copy);
    return MantleProxyCall(This, 6, slots_);
}
static HRESULT ISmall_Sized_server(void *object, ULONGLONG *slots)
{
    ISmall *This = object;
    (void)slots;
    return This->lpVtbl->Sized(This,
        MANTLE_SLOT_GET(ULONG, slots[1]),
        MANTLE_SLOT_GET(const BYTE *, slots[2]),
        MANTLE_SLOT_GET(BYTE *, slots[3]));
}

static const void *const ISmall_vtable[] = {
    (const void *)IUnknown_QueryInterface_Proxy,
    (const void *)IUnknown_AddRef_Proxy,
    (const void *)IUnknown_Release_Proxy,
    (const void *)ISmall_Nothing_client,
    (const void *)ISmall_Values_client,
    (const void *)ISmall_Texts_client,
    (const void *)ISmall_Sized_client,
    (const void *)ISmall_Local_Proxy,
};
static const MantleServerThunk ISmall_servers[] = {
    NULL,
    NULL,
    NULL,
    ISmall_Nothing_server,
    ISmall_Values_server,
    ISmall_Texts_server,
    ISmall_Sized_server,
    NULL,
};

static MantleInterface interfaces[] = {
    {.iid = &IID_ISmall, .base = &IID_IUnknown, .name = "ISmall", .methods = 8,
     .vtable = ISmall_vtable, .servers = ISmall_servers},
};

__attribute__((constructor)) static void register_interfaces(void)
{
    MantleRegisterInterfaces(&small_ProxyFileInfo, interfaces, 1);
}
