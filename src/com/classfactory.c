/* SPDX-License-Identifier: Apache-2.0 */
/* IClassFactory from process to process: the two sides that [call_as] leaves to us. Its vtable is that of
 * <unknwn.h>; on the wire there is no outer object. */
#include "classfactory.h"
#include "com/errorinfo.h"
#include "winerror.h"

HRESULT CALLBACK IRemoteClassFactory_CreateInstance_Proxy(IRemoteClassFactory *This, IUnknown *pUnkOuter,
                                                          REFIID riid, void **ppvObject)
{
    if (!ppvObject) return E_POINTER;
    *ppvObject = NULL;
    if (pUnkOuter)
        return com_error(CLASS_E_NOAGGREGATION, "An object of another process cannot be aggregated.");
    return IRemoteClassFactory_RemoteCreateInstance_Proxy(This, riid, (IUnknown **)ppvObject);
}

HRESULT __RPC_STUB IRemoteClassFactory_CreateInstance_Stub(IRemoteClassFactory *This, REFIID riid,
                                                           IUnknown **ppvObject)
{
    *ppvObject = NULL;
    return This->lpVtbl->CreateInstance(This, NULL, riid, (void **)ppvObject);
}

HRESULT CALLBACK IRemoteClassFactory_LockServer_Proxy(IRemoteClassFactory *This, BOOL fLock)
{
    return IRemoteClassFactory_RemoteLockServer_Proxy(This, fLock);
}

HRESULT __RPC_STUB IRemoteClassFactory_LockServer_Stub(IRemoteClassFactory *This, BOOL fLock)
{
    return This->lpVtbl->LockServer(This, fLock);
}
