/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/endpoint-inquiry.h"
#include <stdlib.h>
#include <string.h>

#define PAGE 100u /* elements asked for at once */

typedef enum InquiryState { INQUIRY_ASKING, INQUIRY_FREEING, INQUIRY_DONE, INQUIRY_FAILED } InquiryState;

struct EndpointInquiry {
    RpcBinding *binding;
    RpcSecurity *security;
    bool map, has_object;
    PduSyntax iface;
    Guid object;
    size_t max;
    uint64_t deadline;

    InquiryState state;
    RpcClientCall *call;
    Writer request;
    EndpointHandle handle;
    EndpointFound *found;
    size_t count, capacity, seen; /* seen: with those that could not be read */
    RpcStatus status;
    SecFailure failure;
};

RpcStatus endpoint_inquiry_new(const EndpointInquirySpec *spec, EndpointInquiry **ret_inquiry)
{
    EndpointInquiry *inquiry = calloc(1, sizeof(*inquiry));
    if (!inquiry) return RPCST_OUT_OF_MEMORY;
    inquiry->binding = rpc_binding_ref(spec->binding);
    if (spec->security) inquiry->security = rpc_security_ref(spec->security);
    inquiry->map = spec->iface != NULL;
    inquiry->has_object = spec->iface && spec->object;
    if (spec->iface) inquiry->iface = *spec->iface;
    if (inquiry->has_object) inquiry->object = *spec->object;
    inquiry->max = spec->max && spec->max < ENDPOINT_INQUIRY_MAX ? spec->max : ENDPOINT_INQUIRY_MAX;
    inquiry->deadline = spec->deadline;
    writer_init(&inquiry->request, 0);
    *ret_inquiry = inquiry;
    return RPCST_OK;
}

EndpointInquiry *endpoint_inquiry_free(EndpointInquiry *inquiry)
{
    if (!inquiry) return NULL;
    rpc_client_call_free(inquiry->call);
    rpc_binding_unref(inquiry->binding);
    rpc_security_unref(inquiry->security);
    writer_deinit(&inquiry->request);
    free(inquiry->found);
    free(inquiry);
    return NULL;
}

/* Sending */

static uint32_t page_size(const EndpointInquiry *inquiry)
{
    size_t left = inquiry->max - inquiry->seen;
    return left < PAGE ? (uint32_t)left : PAGE;
}

static void write_map(EndpointInquiry *inquiry)
{
    uint8_t bytes[128];
    Writer tower;
    writer_init_fixed(&tower, bytes, sizeof(bytes));
    endpoint_tower_write(&tower, &(EndpointTower){inquiry->iface, pdu_syntax_ndr, true, 0, {0}});
    ept_map_in_write(&inquiry->request, &(EptMapIn){.has_object = inquiry->has_object,
                                                    .object = inquiry->object,
                                                    .tower = tower.data,
                                                    .tower_length = tower.length,
                                                    .handle = inquiry->handle,
                                                    .max = page_size(inquiry)});
}

static RpcStatus start(EndpointInquiry *inquiry)
{
    uint16_t opnum = OP_EPT_LOOKUP_HANDLE_FREE;
    writer_reset(&inquiry->request);
    if (inquiry->state == INQUIRY_FREEING) {
        endpoint_handle_write(&inquiry->request, &inquiry->handle);
    } else if (inquiry->map) {
        opnum = OP_EPT_MAP;
        write_map(inquiry);
    } else {
        opnum = OP_EPT_LOOKUP;
        ept_lookup_in_write(&inquiry->request, &(EptLookupIn){.match = MATCH_ALL,
                                                              .version = VERSION_ALL,
                                                              .handle = inquiry->handle,
                                                              .max = page_size(inquiry)});
    }
    if (writer_status(&inquiry->request) < 0) return RPCST_OUT_OF_MEMORY;
    RpcClientCallSpec spec = {.binding = inquiry->binding,
                              .security = inquiry->security,
                              .iid = IID_ENDPOINT_MAPPER,
                              .major = ENDPOINT_MAPPER_MAJOR,
                              .opnum = opnum,
                              .stub = inquiry->request.data,
                              .stub_length = inquiry->request.length,
                              .deadline = inquiry->deadline};
    return rpc_client_call_new(&spec, &inquiry->call);
}

/* Receiving */

static RpcStatus fail(EndpointInquiry *inquiry, RpcStatus status, const char *sentence)
{
    sec_failure_set(&inquiry->failure, status, "%s", sentence);
    return status;
}

static RpcStatus keep(EndpointInquiry *inquiry, const EptOut *out)
{
    size_t needed = inquiry->count + out->count;
    if (needed > inquiry->capacity) {
        EndpointFound *larger = realloc(inquiry->found, 2 * needed * sizeof(*larger));
        if (!larger) return RPCST_OUT_OF_MEMORY;
        inquiry->found = larger;
        inquiry->capacity = 2 * needed;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        const EndpointRecord *record = &out->records[i];
        EndpointTower tower;
        if (!record->tower || endpoint_tower_read(record->tower, record->tower_length, &tower) < 0) continue;
        EndpointFound *found = &inquiry->found[inquiry->count++];
        *found = (EndpointFound){.iface = tower.iface, .object = record->object, .port = tower.port};
        memcpy(found->annotation, record->annotation, sizeof(found->annotation));
    }
    return RPCST_OK;
}

static RpcStatus take_page(EndpointInquiry *inquiry)
{
    Reader reply = rpc_client_call_reply(inquiry->call);
    _cleanup_(freep) EndpointRecord *records = calloc(PAGE, sizeof(*records));
    EptOut out = {.max = page_size(inquiry)};
    if (!records) return RPCST_OUT_OF_MEMORY;
    ept_out_read(&reply, inquiry->map, records, &out);
    bool more = !endpoint_handle_is_null(&out.handle);
    /* A page without elements and a handle to go on with would never end. */
    if (reader_status(&reply) < 0 || (out.status == RPCST_OK && out.count == 0 && more))
        return fail(inquiry, RPCST_PROTOCOL_ERROR, "the endpoint mapper's answer makes no sense");
    if (out.status != RPCST_OK && out.status != EPT_S_NOT_REGISTERED)
        return fail(inquiry, out.status, "the endpoint mapper cannot search its map");
    RpcStatus status = keep(inquiry, &out);
    inquiry->handle = out.handle;
    inquiry->seen += out.count;
    inquiry->state = !more ? INQUIRY_DONE : inquiry->seen >= inquiry->max ? INQUIRY_FREEING : INQUIRY_ASKING;
    return status;
}

/* After a call. That the handle could not be given back hurts nobody: it expires. */
static RpcStatus take(EndpointInquiry *inquiry, RpcStatus status)
{
    bool freeing = inquiry->state == INQUIRY_FREEING;
    if (status != RPCST_OK && !freeing) inquiry->failure = *rpc_client_call_failure(inquiry->call);
    if (status == RPCST_OK && !freeing) status = take_page(inquiry);
    if (freeing) {
        inquiry->state = INQUIRY_DONE;
        status = RPCST_OK;
    }
    inquiry->call = rpc_client_call_free(inquiry->call);
    return status;
}

static RpcStatus step(EndpointInquiry *inquiry, IoWait *ret_wait)
{
    while (inquiry->state < INQUIRY_DONE) {
        RpcStatus status = inquiry->call ? RPCST_OK : start(inquiry);
        if (status == RPCST_OK)
            status =
                ret_wait ? rpc_client_call_step(inquiry->call, ret_wait) : rpc_client_call_run(inquiry->call);
        if (status == RPCST_PENDING) return status;
        if (inquiry->call) status = take(inquiry, status);
        if (status != RPCST_OK) {
            inquiry->state = INQUIRY_FAILED;
            inquiry->status = status;
        }
    }
    return inquiry->status;
}

RpcStatus endpoint_inquiry_step(EndpointInquiry *inquiry, IoWait *ret_wait)
{
    return step(inquiry, ret_wait);
}

RpcStatus endpoint_inquiry_run(EndpointInquiry *inquiry)
{
    return step(inquiry, NULL);
}

const EndpointFound *endpoint_inquiry_found(const EndpointInquiry *inquiry, size_t *ret_count)
{
    *ret_count = inquiry->count;
    return inquiry->found;
}

const SecFailure *endpoint_inquiry_failure(const EndpointInquiry *inquiry)
{
    return &inquiry->failure;
}

RpcStatus endpoint_resolve(const EndpointInquirySpec *spec, uint16_t *ret_port)
{
    _cleanup_(endpoint_inquiry_freep) EndpointInquiry *inquiry = NULL;
    RpcStatus status = endpoint_inquiry_new(spec, &inquiry);
    if (status == RPCST_OK) status = endpoint_inquiry_run(inquiry);
    if (status != RPCST_OK) return status;
    for (size_t i = 0; i < inquiry->count; i++)
        if (inquiry->found[i].port) {
            *ret_port = inquiry->found[i].port;
            return RPCST_OK;
        }
    return EPT_S_NOT_REGISTERED;
}
