/* SPDX-License-Identifier: Apache-2.0 */
#include "com/marshal.h"
#include <errno.h>
#include "base/time.h"
#include "com/callcontext.h"
#include "com/errorinfo.h"
#include "com/local.h"
#include "com/principal.h"
#include "com/proxy.h"
#include "com/runtime.h"
#include "com/security.h"
#include "com/stub.h"
#include "ndr/interface.h"
#include "orpc/status.h"
#include "winerror.h"

#define RESOLVE_DEADLINE (30 * NS_PER_SECOND)

/* Out */

/* A reference to an object of this process. */
static HRESULT reference_own(const IID *iid, IUnknown *object, bool pinged, StdObjref *ret_reference,
                             const Bindings **ret_resolver)
{
    Exporter *exporter;
    const ExportedOps *ops;
    IUnknown *identity = NULL;
    bool created = false;
    HRESULT hr = runtime_exporter(&exporter);
    if (SUCCEEDED(hr)) hr = object->lpVtbl->QueryInterface(object, &IID_IUnknown, (void **)&identity);
    if (FAILED(hr)) return hr;
    hr = stub_export(identity, &ops);
    if (SUCCEEDED(hr)) {
        ExportSpec spec = {.ops = ops,
                           .object = identity,
                           .iid = *(const Guid *)iid,
                           .public_refs = EXPORTER_REFERENCES,
                           .pinged = pinged,
                           .charged = call_context_charged()};
        hr = exporter_reference(exporter, &spec, ret_reference, &created);
        stub_exported(identity, ops, created);
    }
    if (!created) identity->lpVtbl->Release(identity); /* else it is the exporter's hold now */
    *ret_resolver = exporter_resolver(exporter);
    return hr;
}

static HRESULT marshal_flags(const IID *iid, IUnknown *object, bool pinged, Writer *writer)
{
    const ProcessSecurity *security;
    Objref objref = {.kind = OBJREF_STANDARD};
    const Bindings *resolver = NULL;
    HRESULT hr = security_get(&security); /* CIS-2: from here on it is too late to choose */
    if (FAILED(hr)) return hr;
    if (!ndr_interface_find(iid) && !IsEqualIID(iid, &IID_IUnknown)) return REGDB_E_IIDNOTREG;
    ProxyObject *proxy = proxy_of(object, NULL);
    if (proxy) {
        hr = proxy_reference(proxy, iid, EXPORTER_REFERENCES, &objref.std);
        resolver = &proxy->resolver;
    } else
        hr = reference_own(iid, object, pinged, &objref.std, &resolver);
    if (FAILED(hr)) return hr;
    memcpy(&objref.iid, iid, sizeof(objref.iid));
    objref.resolver = *resolver;
    objref_write(writer, &objref);
    return S_OK;
}

HRESULT marshal_interface(void *context, const IID *iid, IUnknown *object, Writer *writer)
{
    (void)context;
    return marshal_flags(iid, object, true, writer);
}

HRESULT marshal_interface_unpinged(const IID *iid, IUnknown *object, Writer *writer)
{
    return marshal_flags(iid, object, false, writer);
}

/* In */

/* Towards this machine's own resolver: who the kernel says this process is. A new reference; NULL: security
 * is off. */
static HRESULT local_principal(Token **ret_token)
{
    Token *self = NULL;
    HRESULT hr = security_is_off() ? S_OK : local_self(&self);
    if (SUCCEEDED(hr)) *ret_token = self ? token_ref(self) : NULL;
    return hr;
}

/* The exporter of a reference: known, or asked for at its resolver, as this process (REF-5). */
static HRESULT find_exporter(const Objref *objref, RemoteExporter **ret_exporter)
{
    _cleanup_(remote_resolve_freep) RemoteResolve *resolve = NULL;
    _cleanup_(token_unrefp) Token *process = NULL;
    RemoteTable *table;
    const char *folder = local_resolver_of(&objref->resolver);
    HRESULT hr = runtime_remote(&table);
    if (SUCCEEDED(hr)) hr = folder ? local_principal(&process) : application_principal(&process);
    if (FAILED(hr)) return hr;
    RemoteResolveSpec spec = {
        .runtime = folder,
        .objref = objref,
        .process = process,
        .mutual = application_wants_mutual(),
        .resolver_port = runtime_resolver_port(),
        .deadline = time_after(RESOLVE_DEADLINE),
    };
    RpcStatus status = remote_resolve_new(table, &spec, &resolve);
    if (status != RPCST_OK)
        return com_error(RPC_E_INVALID_OBJREF, "The object reference names no resolver that could be asked.");
    IoWait wait;
    while ((status = remote_resolve_step(resolve, &wait)) == RPCST_PENDING) {
        int r = io_wait(&wait);
        if (r < 0 && r != -ETIMEDOUT) return E_UNEXPECTED;
    }
    if (status != RPCST_OK) {
        hr = orpc_result_from_status(status);
        return com_error(hr, "%s", remote_resolve_failure(resolve)->sentence);
    }
    *ret_exporter = remote_resolve_take(resolve);
    return S_OK;
}

static HRESULT convert(IUnknown *found, const IID *have, const IID *want, void **ret_object)
{
    if (IsEqualIID(have, want)) {
        *ret_object = found;
        return S_OK;
    }
    HRESULT hr = found->lpVtbl->QueryInterface(found, want, ret_object);
    found->lpVtbl->Release(found);
    return hr;
}

static HRESULT take_own(Exporter *exporter, const Objref *objref, const IID *iid, void **ret_object)
{
    void *identity = NULL, *iface = NULL;
    HRESULT hr = exporter_come_home(exporter, &objref->std, &objref->iid, &identity, &iface);
    return FAILED(hr) ? hr : convert(iface, (const IID *)&objref->iid, iid, ret_object);
}

/* One of another process. `own` is its exporter where it said so itself; NULL: its exporter has to be found,
 * and asked. */
static HRESULT take_remote(RemoteExporter *own, const Objref *objref, const IID *iid, void **ret_object)
{
    _cleanup_(remote_exporter_unrefp) RemoteExporter *found_exporter = NULL;
    ProxyReference reference = {.exporter = own,
                                .std = &objref->std,
                                .resolver = &objref->resolver,
                                .iid = (const IID *)&objref->iid,
                                .confirmed = own != NULL};
    void *found = NULL;
    HRESULT hr = S_OK;
    if (!own) {
        hr = find_exporter(objref, &found_exporter);
        reference.exporter = found_exporter;
        /* When it is handed on others are sent to who was asked, not to whoever else stood in the list. */
        if (SUCCEEDED(hr) && !remote_exporter_local_binding(found_exporter))
            reference.resolver = remote_exporter_resolver(found_exporter);
    }
    if (SUCCEEDED(hr)) hr = proxy_from_reference(&reference, &found);
    return FAILED(hr) ? hr : convert(found, (const IID *)&objref->iid, iid, ret_object);
}

HRESULT marshal_take_from(const MarshalSource *source, const Objref *objref, const IID *iid,
                          void **ret_object)
{
    const ProcessSecurity *security;
    HRESULT hr = security_get(&security);
    if (FAILED(hr)) return hr;
    if (objref->kind == OBJREF_CUSTOM)
        return com_error(E_ACCESSDENIED,
                         "The object wants to be unmarshaled by a class of its own choice; no such "
                         "class is registered here, and none is loaded because a peer says so.");
    Exporter *own = runtime_peek_exporter();
    if (own && exporter_oxid(own) == objref->std.oxid) return take_own(own, objref, iid, ret_object);
    bool word = source && source->proven && remote_exporter_oxid(source->exporter) == objref->std.oxid;
    return take_remote(word ? source->exporter : NULL, objref, iid, ret_object);
}

HRESULT marshal_take(const Objref *objref, const IID *iid, void **ret_object)
{
    return marshal_take_from(NULL, objref, iid, ret_object);
}

HRESULT marshal_read(void *context, const IID *iid, Reader *reader, void **ret_object)
{
    Objref objref;
    size_t length = reader_left(reader);
    const uint8_t *bytes = reader_bytes(reader, length);
    if (!bytes || objref_parse(bytes, length, &objref) < 0) return RPC_E_INVALID_OBJREF;
    return marshal_take_from(context, &objref, iid, ret_object);
}

HRESULT marshal_drop(const Objref *objref)
{
    Exporter *own = runtime_peek_exporter();
    void *found = NULL;
    if (objref->kind == OBJREF_CUSTOM) return S_OK;
    if (own && exporter_oxid(own) == objref->std.oxid)
        return exporter_rem_release(own, &objref->std.ipid, objref->std.public_refs, 0, NULL);
    HRESULT hr = marshal_take(objref, (const IID *)&objref->iid, &found);
    if (SUCCEEDED(hr)) ((IUnknown *)found)->lpVtbl->Release(found);
    return hr;
}

void marshal_release(void *context, Reader *reader)
{
    Objref objref;
    size_t length = reader_left(reader);
    const uint8_t *bytes = reader_bytes(reader, length);
    (void)context;
    /* What cannot be given back runs down. */
    if (bytes && objref_parse(bytes, length, &objref) == 0 && FAILED(marshal_drop(&objref))) return;
}
