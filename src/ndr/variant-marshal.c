/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VARIANT on the wire, [MS-OAUT] 2.2.29.1.
 *
 * By reference (VT_BYREF) a VARIANT points to memory of its sender. On the server that becomes memory of the
 * call, which the method may change; the content of an [in, out] one goes back. On the client it goes back
 * into the very memory that the caller's VARIANT points to, when the whole reply made sense; so a reply may
 * hold a reference only where the caller gave one of the same type. Anywhere else it would be memory that
 * nobody knows to free.
 */
#include "ndr/automation-marshal.h"

/* A reference that was read: on the client the content for one of the caller's, on the server one of an [in,
 * out] argument, whatever the method makes of the VARIANT that held it. */
struct NdrReference {
    struct NdrReference *next;
    VARTYPE vt; /* of the content */
    void *content;
    VARIANT *holder; /* client */
    void *original;  /* client: where the content belongs */
};

static void variant(NdrCall *call, VARIANT *variant, VARIANT *original);

static void decimal(NdrCall *call, DECIMAL *value)
{
    ndr_align(call, 8);
    uint16_t reserved = 0;
    ndr_raw(call, &reserved, sizeof(reserved));
    ndr_raw(call, &value->scale, 1);
    ndr_raw(call, &value->sign, 1);
    ndr_raw(call, &value->Hi32, sizeof(value->Hi32));
    ndr_raw(call, &value->Lo64, sizeof(value->Lo64));
    if (call->op != NDR_FREE && (value->scale > DECIMAL_SCALE_MAX || (value->sign & ~DECIMAL_NEG)))
        ndr_raise(RPC_X_BAD_STUB_DATA);
}

/* A [unique] pointer's referent id: whether there is a target. */
static bool pointer(NdrCall *call, const void *target)
{
    return ndr_number(call, call->op == NDR_PUT && target ? ndr_referent(call) : 0) != 0;
}

static void bstr(NdrCall *call, BSTR *slot)
{
    if (call->op == NDR_FREE) {
        ndr_bstr(call, slot);
        return;
    }
    /* [MS-OAUT] 2.2.23.2: a NULL string is a target that says so */
    if (pointer(call, slot)) ndr_bstr(call, slot);
}

static void interface_of(NdrCall *call, VARTYPE vt, IUnknown **slot)
{
    const IID *iid = vt == VT_DISPATCH ? &IID_IDispatch : &IID_IUnknown;
    if (call->op == NDR_FREE) {
        IUnknown *object = *slot;
        *slot = NULL;
        if (object) object->lpVtbl->Release(object);
    } else if (pointer(call, *slot)) {
        if (call->op == NDR_PUT)
            ndr_interface_put(call, iid, *slot);
        else
            ndr_interface_get(call, iid, (uint8_t *)slot);
    }
}

/* A reply has references where the caller gave them. */
static void same_reference(VARTYPE vt, const VARIANT *original)
{
    if (original && (original->vt & VT_BYREF) && original->vt != vt) ndr_raise(RPC_X_BAD_STUB_DATA);
}

/* A value where it lies: in the union of a VARIANT, or where VT_BYREF points to. GET finds zeroes. */
static void value(NdrCall *call, VARTYPE vt, void *data, void *original)
{
    AutomationType type = automation_type(vt);
    if (vt & VT_ARRAY) {
        SAFEARRAY **array = data;
        if (call->op == NDR_FREE || pointer(call, *array)) ndr_safearray(call, array, vt & VT_TYPEMASK);
        return;
    }
    switch (type.kind) {
    case AUTOMATION_RAW:
        ndr_align(call, type.size);
        ndr_raw(call, data, type.size);
        break;
    case AUTOMATION_DECIMAL:
        decimal(call, data);
        break;
    case AUTOMATION_BSTR:
        bstr(call, data);
        break;
    case AUTOMATION_INTERFACE:
        interface_of(call, vt, data);
        break;
    case AUTOMATION_VARIANT:
        if (call->op == NDR_FREE || pointer(call, data))
            variant(call, data, original);
        else
            same_reference(VT_EMPTY, original);
        break;
    default:
        break;
    }
}

static size_t reference_size(VARTYPE vt)
{
    return vt & VT_ARRAY ? sizeof(SAFEARRAY *) : automation_type(vt).size;
}

static void reference_put(NdrCall *call, VARIANT *holder)
{
    /* what a method returns by reference, and did not get so, has no place at the client */
    if (call->server && !call->in_out) ndr_raise(RPC_X_BAD_STUB_DATA);
    if (!holder->byref) ndr_raise(RPC_X_NULL_REF_POINTER);
    (void)pointer(call, holder->byref);
    value(call, holder->vt & (VARTYPE)~VT_BYREF, holder->byref, NULL);
}

static void reference_get(NdrCall *call, VARIANT *holder, VARTYPE vt, VARIANT *original)
{
    if (!pointer(call, NULL)) ndr_raise(RPC_X_NULL_REF_POINTER);
    if (!call->server && (!original || !original->byref)) ndr_raise(RPC_X_BAD_STUB_DATA);
    vt &= (VARTYPE)~VT_BYREF;
    holder->byref = ndr_call_alloc_arena(call, reference_size(vt));
    void *target = call->server ? NULL : original->byref;
    if (!call->server || call->in_out) {
        struct NdrReference *reference = ndr_call_alloc_arena(call, sizeof(*reference));
        *reference = (struct NdrReference){call->references, vt, holder->byref, holder, target};
        call->references = reference;
    }
    value(call, vt, holder->byref, target);
}

static void *data_of(VARIANT *holder, VARTYPE vt)
{
    return vt == VT_DECIMAL ? (void *)&holder->decVal : (void *)&holder->llVal;
}

/* The union's tag: of arrays it does not say the element type. */
static uint32_t tag_of(VARTYPE vt)
{
    return vt & VT_ARRAY ? vt & (VT_ARRAY | VT_BYREF) : vt;
}

static void check(VARTYPE vt)
{
    HRESULT hr = automation_check(vt);
    if (FAILED(hr)) ndr_raise((uint32_t)hr);
}

static void variant_put(NdrCall *call, VARIANT *holder)
{
    check(holder->vt);
    Writer *writer = call->writer;
    writer_align(writer, 8, 0);
    size_t start = writer->length;
    size_t size = writer_reserve(writer, 4); /* quad words of all that follows */
    writer_u32(writer, 0);
    writer_u16(writer, holder->vt);
    writer_fill(writer, 0, 6);
    writer_u32(writer, tag_of(holder->vt));
    if (holder->vt & VT_BYREF)
        reference_put(call, holder);
    else
        value(call, holder->vt, data_of(holder, holder->vt), NULL);
    writer_patch_u32(writer, size, (uint32_t)((writer->length - start + 7) / 8));
}

static void variant_get(NdrCall *call, VARIANT *holder, VARIANT *original)
{
    Reader *reader = call->reader;
    VariantInit(holder);
    reader_align(reader, 8);
    reader_skip(reader, 8); /* size and reserved say nothing */
    VARTYPE vt = reader_u16(reader);
    reader_skip(reader, 6);
    uint32_t tag = reader_u32(reader);
    ndr_check(call);
    check(vt);
    if (tag != tag_of(vt)) ndr_raise(RPC_X_BAD_STUB_DATA);
    if ((vt & VT_BYREF) && !call->server && (!original || original->vt != vt)) ndr_raise(RPC_X_BAD_STUB_DATA);
    same_reference(vt, original);
    if (vt & VT_BYREF)
        reference_get(call, holder, vt, original);
    else
        value(call, vt, data_of(holder, vt), NULL);
    holder->vt = vt; /* a DECIMAL lies over it */
}

/* A reference is somebody else's: the caller's, the method's, or in the call's list. */
static void variant_free(NdrCall *call, VARIANT *holder)
{
    if (FAILED(automation_check(holder->vt))) return;
    if (!(holder->vt & VT_BYREF)) value(call, holder->vt, data_of(holder, holder->vt), NULL);
    VariantInit(holder);
}

static void variant(NdrCall *call, VARIANT *holder, VARIANT *original)
{
    if (++call->depth > NDR_DEPTH_MAX) ndr_raise(RPC_X_BAD_STUB_DATA);
    if (call->op == NDR_PUT)
        variant_put(call, holder);
    else if (call->op == NDR_GET)
        variant_get(call, holder, original);
    else
        variant_free(call, holder);
    call->depth--;
}

/* The caller's VARIANT where a new one is being read for it; NULL: there is none. */
static VARIANT *original_of(const NdrCall *call, const uint8_t *memory)
{
    if (!call->shadow || memory < call->shadow || memory >= call->shadow + call->shadow_size) return NULL;
    return (VARIANT *)(void *)(call->shadowed + (memory - call->shadow));
}

void ndr_variant(NdrCall *call, uint8_t *memory)
{
    variant(call, (VARIANT *)(void *)memory, original_of(call, memory));
}

void ndr_variant_absent(NdrCall *call, const uint8_t *memory)
{
    if (call->op == NDR_GET) same_reference(VT_EMPTY, original_of(call, memory));
}

void ndr_references_take_over(NdrCall *call)
{
    /* newest first: what a reference points to is right before it moves */
    for (const struct NdrReference *r = call->references; r; r = r->next) {
        value(call, r->vt, r->original, NULL);
        memcpy(r->original, r->content, reference_size(r->vt));
        r->holder->byref = r->original;
    }
    call->references = NULL;
}

void ndr_references_free(NdrCall *call)
{
    for (const struct NdrReference *r = call->references; r; r = r->next)
        value(call, r->vt, r->content, NULL);
    call->references = NULL;
}

/* ---- what generated tables name: the types are known by them, and walked above ---- */

ULONG VARIANT_UserSize(ULONG *flags, ULONG offset, VARIANT *value)
{
    ndr_raise(RPC_S_CANNOT_SUPPORT);
}

unsigned char *VARIANT_UserMarshal(ULONG *flags, unsigned char *buffer, VARIANT *value)
{
    ndr_raise(RPC_S_CANNOT_SUPPORT);
}

unsigned char *VARIANT_UserUnmarshal(ULONG *flags, unsigned char *buffer, VARIANT *value)
{
    ndr_raise(RPC_S_CANNOT_SUPPORT);
}

void VARIANT_UserFree(ULONG *flags, VARIANT *value)
{
    ndr_raise(RPC_S_CANNOT_SUPPORT);
}

ULONG LPSAFEARRAY_UserSize(ULONG *flags, ULONG offset, LPSAFEARRAY *value)
{
    ndr_raise(RPC_S_CANNOT_SUPPORT);
}

unsigned char *LPSAFEARRAY_UserMarshal(ULONG *flags, unsigned char *buffer, LPSAFEARRAY *value)
{
    ndr_raise(RPC_S_CANNOT_SUPPORT);
}

unsigned char *LPSAFEARRAY_UserUnmarshal(ULONG *flags, unsigned char *buffer, LPSAFEARRAY *value)
{
    ndr_raise(RPC_S_CANNOT_SUPPORT);
}

void LPSAFEARRAY_UserFree(ULONG *flags, LPSAFEARRAY *value)
{
    ndr_raise(RPC_S_CANNOT_SUPPORT);
}
