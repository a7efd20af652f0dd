/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Windows program: makes every call of src/ndr/testing-hard-calls.c over rpcrt4's NDR engine, proxy and
 * stub of widl's in one process, and prints what would cross the wire as ../ndr-oracle.c does.
 */
#include "ndr/testing-hard.h"

/* As in ../ndr-oracle.c. */
static const CLSID custom = {0x4D616E74, 0x6C65, 0x0002, {0x9B, 0x1E, 0x57, 0x69, 0x6E, 0x65, 0x40, 0x40}};
static const char *caller;

void test_touch(const void *data, size_t length)
{
    (void)data;
    (void)length;
}

/* ---- objects that marshal themselves ---- */

typedef struct TestObject {
    IUnknown unknown;
    IMarshal marshal;
    ULONG references;
    IID iid;
    size_t length;
    uint8_t data[16];
} TestObject;

static TestObject *of_marshal(IMarshal *This)
{
    return (TestObject *)((char *)This - offsetof(TestObject, marshal));
}

static HRESULT WINAPI unknown_query(IUnknown *This, REFIID iid, void **ret)
{
    *ret = IsEqualIID(iid, &IID_IMarshal) ? (void *)&((TestObject *)This)->marshal : This;
    if (IsEqualIID(iid, &IID_IMarshal2)) {
        *ret = NULL;
        return E_NOINTERFACE;
    }
    ((TestObject *)This)->references++;
    return S_OK;
}

static ULONG WINAPI unknown_add_ref(IUnknown *This)
{
    return ++((TestObject *)This)->references;
}

static ULONG WINAPI unknown_release(IUnknown *This)
{
    ULONG references = --((TestObject *)This)->references;
    if (references == 0) free(This);
    return references;
}

static HRESULT WINAPI marshal_query(IMarshal *This, REFIID iid, void **ret)
{
    return unknown_query(&of_marshal(This)->unknown, iid, ret);
}

static ULONG WINAPI marshal_add_ref(IMarshal *This)
{
    return unknown_add_ref(&of_marshal(This)->unknown);
}

static ULONG WINAPI marshal_release(IMarshal *This)
{
    return unknown_release(&of_marshal(This)->unknown);
}

static HRESULT WINAPI marshal_class(IMarshal *This, REFIID iid, void *object, DWORD context, void *reserved,
                                    DWORD flags, CLSID *ret_class)
{
    *ret_class = custom;
    return S_OK;
}

static HRESULT WINAPI marshal_size(IMarshal *This, REFIID iid, void *object, DWORD context, void *reserved,
                                   DWORD flags, DWORD *ret_size)
{
    *ret_size = (DWORD)of_marshal(This)->length;
    return S_OK;
}

static HRESULT WINAPI marshal_put(IMarshal *This, IStream *stream, REFIID iid, void *object, DWORD context,
                                  void *reserved, DWORD flags)
{
    return IStream_Write(stream, of_marshal(This)->data, (ULONG)of_marshal(This)->length, NULL);
}

static HRESULT WINAPI marshal_get(IMarshal *This, IStream *stream, REFIID iid, void **ret)
{
    uint8_t data[16];
    ULONG length = 0;
    HRESULT hr = IStream_Read(stream, data, sizeof(data), &length);
    if (SUCCEEDED(hr)) *ret = test_object_new(iid, data, length);
    return hr;
}

static HRESULT WINAPI marshal_forget(IMarshal *This, IStream *stream)
{
    return S_OK;
}

static HRESULT WINAPI marshal_disconnect(IMarshal *This, DWORD reserved)
{
    return S_OK;
}

static IUnknownVtbl unknown_methods = {unknown_query, unknown_add_ref, unknown_release};
static IMarshalVtbl marshal_methods = {marshal_query, marshal_add_ref, marshal_release,
                                       marshal_class, marshal_size,    marshal_put,
                                       marshal_get,   marshal_forget,  marshal_disconnect};

IUnknown *test_object_new(const IID *iid, const void *data, size_t length)
{
    TestObject *object = malloc(sizeof(*object));
    *object = (TestObject){{&unknown_methods}, {&marshal_methods}, 1, *iid, length, {0}};
    memcpy(object->data, data, length);
    return &object->unknown;
}

const uint8_t *test_object_data(void *object, size_t *ret_length)
{
    *ret_length = ((TestObject *)object)->length;
    return ((TestObject *)object)->data;
}

const IID *test_object_iid(void *object)
{
    return &((TestObject *)object)->iid;
}

/* The class of references: makes an object whose marshal_get reads them. */
static HRESULT WINAPI factory_query(IClassFactory *This, REFIID iid, void **ret)
{
    *ret = This;
    return S_OK;
}

static ULONG WINAPI factory_count(IClassFactory *This)
{
    return 1;
}

static HRESULT WINAPI factory_create(IClassFactory *This, IUnknown *outer, REFIID iid, void **ret)
{
    IUnknown *object = test_object_new(&IID_IUnknown, "", 0);
    HRESULT hr = IUnknown_QueryInterface(object, iid, ret);
    IUnknown_Release(object);
    return hr;
}

static HRESULT WINAPI factory_lock(IClassFactory *This, BOOL lock)
{
    return S_OK;
}

static IClassFactoryVtbl factory_methods = {factory_query, factory_count, factory_count, factory_create,
                                            factory_lock};
static IClassFactory factory = {&factory_methods};

/* ---- a channel from proxy to stub ---- */

static IRpcStubBuffer *stub;

static void print(const char *what, const RPCOLEMESSAGE *message)
{
    printf("%s|%s|", caller, what);
    for (ULONG i = 0; i < message->cbBuffer; i++)
        printf("%02x", ((uint8_t *)message->Buffer)[i]);
    putchar('\n');
}

static HRESULT WINAPI channel_query(IRpcChannelBuffer *This, REFIID iid, void **ret)
{
    *ret = IsEqualIID(iid, &IID_IRpcChannelBuffer) || IsEqualIID(iid, &IID_IUnknown) ? This : NULL;
    return *ret ? S_OK : E_NOINTERFACE;
}

static ULONG WINAPI channel_count(IRpcChannelBuffer *This)
{
    return 1;
}

static HRESULT WINAPI channel_get_buffer(IRpcChannelBuffer *This, RPCOLEMESSAGE *message, REFIID iid)
{
    message->Buffer = calloc(1, message->cbBuffer);
    message->dataRepresentation = NDR_LOCAL_DATA_REPRESENTATION;
    return S_OK;
}

static HRESULT WINAPI channel_send(IRpcChannelBuffer *This, RPCOLEMESSAGE *message, ULONG *ret_status)
{
    RPCOLEMESSAGE served = *message;
    served.iMethod &= 0x7FFF; /* RPC_FLAGS_VALID_BIT */
    print("request", message);
    HRESULT hr = IRpcStubBuffer_Invoke(stub, &served, This);
    free(message->Buffer);
    message->Buffer = served.Buffer;
    message->cbBuffer = served.cbBuffer;
    *ret_status = 0;
    if (FAILED(hr)) fprintf(stderr, "%s: 0x%08lX\n", caller, hr);
    if (SUCCEEDED(hr)) print("reply", &served);
    return hr;
}

static HRESULT WINAPI channel_free_buffer(IRpcChannelBuffer *This, RPCOLEMESSAGE *message)
{
    free(message->Buffer);
    message->Buffer = NULL;
    return S_OK;
}

static HRESULT WINAPI channel_context(IRpcChannelBuffer *This, DWORD *ret_context, void **ret_data)
{
    *ret_context = MSHCTX_DIFFERENTMACHINE;
    *ret_data = NULL;
    return S_OK;
}

static HRESULT WINAPI channel_connected(IRpcChannelBuffer *This)
{
    return S_OK;
}

static IRpcChannelBufferVtbl channel_methods = {channel_query,      channel_count,    channel_count,
                                                channel_get_buffer, channel_send,     channel_free_buffer,
                                                channel_context,    channel_connected};
static IRpcChannelBuffer channel = {&channel_methods};

/* Windows' QueryInterface of the object itself: a stub asks for the interface it is to serve. */
static HRESULT WINAPI hard_query(IHard *This, REFIID iid, void **ret)
{
    *ret = This;
    return S_OK;
}

/* ---- callers that rpcrt4 does not survive ---- */

static void *resume[5];

static LONG WINAPI unhandled(EXCEPTION_POINTERS *exception)
{
    printf("%s|died|%08lX\n", caller, exception->ExceptionRecord->ExceptionCode);
    __builtin_longjmp(resume, 1);
}

static void run(size_t index, IHard *proxy)
{
    caller = hard_callers[index].name;
    if (__builtin_setjmp(resume) == 0) hard_callers[index].run(proxy, true);
}

EXTERN_PROXY_FILE(hard)
static const ProxyFileInfo *files[] = {REFERENCE_PROXY_FILE(hard), NULL};
static CStdPSFactoryBuffer data;
CSTDSTUBBUFFERRELEASE(&data)

int main(void)
{
    IPSFactoryBuffer *proxies;
    IRpcProxyBuffer *buffer;
    IHard *proxy;
    IHardVtbl methods = *hard_object.lpVtbl;
    IHard object = {&methods};
    DWORD cookie;
    methods.QueryInterface = hard_query;
    setvbuf(stdout, NULL, _IONBF, 0);
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&custom, (IUnknown *)&factory, CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE,
                                   &cookie);
    if (SUCCEEDED(hr))
        hr = NdrDllGetClassObject(&IID_IHard, &IID_IPSFactoryBuffer, (void **)&proxies, files, &IID_IHard,
                                  &data);
    if (SUCCEEDED(hr)) hr = IPSFactoryBuffer_CreateProxy(proxies, NULL, &IID_IHard, &buffer, (void **)&proxy);
    if (SUCCEEDED(hr)) hr = IRpcProxyBuffer_Connect(buffer, &channel);
    if (SUCCEEDED(hr)) hr = IPSFactoryBuffer_CreateStub(proxies, &IID_IHard, (IUnknown *)&object, &stub);
    SetUnhandledExceptionFilter(unhandled);
    for (size_t i = 0; SUCCEEDED(hr) && i < hard_callers_count; i++)
        run(i, proxy);
    if (FAILED(hr)) fprintf(stderr, "ndr-oracle: 0x%08lX\n", hr);
    return FAILED(hr);
}
