/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to activations that mantled hands on to this process. */
#include "com/activation.h"
#include "com/callcontext.h"
#include "com/classobject.h"
#include "com/marshal.h"
#include "winerror.h"

typedef struct Serving {
    const RegistrarActivation *request;
    RegistrarAnswer *answer;
    const ClassObject *class_object;
    HRESULT result;
} Serving;

static HRESULT make_object(const Serving *serving, IUnknown **ret_object)
{
    IUnknown *class_object = serving->class_object->unknown;
    IClassFactory *factory = NULL;
    if (serving->request->class_object) {
        class_object->lpVtbl->AddRef(class_object);
        *ret_object = class_object;
        return S_OK;
    }
    HRESULT hr = class_object->lpVtbl->QueryInterface(class_object, &IID_IClassFactory, (void **)&factory);
    if (FAILED(hr)) return hr;
    hr = factory->lpVtbl->CreateInstance(factory, NULL, &IID_IUnknown, (void **)ret_object);
    factory->lpVtbl->Release(factory);
    return SUCCEEDED(hr) && !*ret_object ? E_NOINTERFACE : hr;
}

static void answer_interface(const Serving *serving, IUnknown *object, uint32_t index)
{
    _cleanup_(writer_deinitp) Writer objref = {0};
    Guid iid = activation_guid(serving->request->iids, index);
    writer_init(&objref, OBJREF_SIZE_MAX);
    HRESULT hr = marshal_interface(NULL, (const IID *)&iid, object, &objref);
    if (SUCCEEDED(hr)) hr = writer_status(&objref) < 0 ? E_OUTOFMEMORY : S_OK;
    registrar_answer_add(serving->answer, hr, objref.data, objref.length);
}

/* The class object acts as the process and sees no call context: who activates is known to mantled alone, and
 * what it says of it is hearsay: good enough to count objects by. Calls that it makes belong to the chain of
 * the activation. */
static void serve(void *argument)
{
    Serving *serving = argument;
    CallScope scope;
    CallContextSpec spec = {.authn_service = RPC_C_AUTHN_NONE,
                            .authn_level = RPC_C_AUTHN_LEVEL_NONE,
                            .charged = serving->request->caller,
                            .causality = serving->request->causality};
    IUnknown *object = NULL;
    serving->result = call_context_enter(&spec, &scope);
    if (FAILED(serving->result)) return;
    com_thread()->call_view = NULL;
    serving->result = make_object(serving, &object);
    if (SUCCEEDED(serving->result)) {
        for (uint32_t i = 0; i < serving->request->iid_count; i++)
            answer_interface(serving, object, i);
        object->lpVtbl->Release(object);
    }
    call_context_leave(&scope);
}

HRESULT activation_serve(const RegistrarActivation *request, RegistrarAnswer *answer)
{
    ClassObject class_object;
    HRESULT hr = class_object_use((const CLSID *)&request->clsid, request->cookie, &class_object);
    if (FAILED(hr)) return hr;
    Serving serving = {request, answer, &class_object, E_UNEXPECTED};
    hr = apartment_run(class_object.apartment, &request->causality, serve, &serving);
    class_object_deinit(&class_object);
    return FAILED(hr) ? hr : serving.result;
}
