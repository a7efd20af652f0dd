/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/procedure.h"

/* widl names the inner pointer of `[out, string] T **` where the [ref] pointer belongs. An [out] pointer that
 * is not [ref] does not exist otherwise (mantle-idl refuses it), so the slot points to a pointer of this
 * type. */
static bool is_lost_ref(uint16_t flags, uint8_t fc)
{
    return (flags & (PARAM_OUT | PARAM_IN)) == PARAM_OUT && (fc == FC_UP || fc == FC_OP);
}

static bool parameter_parse(PMIDL_STUB_DESC description, const uint8_t *f, NdrParameter *ret_parameter)
{
    NdrParameter parameter = {.flags = format_u16(f), .slot = format_u16(f + 2) / 8, .passing = PASS_REF};
    bool simple_ref = parameter.flags & PARAM_SIMPLE_REF;
    if (parameter.flags & PARAM_BASE) {
        parameter.type = f + 4;
        parameter.passing = simple_ref ? PASS_REF : PASS_SLOT;
    } else {
        const uint8_t *type = description->pFormatTypes + format_u16(f + 4);
        size_t size = format_size(type);
        parameter.type = type;
        if (type[0] == FC_FP) return false;
        if (simple_ref || format_is_array(type[0]) || is_lost_ref(parameter.flags, type[0])) {
            parameter.passing = PASS_REF;
        } else if (format_is_pointer(type[0])) {
            parameter.type = format_pointee(type);
            parameter.passing = type[0] == FC_RP ? PASS_REF : PASS_UNIQUE;
        } else if (MANTLE_IN_SLOT(size)) {
            parameter.passing = PASS_SLOT;
        }
    }
    /* nothing can be returned in a value, and no address can be a result */
    if (parameter.flags & PARAM_RETURN) {
        if (parameter.passing != PASS_SLOT || format_simple_size(parameter.type[0]) != sizeof(HRESULT))
            return false;
    } else if ((parameter.flags & PARAM_OUT) && parameter.passing == PASS_SLOT) {
        return false;
    }
    *ret_parameter = parameter;
    return true;
}

/* The interface in the chain of bases whose table has the method: a base from another file has it in its own.
 */
static const NdrInterface *method_owner(const NdrInterface *iface, unsigned method)
{
    while (iface && iface->tables && method < iface->methods &&
           iface->tables->FmtStringOffset[method] == UINT16_MAX)
        iface = iface->parent ? iface->parent : ndr_interface_find(iface->base);
    return iface && iface->tables && method < iface->methods ? iface : NULL;
}

uint32_t ndr_procedure(const NdrInterface *iface, unsigned method, NdrProcedure *ret_procedure,
                       const NdrInterface **ret_owner)
{
    if (method < NDR_METHOD_FIRST || method >= iface->methods) return RPC_S_PROCNUM_OUT_OF_RANGE;
    iface = method_owner(iface, method);
    if (!iface) return RPC_S_CANNOT_SUPPORT;
    const MIDL_SERVER_INFO *tables = iface->tables;
    /* handle type, Oi flags [, rpc flags], method, stack size, two buffer sizes, Oi2 flags, count [,
     * extension] */
    const uint8_t *f = tables->ProcString + tables->FmtStringOffset[method];
    if (f[0] != FC_AUTO_HANDLE) return RPC_S_CANNOT_SUPPORT;
    f += f[1] & 0x08 ? 6 : 2;
    unsigned stack = format_u16(f + 2), count = f[9];
    f += f[8] & 0x40 ? 10 + f[10] : 10;
    if (count > NDR_PARAMETERS_MAX || stack / 8 > NDR_SLOTS_MAX) return RPC_S_CANNOT_SUPPORT;
    ret_procedure->count = count;
    ret_procedure->slots = stack / 8;
    ret_procedure->result = 0;
    for (unsigned i = 0; i < count; i++, f += 6) {
        NdrParameter *parameter = &ret_procedure->parameters[i];
        if (!parameter_parse(tables->pStubDesc, f, parameter)) return RPC_S_CANNOT_SUPPORT;
        if (parameter->slot == 0 || parameter->slot >= ret_procedure->slots) return RPC_S_CANNOT_SUPPORT;
        if (parameter->flags & PARAM_RETURN) ret_procedure->result = parameter->slot;
    }
    if (ret_procedure->result == 0) return RPC_S_CANNOT_SUPPORT;
    *ret_owner = iface;
    return 0;
}
