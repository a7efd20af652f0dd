/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded pointers and interface pointers. */
#include "ndr/correlation.h"
#include "ndr/walk.h"

void ndr_pointer(NdrCall *call, const uint8_t *type, uint8_t *slot)
{
    uint8_t *target;
    memcpy(&target, slot, sizeof(target));
    if (call->op == NDR_GET) {
        memset(slot, 0, sizeof(void *));
        if (ndr_number(call, 0) != 0)
            ndr_call_defer(call, type, slot);
        else if (type[0] == FC_RP)
            ndr_raise(RPC_X_NULL_REF_POINTER);
        return;
    }
    if (call->op == NDR_PUT) {
        if (!target && type[0] == FC_RP) ndr_raise(RPC_X_NULL_REF_POINTER);
        ndr_number(call, target ? ndr_referent(call) : 0);
    }
    if (target) ndr_call_defer(call, type, slot);
}

void ndr_interface_pointer(NdrCall *call, const uint8_t *type, uint8_t *slot)
{
    IUnknown *object;
    memcpy(&object, slot, sizeof(object));
    if (call->op == NDR_FREE) {
        memset(slot, 0, sizeof(object));
        if (object) object->lpVtbl->Release(object);
    } else if (call->op == NDR_GET) {
        memset(slot, 0, sizeof(object));
        if (ndr_number(call, 0) != 0) ndr_call_defer(call, type, slot);
    } else {
        ndr_number(call, object ? ndr_referent(call) : 0);
        if (object) ndr_call_defer(call, type, slot);
    }
}

/* A constant, or what iid_is points to. */
static IID interface_iid(NdrCall *call, const uint8_t *type)
{
    IID iid;
    const uint8_t *bytes = type + 2;
    if (type[1] != FC_CONSTANT_IID) {
        bytes = (const uint8_t *)(uintptr_t)ndr_correlation(call, type + 2, NULL);
        if (!bytes) ndr_raise(RPC_X_NULL_REF_POINTER);
    }
    memcpy(&iid, bytes, sizeof(iid));
    return iid;
}

/* [MS-DCOM] 2.2.14 MInterfacePointer: the conformance, ulCntData, the OBJREF */
void ndr_interface_put(NdrCall *call, const IID *iid, IUnknown *object)
{
    Writer *writer = call->writer;
    writer_align(writer, 4, 0);
    size_t lengths = writer_reserve(writer, 8);
    size_t start = writer->length;
    ndr_call_reserve(call);
    if (writer_status(writer) < 0)
        ndr_raise(RPC_S_OUT_OF_RESOURCES); /* nothing may be marshalled into nowhere */
    HRESULT hr = call->hooks ? call->hooks->marshal(call->hooks_context, iid, object, writer) : E_NOINTERFACE;
    if (FAILED(hr)) ndr_raise((uint32_t)hr);
    if (writer_status(writer) < 0) ndr_raise(RPC_S_OUT_OF_RESOURCES);
    NdrUndo *undo = ndr_call_own(call, NDR_OWNED_OBJREF, NULL);
    undo->offset = start;
    undo->length = writer->length - start;
    writer_patch_u32(writer, lengths, (uint32_t)undo->length);
    writer_patch_u32(writer, lengths + 4, (uint32_t)undo->length);
}

void ndr_interface_get(NdrCall *call, const IID *iid, uint8_t *slot)
{
    uint32_t maximum = ndr_number(call, 0), length = ndr_number(call, 0);
    if (length != maximum) ndr_raise(RPC_X_BAD_STUB_DATA);
    Reader objref = reader_sub(call->reader, length);
    ndr_check(call);
    ndr_call_reserve(call);
    void *object = NULL;
    HRESULT hr =
        call->hooks ? call->hooks->unmarshal(call->hooks_context, iid, &objref, &object) : E_NOINTERFACE;
    if (FAILED(hr)) ndr_raise((uint32_t)hr);
    if (!object) ndr_raise(RPC_X_BAD_STUB_DATA);
    ndr_call_own(call, NDR_OWNED_INTERFACE, object);
    memcpy(slot, &object, sizeof(object));
}

void ndr_interface_pointer_body(NdrCall *call, const uint8_t *type, uint8_t *slot)
{
    IUnknown *object;
    memcpy(&object, slot, sizeof(object));
    IID iid = interface_iid(call, type);
    if (call->op == NDR_GET)
        ndr_interface_get(call, &iid, slot);
    else
        ndr_interface_put(call, &iid, object);
}
