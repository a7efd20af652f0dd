/* SPDX-License-Identifier: Apache-2.0 */
/* unknown-server {CLSID} ...: serves these classes, whose objects have IUnknown and nothing else, on the host
 * that MANTLE_CONFIG names. Says "ready" and ends with its standard input. */
#define COBJMACROS
#include <objbase.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Object {
    IUnknown unknown;
    _Atomic ULONG refs;
} Object;

static HRESULT object_QueryInterface(IUnknown *This, REFIID iid, void **ret)
{
    BOOL known = IsEqualIID(iid, &IID_IUnknown);
    *ret = known ? This : NULL;
    if (known) IUnknown_AddRef(This);
    return known ? S_OK : E_NOINTERFACE;
}

static ULONG object_AddRef(IUnknown *This)
{
    return ++((Object *)This)->refs;
}

static ULONG object_Release(IUnknown *This)
{
    ULONG left = --((Object *)This)->refs;
    if (left == 0) free(This);
    return left;
}

static IUnknownVtbl object_methods = {object_QueryInterface, object_AddRef, object_Release};

static HRESULT factory_QueryInterface(IClassFactory *This, REFIID iid, void **ret)
{
    BOOL known = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IClassFactory);
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
    Object *object = malloc(sizeof(*object));
    if (!object) return E_OUTOFMEMORY;
    *object = (Object){{&object_methods}, 1};
    HRESULT hr = IUnknown_QueryInterface(&object->unknown, iid, ret);
    IUnknown_Release(&object->unknown);
    return hr;
}

static HRESULT factory_LockServer(IClassFactory *This, BOOL lock)
{
    return S_OK;
}

static IClassFactoryVtbl factory_methods = {factory_QueryInterface, factory_AddRef, factory_Release,
                                            factory_CreateInstance, factory_LockServer};
static IClassFactory factory = {&factory_methods};

static HRESULT serve(const char *text)
{
    OLECHAR name[40] = {0};
    CLSID class;
    DWORD cookie;
    for (size_t i = 0; i < strlen(text) && i < 39; i++)
        name[i] = (unsigned char)text[i];
    HRESULT hr = CLSIDFromString(name, &class);
    if (FAILED(hr)) return hr;
    return CoRegisterClassObject(&class, (IUnknown *)&factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                 &cookie);
}

int main(int argc, char **argv)
{
    char byte;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    for (int i = 1; i < argc && SUCCEEDED(hr); i++)
        hr = serve(argv[i]);
    if (FAILED(hr)) {
        fprintf(stderr, "unknown-server: 0x%08X\n", (unsigned)hr);
        return 1;
    }
    puts("ready");
    if (fflush(stdout) != 0) return 1;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    CoUninitialize();
    return 0;
}
