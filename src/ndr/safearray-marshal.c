/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SAFEARRAY on the wire, [MS-OAUT] 2.2.30. What flags, element type, sizes and union say of an array has to
 * agree, on the way out as on the way in: a method believes any of them.
 */
#include <combaseapi.h>
#include "ndr/automation-marshal.h"

#define FADF_WIRE                                                                                            \
    (FADF_RECORD | FADF_HAVEIID | FADF_HAVEVARTYPE | FADF_BSTR | FADF_UNKNOWN | FADF_DISPATCH | FADF_VARIANT)

/* The part before the bounds. */
typedef struct Head {
    uint16_t features;
    uint32_t element, sf, count;
    VARTYPE vartype; /* FADF_HAVEVARTYPE */
    bool elements;   /* there is a pointer to them */
    IID iid;         /* SF_HAVEIID */
} Head;

static uint32_t raw_size(uint32_t sf)
{
    return sf == SF_I1 ? 1 : sf == SF_I2 ? 2 : sf == SF_I4 ? 4 : sf == SF_I8 ? 8 : 0;
}

/* [MS-OAUT] 2.2.30.10: which flags go with which union arm; 0xffff for an arm that there is not. */
static uint16_t features_of(uint32_t sf)
{
    switch (sf) {
    case SF_BSTR:
        return FADF_BSTR;
    case SF_VARIANT:
        return FADF_VARIANT;
    case SF_UNKNOWN:
        return FADF_UNKNOWN;
    case SF_DISPATCH:
        return FADF_DISPATCH;
    default:
        return raw_size(sf) ? 0 : 0xffff;
    }
}

static bool head_is_consistent(const Head *head)
{
    uint16_t kind = head->features & (uint16_t) ~(FADF_HAVEVARTYPE | FADF_HAVEIID);
    bool interfaces = kind == FADF_UNKNOWN || kind == FADF_DISPATCH;
    if ((head->features & FADF_HAVEIID) && (head->features & FADF_HAVEVARTYPE)) return false;
    if (head->sf == SF_HAVEIID) return interfaces && (head->features & FADF_HAVEIID);
    if (features_of(head->sf) != kind) return false;
    if ((head->features & FADF_HAVEIID) && !interfaces) return false;
    if (raw_size(head->sf) && head->element != raw_size(head->sf)) return false;
    return !(head->features & FADF_HAVEVARTYPE) ||
           (head->vartype <= VT_TYPEMASK && automation_type(head->vartype).sf == head->sf);
}

/* Whether an array may hold what a VARIANT says that it does. */
static bool head_holds(const Head *head, VARTYPE element)
{
    if (element == VT_DISPATCH) return head->features & FADF_DISPATCH;
    if (element == VT_UNKNOWN) return head->features & (FADF_UNKNOWN | FADF_DISPATCH);
    return element == VT_EMPTY || automation_type(element).sf == head->sf;
}

/* Pointers under FADF_DISPATCH are called as IDispatch, so they have to be one. */
static bool is_dispatch(const IID *iid)
{
    const NdrInterface *iface = ndr_interface_find(iid);
    if (IsEqualIID(iid, &IID_IDispatch)) return true;
    while (iface && !IsEqualIID(iface->base, &IID_IDispatch))
        iface = ndr_interface_find(iface->base);
    return iface != NULL;
}

static void head_check(const Head *head, VARTYPE element)
{
    if (head->sf == SF_RECORD || (head->features & FADF_RECORD) || element == VT_DECIMAL ||
        ((head->features & FADF_HAVEVARTYPE) && head->vartype == VT_DECIMAL))
        ndr_raise((uint32_t)E_NOTIMPL);
    if (!head_is_consistent(head) || !head_holds(head, element)) ndr_raise(RPC_X_BAD_STUB_DATA);
    if (head->sf == SF_HAVEIID && (head->features & FADF_DISPATCH) && !is_dispatch(&head->iid))
        ndr_raise(RPC_X_BAD_STUB_DATA);
}

/* ---- elements ---- */

/* The ids of an array of pointers: PUT writes them, GET returns where they lie. */
static const uint8_t *element_ids(NdrCall *call, const uint8_t *data, uint32_t count, bool interfaces)
{
    if (call->op == NDR_GET) {
        if (!reader_count(call->reader, count, 4)) ndr_raise(RPC_X_BAD_STUB_DATA);
        return reader_bytes(call->reader, (size_t)count * 4);
    }
    for (uint32_t i = 0; i < count; i++) {
        void *object = NULL;
        if (interfaces) memcpy(&object, data + i * sizeof(object), sizeof(object));
        ndr_number(call, object || !interfaces ? ndr_referent(call) : 0);
    }
    return NULL;
}

static void interface_element(NdrCall *call, const IID *iid, uint8_t *slot)
{
    IUnknown *object;
    memcpy(&object, slot, sizeof(object));
    if (call->op == NDR_GET) {
        ndr_interface_get(call, iid, slot);
    } else if (call->op == NDR_PUT) {
        if (object) ndr_interface_put(call, iid, object);
    } else {
        memset(slot, 0, sizeof(object));
        if (object) object->lpVtbl->Release(object);
    }
}

/* What the pointers of an array point to; where `ids` has a 0, nothing. */
static void element_targets(NdrCall *call, const Head *head, uint8_t *data, const uint8_t *ids)
{
    const IID *iid = head->sf == SF_HAVEIID    ? &head->iid
                     : head->sf == SF_DISPATCH ? &IID_IDispatch
                                               : &IID_IUnknown;
    size_t size = head->sf == SF_VARIANT ? sizeof(VARIANT) : sizeof(void *);
    for (uint32_t i = 0; i < head->count; i++, data += size) {
        if (ids && format_u32(ids + (size_t)i * 4) == 0) continue;
        if (head->sf == SF_BSTR)
            ndr_bstr(call, (BSTR *)(void *)data);
        else if (head->sf == SF_VARIANT)
            ndr_variant(call, data);
        else
            interface_element(call, iid, data);
    }
}

static void elements(NdrCall *call, const Head *head, uint8_t *data)
{
    uint32_t size = raw_size(head->sf);
    if (size) {
        ndr_align(call, size);
        ndr_raw(call, data, (size_t)head->count * size);
    } else {
        bool interfaces = head->sf != SF_BSTR && head->sf != SF_VARIANT;
        element_targets(call, head, data, element_ids(call, data, head->count, interfaces));
    }
}

/* ---- PUT ---- */

static Head head_of(SAFEARRAY *array)
{
    Head head = {.features = array->fFeatures & FADF_WIRE, .element = array->cbElements};
    if (array->cDims == 0 || !safearray_count(array, &head.count) || (head.count > 0 && !array->pvData))
        ndr_raise(RPC_X_BAD_STUB_DATA);
    if (head.features & FADF_HAVEVARTYPE) head.vartype = (VARTYPE)*safearray_vartype(array);
    switch (safearray_kind(array)) {
    case AUTOMATION_BSTR:
        head.sf = SF_BSTR;
        head.element = 4;
        break;
    case AUTOMATION_VARIANT:
        head.sf = SF_VARIANT;
        head.element = 16;
        break;
    case AUTOMATION_INTERFACE:
        head.sf = head.features & FADF_DISPATCH ? SF_DISPATCH : SF_UNKNOWN;
        head.element = 4;
        if (!(head.features & FADF_HAVEIID)) break;
        head.sf = SF_HAVEIID;
        head.iid = *safearray_iid(array);
        break;
    case AUTOMATION_RAW:
        head.sf = head.element == 1   ? SF_I1
                  : head.element == 2 ? SF_I2
                  : head.element == 4 ? SF_I4
                  : head.element == 8 ? SF_I8
                                      : 0;
        break;
    default:
        head.sf = SF_RECORD;
        break;
    }
    return head;
}

static void array_put(NdrCall *call, SAFEARRAY *array, VARTYPE element)
{
    Head head = head_of(array);
    head_check(&head, element);
    Writer *writer = call->writer;
    ndr_number(call, array->cDims); /* the conformance of the bounds */
    writer_u16(writer, array->cDims);
    writer_u16(writer, head.features);
    writer_u32(writer, head.element);
    writer_u32(writer, (uint32_t)head.vartype << 16);
    writer_u32(writer, head.sf);
    writer_u32(writer, head.count);
    ndr_number(call, ndr_referent(call));
    if (head.sf == SF_HAVEIID) writer_bytes(writer, &head.iid, sizeof(head.iid));
    writer_bytes(writer, array->rgsabound, array->cDims * sizeof(array->rgsabound[0]));
    ndr_number(call, head.count);
    elements(call, &head, array->pvData);
}

/* ---- GET ---- */

static Head head_get(NdrCall *call, uint32_t dimensions)
{
    Reader *reader = call->reader;
    Head head = {0};
    uint16_t said = reader_u16(reader);
    head.features = reader_u16(reader) & FADF_WIRE;
    head.element = reader_u32(reader);
    uint32_t locks = reader_u32(reader);
    if (head.features & FADF_HAVEVARTYPE) head.vartype = (VARTYPE)(locks >> 16);
    head.sf = reader_u32(reader);
    head.count = reader_u32(reader);
    head.elements = reader_u32(reader) != 0;
    if (head.sf == SF_HAVEIID) reader_copy(reader, &head.iid, sizeof(head.iid));
    ndr_check(call);
    if (said != dimensions || said == 0 || (head.count > 0 && !head.elements)) ndr_raise(RPC_X_BAD_STUB_DATA);
    return head;
}

static SAFEARRAY *array_new(NdrCall *call, const Head *head, uint32_t dimensions)
{
    const size_t bounds = dimensions * sizeof(SAFEARRAYBOUND);
    if (reader_left(call->reader) < bounds) ndr_raise(RPC_X_BAD_STUB_DATA);
    SAFEARRAY *array = safearray_of_block(ndr_call_alloc(call, safearray_block_size(dimensions)));
    array->cDims = (USHORT)dimensions;
    array->fFeatures = head->features;
    array->cbElements = head->sf == SF_VARIANT    ? (ULONG)sizeof(VARIANT)
                        : raw_size(head->sf) == 0 ? (ULONG)sizeof(void *)
                                                  : head->element;
    if (head->features & FADF_HAVEVARTYPE) *safearray_vartype(array) = head->vartype;
    if (head->features & FADF_HAVEIID)
        *safearray_iid(array) = head->sf == SF_HAVEIID    ? head->iid
                                : head->sf == SF_DISPATCH ? IID_IDispatch
                                                          : IID_IUnknown;
    reader_copy(call->reader, array->rgsabound, bounds);
    return array;
}

static void array_get(NdrCall *call, SAFEARRAY **slot, VARTYPE element)
{
    uint32_t dimensions = ndr_number(call, 0), count;
    if (dimensions > UINT16_MAX) ndr_raise(RPC_X_BAD_STUB_DATA);
    Head head = head_get(call, dimensions);
    head_check(&head, element);
    SAFEARRAY *array = array_new(call, &head, dimensions);
    if (!safearray_count(array, &count) || count != head.count) ndr_raise(RPC_X_BAD_STUB_DATA);
    for (uint32_t i = 0; i < dimensions; i++)
        if ((int64_t)array->rgsabound[i].lLbound + array->rgsabound[i].cElements - 1 > INT32_MAX)
            ndr_raise(RPC_X_BAD_STUB_DATA);
    if (head.elements) {
        if (ndr_number(call, 0) != count) ndr_raise(RPC_X_BAD_STUB_DATA);
        /* before memory for them: each has so many bytes at least */
        uint32_t least = raw_size(head.sf) ? raw_size(head.sf) : 4;
        if (!reader_count(call->reader, count, least)) ndr_raise(RPC_X_BAD_STUB_DATA);
    }
    array->pvData = ndr_call_alloc(call, (size_t)count * array->cbElements);
    if (head.elements) elements(call, &head, array->pvData);
    *slot = array;
}

/* ---- FREE ---- */

/* Locks do not count: who locked it is gone. */
static void array_free(NdrCall *call, SAFEARRAY *array)
{
    Head head = {0};
    bool foreign = array->fFeatures & (FADF_AUTO | FADF_STATIC | FADF_EMBEDDED);
    if (array->pvData && safearray_count(array, &head.count)) {
        AutomationKind kind = safearray_kind(array);
        head.sf = kind == AUTOMATION_BSTR ? SF_BSTR : kind == AUTOMATION_VARIANT ? SF_VARIANT : SF_UNKNOWN;
        if (kind == AUTOMATION_BSTR || kind == AUTOMATION_VARIANT || kind == AUTOMATION_INTERFACE)
            element_targets(call, &head, array->pvData, NULL);
    }
    if (foreign) return;
    CoTaskMemFree(array->pvData);
    CoTaskMemFree(safearray_block(array));
}

void ndr_safearray(NdrCall *call, SAFEARRAY **slot, VARTYPE element)
{
    SAFEARRAY *array;
    memcpy(&array, slot, sizeof(array));
    if (++call->depth > NDR_DEPTH_MAX) ndr_raise(RPC_X_BAD_STUB_DATA);
    if (call->op == NDR_PUT) {
        ndr_number(call, array ? ndr_referent(call) : 0);
        if (array) array_put(call, array, element);
    } else if (call->op == NDR_GET) {
        array = NULL;
        if (ndr_number(call, 0) != 0) array_get(call, &array, element);
        memcpy(slot, &array, sizeof(array));
    } else if (array) {
        memset(slot, 0, sizeof(array));
        array_free(call, array);
    }
    call->depth--;
}
