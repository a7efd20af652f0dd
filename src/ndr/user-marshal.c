/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [wire_marshal]: types whose wire shape is made by routines. Those of Automation are Mantle's own, known by
 * their routines, and are read and written through the bounded reader and writer, BSTR here; a program's own
 * routines work on a buffer whose bounds they find in USER_MARSHAL_CB.
 */
#include "ndr/automation-marshal.h"

#define POINTER_FLAGS 0xc0u       /* [unique] or [ref]: a referent id stands in place, the rest is deferred */
#define REFERENT_USER 0x72657355u /* "User": what Windows writes there */
#define BSTR_NULL     UINT32_MAX
#define BSTR_PREFIX   8u /* alignment, and the length in bytes before the text */

static const USER_MARSHAL_ROUTINE_QUADRUPLE *routines_of(const NdrCall *call, const uint8_t *type)
{
    return call->description->aUserMarshalQuadruple + format_u16(type + 2);
}

static bool is_routine(const USER_MARSHAL_ROUTINE_QUADRUPLE *routines, const void *unmarshal)
{
    return (const void *)routines->pfnUnmarshall == unmarshal;
}

/* [MS-OAUT] 2.2.23.1 FLAGGED_WORD_BLOB: conformance, cBytes, clSize, characters */
static void bstr_put(NdrCall *call, BSTR string)
{
    UINT bytes = SysStringByteLen(string), characters = (bytes + 1) / 2;
    ndr_number(call, characters);
    ndr_number(call, string ? bytes : BSTR_NULL);
    ndr_number(call, characters);
    writer_bytes(call->writer, string, bytes);
    if (bytes & 1) writer_u8(call->writer, 0);
}

static BSTR bstr_new(NdrCall *call, const uint8_t *bytes, uint32_t length)
{
    if (!call->heap) {
        /* [in] on the server: the method must not free it, so it needs no block of its own */
        uint8_t *memory = ndr_call_alloc_arena(call, BSTR_PREFIX + length + sizeof(WCHAR));
        memcpy(memory + BSTR_PREFIX - sizeof(length), &length, sizeof(length));
        if (length > 0) memcpy(memory + BSTR_PREFIX, bytes, length);
        return (BSTR)(void *)(memory + BSTR_PREFIX);
    }
    if (length > call->budget) ndr_raise(RPC_S_OUT_OF_RESOURCES);
    call->budget -= length;
    ndr_call_reserve(call);
    BSTR string = SysAllocStringByteLen((LPCSTR)bytes, length);
    if (!string) ndr_raise(RPC_S_OUT_OF_RESOURCES);
    ndr_call_own(call, NDR_OWNED_BSTR, string);
    return string;
}

static BSTR bstr_get(NdrCall *call)
{
    uint32_t maximum = ndr_number(call, 0), bytes = ndr_number(call, 0), characters = ndr_number(call, 0);
    if (characters != maximum || characters > INT32_MAX) ndr_raise(RPC_X_BAD_STUB_DATA);
    const uint8_t *data = reader_bytes(call->reader, (size_t)characters * 2);
    ndr_check(call);
    if (bytes == BSTR_NULL) return NULL;
    if (bytes > (uint64_t)characters * 2) ndr_raise(RPC_X_BAD_STUB_DATA);
    return bstr_new(call, data, bytes);
}

void ndr_bstr(NdrCall *call, BSTR *slot)
{
    BSTR string;
    memcpy(&string, slot, sizeof(string));
    if (call->op == NDR_PUT) {
        bstr_put(call, string);
    } else {
        if (call->op == NDR_FREE) SysFreeString(string);
        string = call->op == NDR_GET ? bstr_get(call) : NULL;
        memcpy(slot, &string, sizeof(string));
    }
}

static void safearray_body(NdrCall *call, uint8_t *memory)
{
    ndr_safearray(call, (SAFEARRAY **)(void *)memory, VT_EMPTY);
}

static void bstr_body(NdrCall *call, uint8_t *memory)
{
    ndr_bstr(call, (BSTR *)(void *)memory);
}

/* NULL: the type is a program's own. */
static void (*own_body(const USER_MARSHAL_ROUTINE_QUADRUPLE *routines))(NdrCall *, uint8_t *)
{
    if (is_routine(routines, (const void *)BSTR_UserUnmarshal)) return bstr_body;
    if (is_routine(routines, (const void *)VARIANT_UserUnmarshal)) return ndr_variant;
    if (is_routine(routines, (const void *)LPSAFEARRAY_UserUnmarshal)) return safearray_body;
    return NULL;
}

static void foreign_put(NdrCall *call, const USER_MARSHAL_ROUTINE_QUADRUPLE *routines,
                        USER_MARSHAL_CB *control, uint8_t *memory)
{
    Writer *writer = call->writer;
    if (writer_status(writer) < 0) return;
    size_t start = writer->length;
    control->CBType = USER_MARSHAL_CB_BUFFER_SIZE;
    ULONG end = routines->pfnBufferSize(&control->Flags, (ULONG)start, memory);
    uint8_t *space = end >= start ? writer_space(writer, end - start) : NULL;
    if (!space) ndr_raise(RPC_S_OUT_OF_RESOURCES);
    MIDL_STUB_MESSAGE *message = control->pStubMsg;
    message->BufferStart = writer->data;
    message->Buffer = space;
    message->BufferEnd = space + (end - start);
    control->CBType = USER_MARSHAL_CB_MARSHALL;
    uint8_t *written = routines->pfnMarshall(&control->Flags, space, memory);
    if (written < space || written > message->BufferEnd) ndr_raise(RPC_X_BYTE_COUNT_TOO_SMALL);
    writer->length = start + (size_t)(written - space);
}

static void foreign_get(NdrCall *call, const USER_MARSHAL_ROUTINE_QUADRUPLE *routines,
                        USER_MARSHAL_CB *control, uint8_t *memory)
{
    Reader *reader = call->reader;
    size_t start = reader->offset, left = reader_left(reader);
    /* The routine aligns by address, so it gets a buffer whose address is aligned as the offset is. */
    uint8_t *copy = ndr_call_alloc_arena(call, left + 8);
    copy += start & 7;
    memcpy(copy, reader->data + start, left);
    MIDL_STUB_MESSAGE *message = control->pStubMsg;
    message->BufferStart = message->Buffer = copy;
    message->BufferEnd = copy + left;
    control->CBType = USER_MARSHAL_CB_UNMARSHALL;
    ndr_call_reserve(call);
    memset(memory, 0, format_u16(control->pFormat + 4));
    uint8_t *read = routines->pfnUnmarshall(&control->Flags, copy, memory);
    ndr_call_own(call, NDR_OWNED_USER, memory)->routines = routines;
    if (read < copy || read > message->BufferEnd) ndr_raise(RPC_X_BAD_STUB_DATA);
    reader_skip(reader, (size_t)(read - copy));
}

void ndr_user_marshal_body(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    const USER_MARSHAL_ROUTINE_QUADRUPLE *routines = routines_of(call, type);
    void (*body)(NdrCall *, uint8_t *) = own_body(routines);
    if (body) {
        body(call, memory);
        return;
    }
    MIDL_STUB_MESSAGE message = {.StubDesc = call->description};
    USER_MARSHAL_CB control = {.pStubMsg = &message,
                               .Signature = USER_MARSHAL_CB_SIGNATURE,
                               .CBType = USER_MARSHAL_CB_FREE,
                               .pFormat = type,
                               .pTypeFormat = format_target(type + 8)};
    if (call->op == NDR_FREE)
        routines->pfnFree(&control.Flags, memory);
    else if (call->op == NDR_PUT)
        foreign_put(call, routines, &control, memory);
    else
        foreign_get(call, routines, &control, memory);
}

void ndr_user_marshal(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    if (call->op == NDR_FREE || (type[1] & POINTER_FLAGS) == 0) {
        ndr_user_marshal_body(call, type, memory);
        return;
    }
    uint32_t id = ndr_number(call, REFERENT_USER);
    if (call->op == NDR_GET) memset(memory, 0, format_u16(type + 4));
    if (id != 0)
        ndr_call_defer(call, type, memory);
    else if (own_body(routines_of(call, type)) == ndr_variant)
        ndr_variant_absent(call, memory);
}

/* ---- BSTR's routines under their public names, for routines of programs that build on them ---- */

ULONG BSTR_UserSize(ULONG *flags, ULONG offset, BSTR *value)
{
    return ((offset + 3) & ~3u) + 12 + ((SysStringByteLen(*value) + 1) & ~1u);
}

static unsigned char *public_align(const MIDL_STUB_MESSAGE *message, unsigned char *buffer, size_t needed)
{
    size_t padding = -(uintptr_t)buffer & 3, left = (size_t)(message->BufferEnd - buffer);
    if (left < padding || left - padding < needed) ndr_raise(RPC_X_BAD_STUB_DATA);
    return buffer + padding;
}

unsigned char *BSTR_UserMarshal(ULONG *flags, unsigned char *buffer, BSTR *value)
{
    const USER_MARSHAL_CB *control = (const USER_MARSHAL_CB *)(const void *)flags;
    uint32_t bytes = SysStringByteLen(*value), characters = (bytes + 1) / 2;
    uint32_t head[3] = {characters, *value ? bytes : BSTR_NULL, characters};
    unsigned char *at = public_align(control->pStubMsg, buffer, sizeof(head) + characters * (size_t)2);
    memcpy(at, head, sizeof(head));
    at += sizeof(head);
    memset(at, 0, characters * (size_t)2);
    if (bytes > 0) memcpy(at, *value, bytes);
    return at + characters * (size_t)2;
}

unsigned char *BSTR_UserUnmarshal(ULONG *flags, unsigned char *buffer, BSTR *value)
{
    const USER_MARSHAL_CB *control = (const USER_MARSHAL_CB *)(const void *)flags;
    uint32_t head[3];
    unsigned char *at = public_align(control->pStubMsg, buffer, sizeof(head));
    memcpy(head, at, sizeof(head));
    at += sizeof(head);
    if (head[0] != head[2] || head[0] > (size_t)(control->pStubMsg->BufferEnd - at) / 2 ||
        (head[1] != BSTR_NULL && head[1] > head[0] * (uint64_t)2))
        ndr_raise(RPC_X_BAD_STUB_DATA);
    BSTR string = head[1] == BSTR_NULL ? NULL : SysAllocStringByteLen((LPCSTR)at, head[1]);
    if (!string && head[1] != BSTR_NULL) ndr_raise(RPC_S_OUT_OF_RESOURCES);
    SysFreeString(*value);
    *value = string;
    return at + head[0] * (size_t)2;
}

void BSTR_UserFree(ULONG *flags, BSTR *value)
{
    SysFreeString(*value);
    *value = NULL;
}
