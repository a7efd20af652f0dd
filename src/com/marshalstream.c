/* SPDX-License-Identifier: Apache-2.0 */
/* CoMarshalInterface and its counterparts: OBJREFs in streams. */
#include <stdlib.h>
#include "com/apartment.h"
#include "com/errorinfo.h"
#include "com/marshal.h"
#include "com/runtime.h"
#include "combaseapi.h"
#include "orpc/exporter.h"
#include "winerror.h"

HRESULT CoMarshalInterface(LPSTREAM pStm, REFIID riid, LPUNKNOWN pUnk, DWORD dwDestContext,
                           LPVOID pvDestContext, DWORD mshlflags)
{
    _cleanup_(writer_deinitp) Writer writer = {0};
    (void)dwDestContext; /* the wire form serves every context */
    if (!pStm || !pUnk || !riid || pvDestContext) return E_INVALIDARG;
    if (mshlflags & ~(DWORD)MSHLFLAGS_NOPING)
        return com_error(E_NOTIMPL,
                         "CoMarshalInterface: table marshaling is not offered; marshal normally for each "
                         "client.");
    writer_init(&writer, OBJREF_SIZE_MAX);
    HRESULT hr = apartment_check();
    if (FAILED(hr)) return hr;
    hr = mshlflags & MSHLFLAGS_NOPING ? marshal_interface_unpinged(riid, pUnk, &writer)
                                      : marshal_interface(NULL, riid, pUnk, &writer);
    if (SUCCEEDED(hr) && writer_status(&writer) < 0) hr = E_OUTOFMEMORY;
    ULONG written = 0;
    if (SUCCEEDED(hr)) hr = pStm->lpVtbl->Write(pStm, writer.data, (ULONG)writer.length, &written);
    return SUCCEEDED(hr) && written != writer.length ? STG_E_MEDIUMFULL : hr;
}

/* Appends exactly `length` bytes of the stream. */
static HRESULT stream_read(IStream *stream, Writer *bytes, size_t length)
{
    uint8_t *target = writer_space(bytes, length);
    ULONG got = 0;
    if (!target) return E_OUTOFMEMORY;
    HRESULT hr = stream->lpVtbl->Read(stream, target, (ULONG)length, &got);
    return SUCCEEDED(hr) && got != length ? RPC_E_INVALID_OBJREF : hr;
}

#define OBJREF_HEADER   24 /* signature, flags, IID */
#define OBJREF_STD      40
#define BINDINGS_HEADER 4

static uint16_t u16_at(const Writer *bytes, size_t offset)
{
    return (uint16_t)(bytes->data[offset] | bytes->data[offset + 1] << 8);
}

/* A stream may go on after the OBJREF, so its own lengths say where it ends. */
static HRESULT stream_objref(IStream *stream, Writer *bytes, Objref *ret_objref)
{
    HRESULT hr = stream_read(stream, bytes, OBJREF_HEADER);
    if (FAILED(hr)) return hr;
    if (u16_at(bytes, 4) != OBJREF_STANDARD || u16_at(bytes, 6) != 0)
        return com_error(RPC_E_INVALID_OBJREF, "The stream holds no standard object reference.");
    hr = stream_read(stream, bytes, OBJREF_STD + BINDINGS_HEADER);
    if (FAILED(hr)) return hr;
    uint16_t entries = u16_at(bytes, OBJREF_HEADER + OBJREF_STD);
    if (entries > BINDINGS_ENTRIES_MAX) return RPC_E_INVALID_OBJREF;
    if (entries) hr = stream_read(stream, bytes, (size_t)entries * 2);
    if (FAILED(hr)) return hr;
    return objref_parse(bytes->data, bytes->length, ret_objref) < 0 ? RPC_E_INVALID_OBJREF : S_OK;
}

HRESULT CoUnmarshalInterface(LPSTREAM pStm, REFIID riid, LPVOID *ppv)
{
    _cleanup_(writer_deinitp) Writer bytes = {0};
    Objref objref;
    if (!pStm || !ppv || !riid) return E_INVALIDARG;
    *ppv = NULL;
    writer_init(&bytes, OBJREF_SIZE_MAX);
    HRESULT hr = apartment_check();
    if (SUCCEEDED(hr)) hr = stream_objref(pStm, &bytes, &objref);
    if (FAILED(hr)) return hr;
    return marshal_take(&objref, IsEqualIID(riid, &GUID_NULL) ? (const IID *)&objref.iid : riid, ppv);
}

HRESULT CoReleaseMarshalData(LPSTREAM pStm)
{
    _cleanup_(writer_deinitp) Writer bytes = {0};
    Objref objref;
    if (!pStm) return E_INVALIDARG;
    writer_init(&bytes, OBJREF_SIZE_MAX);
    HRESULT hr = apartment_check();
    if (SUCCEEDED(hr)) hr = stream_objref(pStm, &bytes, &objref);
    return FAILED(hr) ? hr : marshal_drop(&objref);
}

HRESULT CoDisconnectObject(LPUNKNOWN pUnk, DWORD dwReserved)
{
    IUnknown *identity = NULL;
    Exporter *exporter = runtime_peek_exporter();
    if (!pUnk || dwReserved) return E_INVALIDARG;
    HRESULT hr = apartment_check();
    if (FAILED(hr) || !exporter) return hr;
    hr = pUnk->lpVtbl->QueryInterface(pUnk, &IID_IUnknown, (void **)&identity);
    if (FAILED(hr)) return hr;
    hr = exporter_disconnect(exporter, identity);
    identity->lpVtbl->Release(identity);
    return FAILED(hr) ? hr : S_OK;
}
