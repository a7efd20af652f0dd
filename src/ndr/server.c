/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/server.h"
#include "ndr/automation-marshal.h"
#include "ndr/procedure.h"
#include "ndr/walk.h"

/* One call in progress; its steps run under ndr_guard(). */
typedef struct Invocation {
    NdrServerCall *server;
    const NdrInterface *owner;
    NdrProcedure procedure;
    NdrCall call;
    uint64_t slots[NDR_SLOTS_MAX];
} Invocation;

static void parameter_get(Invocation *invocation, const NdrParameter *parameter)
{
    NdrCall *call = &invocation->call;
    uint64_t *slot = &invocation->slots[parameter->slot];
    call->heap = call->in_out = ndr_parameter_is_out(parameter);
    uint8_t *memory = parameter->passing == PASS_SLOT ? (uint8_t *)slot : NULL;
    if (parameter->passing == PASS_UNIQUE && ndr_number(call, 0) == 0) return;
    ndr_object(call, parameter->type, &memory, sizeof(*slot), true, NULL);
    if (parameter->passing != PASS_SLOT) *slot = (uintptr_t)memory;
}

/* The memory that [out] parameters point to. Its size may depend on other arguments, which are known and
 * checked. */
static void outputs_provide(Invocation *invocation)
{
    NdrCall *call = &invocation->call;
    call->budget = NDR_BUDGET_OUT;
    for (unsigned i = 0; i < invocation->procedure.count; i++) {
        const NdrParameter *parameter = &invocation->procedure.parameters[i];
        if (!ndr_parameter_is_out(parameter) || ndr_parameter_is_in(parameter)) continue;
        size_t size = ndr_object_size(call, parameter->type, NULL);
        invocation->slots[parameter->slot] = (uintptr_t)ndr_call_alloc_arena(call, size);
    }
}

static void step_arguments(void *context)
{
    Invocation *invocation = context;
    for (unsigned i = 0; i < invocation->procedure.count; i++) {
        const NdrParameter *parameter = &invocation->procedure.parameters[i];
        if (ndr_parameter_is_in(parameter)) parameter_get(invocation, parameter);
    }
    ndr_call_verify(&invocation->call);
    outputs_provide(invocation);
}

static HRESULT method_call(Invocation *invocation)
{
    NdrServerCall *server = invocation->server;
    if (invocation->owner->servers[server->method])
        return invocation->owner->servers[server->method](server->object, invocation->slots);
    /* [call_as]: widl's thunk takes the slots as a structure and leaves the result in its last field */
    MIDL_STUB_MESSAGE message = {.StackTop = (unsigned char *)invocation->slots,
                                 .StubDesc = invocation->call.description};
    invocation->owner->tables->ThunkTable[server->method](&message);
    return (HRESULT)invocation->slots[invocation->procedure.result];
}

static void step_method(void *context)
{
    Invocation *invocation = context;
    HRESULT hr = method_call(invocation);
    NdrCall *call = &invocation->call;
    ndr_call_put(call, invocation->server->reply);
    for (unsigned i = 0; i < invocation->procedure.count; i++) {
        const NdrParameter *parameter = &invocation->procedure.parameters[i];
        if (!ndr_parameter_is_out(parameter)) continue;
        uint8_t *memory = ndr_parameter_target(parameter, invocation->slots);
        call->in_out = ndr_parameter_is_in(parameter);
        if (parameter->passing == PASS_UNIQUE) ndr_number(call, memory ? ndr_referent(call) : 0);
        if (memory) ndr_object(call, parameter->type, &memory, 0, false, NULL);
    }
    ndr_number(call, (uint32_t)hr);
    if (writer_status(invocation->server->reply) < 0) ndr_raise(RPC_S_OUT_OF_RESOURCES);
}

static void step_free(void *context)
{
    Invocation *invocation = context;
    NdrCall *call = &invocation->call;
    ndr_call_free(call);
    ndr_references_free(call);
    for (unsigned i = 0; i < invocation->procedure.count; i++) {
        const NdrParameter *parameter = &invocation->procedure.parameters[i];
        uint8_t *memory = ndr_parameter_target(parameter, invocation->slots);
        call->in_out = ndr_parameter_is_in(parameter);
        if (ndr_parameter_is_out(parameter) && memory)
            ndr_object(call, parameter->type, &memory, 0, false, NULL);
    }
}

/* From arguments to results. The code that becomes a fault, or 0. */
static uint32_t invocation_run(Invocation *invocation)
{
    NdrCall *call = &invocation->call;
    uint32_t code = ndr_guard(step_arguments, invocation);
    if (code) {
        ndr_call_undo(call);
        return code;
    }
    code = ndr_guard(step_method, invocation);
    /* Where results contradict each other they cannot be walked to their end; what is left is the method's
     * leak. */
    uint32_t ignored = ndr_guard(step_free, invocation);
    (void)ignored;
    ndr_call_release_in(call, code == 0);
    return code;
}

int ndr_server_invoke(NdrServerCall *server, uint32_t *ret_code)
{
    Invocation invocation;
    uint32_t code = ndr_procedure(server->iface, server->method, &invocation.procedure, &invocation.owner);
    if (code == 0) {
        size_t start = server->reply->length;
        NdrCall *call = &invocation.call;
        invocation.server = server;
        memset(invocation.slots, 0, invocation.procedure.slots * sizeof(invocation.slots[0]));
        invocation.slots[0] = (uintptr_t)server->object;
        ndr_call_init(call, invocation.owner->tables->pStubDesc, server->arena);
        call->server = true;
        call->hooks = server->hooks;
        call->hooks_context = server->hooks_context;
        call->stack = (uint8_t *)invocation.slots;
        ndr_call_get(call, &server->request);
        code = invocation_run(&invocation);
        if (code) {
            server->reply->length = start;
            server->reply->error = 0;
        }
    }
    if (code == 0) return 0;
    *ret_code = code;
    return NDR_FAULT;
}
