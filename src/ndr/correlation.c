/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/correlation.h"
#include "ndr/format.h"

static uint64_t load(uint8_t fc, const uint8_t *p)
{
    int16_t s16;
    uint16_t u16;
    int32_t s32;
    uint32_t u32;
    uint64_t u64;
    switch (fc) {
    case FC_BYTE:
    case FC_CHAR:
    case FC_USMALL:
        return *p;
    case FC_SMALL:
        return (uint64_t)(int64_t)(int8_t)*p;
    case FC_SHORT:
        memcpy(&s16, p, sizeof(s16));
        return (uint64_t)(int64_t)s16;
    case FC_WCHAR:
    case FC_USHORT:
        memcpy(&u16, p, sizeof(u16));
        return u16;
    case FC_LONG:
        memcpy(&s32, p, sizeof(s32));
        return (uint64_t)(int64_t)s32;
    case FC_ULONG:
    case FC_ENUM16:
    case FC_ENUM32:
        memcpy(&u32, p, sizeof(u32));
        return u32;
    default: /* FC_HYPER: a 64-bit count, or iid_is' pointer */
        memcpy(&u64, p, sizeof(u64));
        return u64;
    }
}

/* An expression that no operator describes: generated code computes it. */
static uint64_t call_back(NdrCall *call, const uint8_t *correlation, uint8_t *top)
{
    MIDL_STUB_MESSAGE message = {.StackTop = top, .StubDesc = call->description};
    call->description->apfnExprEval[format_u16(correlation + 2)](&message);
    return message.MaxCount;
}

uint64_t ndr_correlation(NdrCall *call, const uint8_t *correlation, uint8_t *array)
{
    uint8_t *p = array;
    switch (correlation[0] & 0xf0) {
    case CORRELATION_CONSTANT:
        return (uint64_t)correlation[1] << 16 | format_u16(correlation + 2);
    case CORRELATION_TOP:
        p = call->stack;
        break;
    case CORRELATION_POINTER:
        p = call->base;
        break;
    default:
        break;
    }
    if (!p) ndr_raise(RPC_X_BAD_STUB_DATA);
    if (correlation[1] == FC_CALLBACK) return call_back(call, correlation, p);
    p += format_s16(correlation + 2);
    if (correlation[1] == FC_DEREFERENCE) {
        memcpy(&p, p, sizeof(void *));
        if (!p) ndr_raise(RPC_X_NULL_REF_POINTER);
    }
    uint64_t value = load(correlation[0] & 0x0f, p);
    switch (correlation[1]) {
    case FC_DIV_2:
        return value / 2;
    case FC_MULT_2:
        return value * 2;
    case FC_ADD_1:
        return value + 1;
    case FC_SUB_1:
        return value - 1;
    default:
        return value;
    }
}

uint32_t ndr_correlation_count(NdrCall *call, const uint8_t *correlation, uint8_t *array)
{
    uint64_t value = ndr_correlation(call, correlation, array);
    if (value > INT32_MAX) ndr_raise(RPC_S_INVALID_BOUND);
    return (uint32_t)value;
}

void ndr_correlation_expect(NdrCall *call, const uint8_t *correlation, uint8_t *array, uint64_t value,
                            uint64_t mask)
{
    if ((correlation[0] & 0xf0) == CORRELATION_TOP) {
        ndr_call_expect(call, correlation, value, mask);
        return;
    }
    uint64_t said = ndr_correlation(call, correlation, array);
    if (((said ^ value) & mask) != 0) ndr_raise(RPC_X_BAD_STUB_DATA);
}
