/* SPDX-License-Identifier: Apache-2.0 */
/* MantleQueryEndpoints: the client half of the endpoint mapper for programs. */
#include <mantle_endpoints.h>
#include <string.h>
#include "base/time.h"
#include "com/activation.h"
#include "com/errorinfo.h"
#include "com/runtime.h"
#include "combaseapi.h"
#include "orpc/status.h"
#include "rpc/endpoint-inquiry.h"
#include "winerror.h"

#define QUERY_DEADLINE (60 * NS_PER_SECOND)

static HRESULT give(const EndpointInquiry *inquiry, ULONG *ret_count, MantleEndpoint **ret_endpoints)
{
    size_t count;
    const EndpointFound *found = endpoint_inquiry_found(inquiry, &count);
    MantleEndpoint *endpoints = count ? CoTaskMemAlloc(count * sizeof(*endpoints)) : NULL;
    if (count && !endpoints) return E_OUTOFMEMORY;
    for (size_t i = 0; i < count; i++) {
        MantleEndpoint *endpoint = &endpoints[i];
        memcpy(&endpoint->Interface, &found[i].iface.uuid, sizeof(GUID));
        memcpy(&endpoint->Object, &found[i].object, sizeof(GUID));
        endpoint->MajorVersion = found[i].iface.major;
        endpoint->MinorVersion = found[i].iface.minor;
        endpoint->Port = found[i].port;
        memcpy(endpoint->Annotation, found[i].annotation, sizeof(endpoint->Annotation));
    }
    *ret_count = (ULONG)count;
    *ret_endpoints = endpoints;
    return S_OK;
}

static HRESULT inquire(const ActivationTarget *target, const PduSyntax *iface, EndpointInquiry **ret_inquiry)
{
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding = NULL;
    RemoteTable *table;
    HRESULT hr = runtime_remote(&table);
    if (FAILED(hr)) return hr;
    RpcEndpoint endpoint = {.host = target->host, .port = target->port};
    RpcStatus status = rpc_binding_new(remote_table_client(table), &endpoint, 1, &binding);
    EndpointInquirySpec spec = {.binding = binding, .iface = iface, .deadline = time_after(QUERY_DEADLINE)};
    if (status == RPCST_OK) status = endpoint_inquiry_new(&spec, ret_inquiry);
    if (status == RPCST_OK) status = endpoint_inquiry_run(*ret_inquiry);
    if (status == RPCST_OK) return S_OK;
    hr = orpc_result_from_status(status);
    const char *why = *ret_inquiry ? endpoint_inquiry_failure(*ret_inquiry)->sentence : "";
    if (!*why && status == RPCST_UNKNOWN_IF) why = "it has none";
    return com_error(hr, "The endpoint mapper of %s did not answer: %s.", target->host,
                     *why ? why : "it refused");
}

MANTLE_API HRESULT MantleQueryEndpoints(LPCWSTR lpszHost, const IID *piid, USHORT wMajor, USHORT wMinor,
                                        ULONG *pcEndpoints, MantleEndpoint **ppEndpoints)
{
    _cleanup_(endpoint_inquiry_freep) EndpointInquiry *inquiry = NULL;
    ActivationTarget target;
    PduSyntax iface = {.major = wMajor, .minor = wMinor};
    if (!lpszHost || !pcEndpoints || !ppEndpoints) return E_POINTER;
    *pcEndpoints = 0;
    *ppEndpoints = NULL;
    if (piid) memcpy(&iface.uuid, piid, sizeof(iface.uuid));
    HRESULT hr = activation_target(lpszHost, &target);
    if (SUCCEEDED(hr)) hr = inquire(&target, piid ? &iface : NULL, &inquiry);
    return SUCCEEDED(hr) ? give(inquiry, pcEndpoints, ppEndpoints) : hr;
}
