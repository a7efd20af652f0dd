/* SPDX-License-Identifier: Apache-2.0 */
/* IClientSecurity and IMultiQI of proxies, and the functions that are short for the first (facts PB-1). */
#include <stdlib.h>
#include "com/errorinfo.h"
#include "com/local.h"
#include "com/process.h"
#include "com/proxy.h"
#include "com/thread.h"
#include "combaseapi.h"
#include "winerror.h"

/* IClientSecurity */

static ProxyObject *security_object(IClientSecurity *This)
{
    return container_of(This, ProxyObject, security);
}

static HRESULT STDMETHODCALLTYPE security_query(IClientSecurity *This, REFIID iid, void **ret_object)
{
    return proxy_object_query(security_object(This), iid, ret_object);
}
static ULONG STDMETHODCALLTYPE security_add_ref(IClientSecurity *This)
{
    return proxy_object_add_ref(security_object(This));
}
static ULONG STDMETHODCALLTYPE security_release(IClientSecurity *This)
{
    return proxy_object_release(security_object(This));
}

HRESULT proxy_settings(ProxyObject *object, IUnknown *pointer, ChannelSettings **ret_settings,
                       ProxyInterface **ret_proxy)
{
    ProxyInterface *proxy = NULL;
    if (!pointer || proxy_of(pointer, &proxy) != object)
        return com_error(E_INVALIDARG, "The pointer is no interface of this proxy.");
    if (!proxy && pointer != &object->unknown)
        return com_error(E_INVALIDARG, "IClientSecurity and IMultiQI are local: they have no blanket.");
    *ret_settings = proxy ? &proxy->settings : &object->unknown_settings;
    if (ret_proxy) *ret_proxy = proxy;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE security_query_blanket(IClientSecurity *This, IUnknown *pointer,
                                                        DWORD *ret_service, DWORD *ret_authz,
                                                        OLECHAR **ret_principal, DWORD *ret_level,
                                                        DWORD *ret_impersonation, void **ret_auth_info,
                                                        DWORD *ret_capabilities)
{
    _cleanup_(blanket_unrefp) Blanket *blanket = NULL;
    ProxyObject *object = security_object(This);
    ChannelSettings *settings = NULL;
    HRESULT hr = proxy_settings(object, pointer, &settings, NULL);
    if (SUCCEEDED(hr)) hr = channel_settings_blanket(settings, object->exporter, &blanket);
    if (FAILED(hr)) return hr;
    return blanket_query(blanket, ret_service, ret_authz, ret_principal, ret_level, ret_impersonation,
                         ret_auth_info, ret_capabilities);
}

static HRESULT STDMETHODCALLTYPE security_set_blanket(IClientSecurity *This, IUnknown *pointer, DWORD service,
                                                      DWORD authz, OLECHAR *principal, DWORD level,
                                                      DWORD impersonation, void *auth_info,
                                                      DWORD capabilities)
{
    _cleanup_(blanket_unrefp) Blanket *previous = NULL, *blanket = NULL;
    ProxyObject *object = security_object(This);
    BlanketServer server = {remote_exporter_bindings(object->exporter),
                            remote_exporter_authn_hint(object->exporter),
                            remote_exporter_local_binding(object->exporter) != NULL};
    BlanketArgs args = {service, authz, principal, level, impersonation, auth_info, capabilities};
    const ProcessSecurity *security;
    ChannelSettings *settings = NULL;
    Token *process = NULL;
    HRESULT hr = proxy_settings(object, pointer, &settings, NULL);
    if (SUCCEEDED(hr)) hr = security_get(&security);
    if (FAILED(hr)) return hr;
    if (settings == &object->unknown_settings && security->capabilities & EOAC_SECURE_REFS) /* PB-4 */
        return com_error(E_INVALIDARG, "With EOAC_SECURE_REFS references are always counted as the process: "
                                       "IUnknown's blanket cannot be set.");
    /* No default can be negotiated: then there is no earlier principal to keep. */
    if (FAILED(channel_settings_blanket(settings, object->exporter, &previous))) previous = NULL;
    /* Without a process token static cloaking may capture nothing; then each call says so. */
    if (FAILED(process_token(&process)) && (!server.local || FAILED(local_self(&process)))) process = NULL;
    SetErrorInfo(0, NULL);
    hr = blanket_new_set(security, &server, previous, &args, thread_token(), process, &blanket);
    if (SUCCEEDED(hr)) channel_settings_set(settings, blanket);
    return hr;
}

static HRESULT STDMETHODCALLTYPE security_copy_proxy(IClientSecurity *This, IUnknown *pointer,
                                                     IUnknown **ret_copy)
{
    ChannelSettings *settings;
    ProxyInterface *proxy = NULL;
    if (!ret_copy) return E_POINTER;
    *ret_copy = NULL;
    HRESULT hr = proxy_settings(security_object(This), pointer, &settings, &proxy);
    if (FAILED(hr)) return hr;
    if (!proxy) return com_error(E_INVALIDARG, "CoCopyProxy: IUnknown cannot be copied, every copy leads back to it. Copy the interface that is called.");
    return proxy_copy(proxy, ret_copy);
}

const IClientSecurityVtbl proxy_security_vtable = {
    security_query,         security_add_ref,     security_release,
    security_query_blanket, security_set_blanket, security_copy_proxy,
};

/* IMultiQI */

static ProxyObject *multi_object(IMultiQI *This)
{
    return container_of(This, ProxyObject, multi);
}

static HRESULT STDMETHODCALLTYPE multi_query(IMultiQI *This, REFIID iid, void **ret_object)
{
    return proxy_object_query(multi_object(This), iid, ret_object);
}
static ULONG STDMETHODCALLTYPE multi_add_ref(IMultiQI *This)
{
    return proxy_object_add_ref(multi_object(This));
}
static ULONG STDMETHODCALLTYPE multi_release(IMultiQI *This)
{
    return proxy_object_release(multi_object(This));
}

#define MULTI_MAX 1024u

/* One remote call for all that is not known yet. */
static HRESULT STDMETHODCALLTYPE multi_query_all(IMultiQI *This, ULONG count, MULTI_QI *queries)
{
    ProxyObject *object = multi_object(This);
    if (!queries || count == 0 || count > MULTI_MAX) return E_INVALIDARG;
    _cleanup_(freep) const IID **iids = calloc(count, sizeof(*iids));
    _cleanup_(freep) HRESULT *results = calloc(count, sizeof(*results));
    _cleanup_(freep) ULONG *places = calloc(count, sizeof(*places));
    if (!iids || !results || !places) return E_OUTOFMEMORY;
    unsigned asked = 0, found = 0;
    for (ULONG i = 0; i < count; i++) {
        queries[i].pItf = proxy_known(object, queries[i].pIID);
        queries[i].hr = queries[i].pItf ? S_OK : E_NOINTERFACE;
        if (queries[i].pItf) continue;
        places[asked] = i;
        iids[asked++] = queries[i].pIID;
    }
    HRESULT hr = asked ? proxy_query(object, iids, asked, results) : S_OK;
    for (unsigned i = 0; i < asked; i++) {
        MULTI_QI *query = &queries[places[i]];
        query->hr = FAILED(hr) ? hr : results[i];
        if (SUCCEEDED(query->hr)) query->pItf = proxy_known(object, query->pIID);
    }
    for (ULONG i = 0; i < count; i++)
        found += queries[i].pItf != NULL;
    if (found == 0 && FAILED(hr)) return hr;
    return found == count ? S_OK : found == 0 ? E_NOINTERFACE : S_FALSE;
}

const IMultiQIVtbl proxy_multi_vtable = {multi_query, multi_add_ref, multi_release, multi_query_all};

/* Short forms */

static HRESULT client_security(IUnknown *proxy, IClientSecurity **ret_security)
{
    if (!proxy) return E_INVALIDARG;
    return proxy->lpVtbl->QueryInterface(proxy, &IID_IClientSecurity, (void **)ret_security);
}

HRESULT CoSetProxyBlanket(IUnknown *pProxy, DWORD dwAuthnSvc, DWORD dwAuthzSvc, OLECHAR *pServerPrincName,
                          DWORD dwAuthnLevel, DWORD dwImpLevel, RPC_AUTH_IDENTITY_HANDLE pAuthInfo,
                          DWORD dwCapabilities)
{
    IClientSecurity *security = NULL;
    HRESULT hr = client_security(pProxy, &security);
    if (FAILED(hr)) return hr;
    hr = security->lpVtbl->SetBlanket(security, pProxy, dwAuthnSvc, dwAuthzSvc, pServerPrincName,
                                      dwAuthnLevel, dwImpLevel, pAuthInfo, dwCapabilities);
    security->lpVtbl->Release(security);
    return hr;
}

HRESULT CoQueryProxyBlanket(IUnknown *pProxy, DWORD *pwAuthnSvc, DWORD *pAuthzSvc, LPOLESTR *pServerPrincName,
                            DWORD *pAuthnLevel, DWORD *pImpLevel, RPC_AUTH_IDENTITY_HANDLE *pAuthInfo,
                            DWORD *pCapabilites)
{
    IClientSecurity *security = NULL;
    HRESULT hr = client_security(pProxy, &security);
    if (FAILED(hr)) return hr;
    hr = security->lpVtbl->QueryBlanket(security, pProxy, pwAuthnSvc, pAuthzSvc, pServerPrincName,
                                        pAuthnLevel, pImpLevel, pAuthInfo, pCapabilites);
    security->lpVtbl->Release(security);
    return hr;
}

HRESULT CoCopyProxy(IUnknown *pProxy, IUnknown **ppCopy)
{
    IClientSecurity *security = NULL;
    if (!ppCopy) return E_INVALIDARG;
    *ppCopy = NULL;
    HRESULT hr = client_security(pProxy, &security);
    if (FAILED(hr)) return hr;
    hr = security->lpVtbl->CopyProxy(security, pProxy, ppCopy);
    security->lpVtbl->Release(security);
    return hr;
}
