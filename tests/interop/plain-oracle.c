/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain-oracle: prints calls of the interfaces whose stubs are written by hand, as they write them: one line
 * NAME|INTERFACE|OPNUM|REQUEST|REPLY each, for wine/plain-oracle.c.
 */
#include <stdio.h>
#include <string.h>
#include <winerror.h>
#include "orpc/plain.h"
#include "orpc/remote-activation.h"
#include "rpc/endpoint-message.h"
#include "rpc/mgmt-message.h"

#define OID_FIRST 0x1122334455667788u

static const Guid some_id = {0x01020304, 0x0506, 0x0708, {9, 10, 11, 12, 13, 14, 15, 16}};
static const uint8_t some_ids[3 * 16] = {1, 2, 3, [16] = 4, 5, 6, [32] = 7, 8, 9};
static const uint8_t some_objref[21] = {'M', 'E', 'O', 'W', 4, [16] = 1, 2, 3, 4, 5};
/* One address, one service. */
static const uint8_t some_text[] = {7, 0, 'a', 0, 0, 0, 0, 0, 16, 0, 255, 255, 'h', 0, 0, 0, 0, 0};
static const Bindings some_bindings = {some_text, sizeof(some_text) / 2, 4};

static void print(const char *name, const char *interface_name, unsigned opnum, Writer *request,
                  Writer *reply)
{
    Writer *both[] = {request, reply};
    printf("%s|%s|%u", name, interface_name, opnum);
    for (unsigned k = 0; k < 2; k++) {
        putchar('|');
        for (size_t i = 0; i < both[k]->length; i++)
            printf("%02x", both[k]->data[i]);
        writer_reset(both[k]);
    }
    putchar('\n');
}

static void exporter(Writer *request, Writer *reply)
{
    const ResolveOxidIn resolve = {.oxid = OID_FIRST, .protseq_count = 3, .protseqs = {7, 9, 31}};
    const ResolveOxidOut resolved = {some_bindings, some_id, 6, {5, 7}, 0},
                         unknown = {.status = OR_INVALID_OXID};
    const ServerAlive2Out alive = {{5, 7}, some_bindings, 0};
    resolve_oxid_in_write(request, &resolve);
    resolve_oxid_out_write(reply, false, &resolved);
    print("ResolveOxid", "Exporter", OP_RESOLVE_OXID, request, reply);
    resolve_oxid_in_write(request, &resolve);
    resolve_oxid_out_write(reply, false, &unknown);
    print("ResolveOxid of nobody's", "Exporter", OP_RESOLVE_OXID, request, reply);
    simple_ping_in_write(request, OID_FIRST);
    plain_status_write(reply, OR_INVALID_SET);
    print("SimplePing", "Exporter", OP_SIMPLE_PING, request, reply);
    plain_status_write(reply, 0);
    print("ServerAlive", "Exporter", OP_SERVER_ALIVE, request, reply);
    resolve_oxid_in_write(request, &resolve);
    resolve_oxid_out_write(reply, true, &resolved);
    print("ResolveOxid2", "Exporter", OP_RESOLVE_OXID2, request, reply);
    resolve_oxid_in_write(request, &resolve);
    resolve_oxid_out_write(reply, true, &unknown);
    print("ResolveOxid2 of nobody's", "Exporter", OP_RESOLVE_OXID2, request, reply);
    server_alive2_out_write(reply, &alive);
    print("ServerAlive2", "Exporter", OP_SERVER_ALIVE2, request, reply);
}

static void pings(Writer *request, Writer *reply)
{
    const ComplexPingOut out = {OID_FIRST, 3, 0};
    ComplexPingIn in = {0, 1, 2, 1, some_ids, some_ids + 16};
    complex_ping_in_write(request, &in);
    complex_ping_out_write(reply, &out);
    print("ComplexPing", "Exporter", OP_COMPLEX_PING, request, reply);
    in = (ComplexPingIn){OID_FIRST, 2, 0, 0, NULL, NULL};
    complex_ping_in_write(request, &in);
    complex_ping_out_write(reply, &out);
    print("ComplexPing about nothing", "Exporter", OP_COMPLEX_PING, request, reply);
    in = (ComplexPingIn){OID_FIRST, 3, 0, 3, NULL, some_ids};
    complex_ping_in_write(request, &in);
    complex_ping_out_write(reply, &out);
    print("ComplexPing that only takes out", "Exporter", OP_COMPLEX_PING, request, reply);
}

static OrpcThis this_with(uint32_t extents)
{
    OrpcThis this_ = {{5, 7}, 1, some_id, extents, {{some_id, (const uint8_t *)"abcde", 5}}};
    for (uint32_t i = 1; i < extents; i++)
        this_.extents[i] = (OrpcExtent){some_id, some_ids, 16};
    return this_;
}

static OrpcThat that_with(uint32_t extents)
{
    OrpcThat that = {0, extents, {{some_id, (const uint8_t *)"xyz", 3}}};
    for (uint32_t i = 1; i < extents; i++)
        that.extents[i] = (OrpcExtent){some_id, some_ids, 8};
    return that;
}

static void activator(Writer *request, Writer *reply)
{
    ActivateIn in = {this_with(0), some_objref, sizeof(some_objref)};
    ActivateOut out = {that_with(0), some_objref, sizeof(some_objref), 0};
    activate_in_write(request, OP_CREATE_INSTANCE, &in);
    activate_out_write(reply, &out);
    print("RemoteCreateInstance", "Activator", OP_CREATE_INSTANCE, request, reply);
    in.orpc = this_with(2);
    out = (ActivateOut){.orpc = that_with(1), .status = E_ACCESSDENIED};
    activate_in_write(request, OP_CREATE_INSTANCE, &in);
    activate_out_write(reply, &out);
    print("RemoteCreateInstance, refused in words", "Activator", OP_CREATE_INSTANCE, request, reply);
    activate_in_write(request, OP_GET_CLASS_OBJECT, &in);
    activate_out_write(reply, &out);
    print("RemoteGetClassObject", "Activator", OP_GET_CLASS_OBJECT, request, reply);
}

static void activation(Writer *request, Writer *reply)
{
    const RemoteActivationIn in = {.orpc = this_with(0),
                                   .clsid = some_id,
                                   .client_level = 2,
                                   .iid_count = 2,
                                   .iids = some_ids,
                                   .protseq_count = 1,
                                   .protseqs = {7}};
    const ActivationResult results[] = {{some_id, 0, some_objref, sizeof(some_objref)},
                                        {some_id, E_NOINTERFACE, NULL, 0}};
    RemoteActivationOut out = {.orpc = that_with(0),
                               .scm = {OID_FIRST, some_bindings, some_id, 5, {5, 7}},
                               .count = 2,
                               .results = results};
    remote_activation_in_write(request, &in);
    remote_activation_out_write(reply, &out);
    print("RemoteActivation", "Activation", OP_REMOTE_ACTIVATION, request, reply);
    out = (RemoteActivationOut){.orpc = that_with(0), .result = REGDB_E_CLASSNOTREG, .count = 2};
    remote_activation_in_write(request, &in);
    remote_activation_out_write(reply, &out);
    print("RemoteActivation of nobody's class", "Activation", OP_REMOTE_ACTIVATION, request, reply);
}

static void headers(Writer *request, Writer *reply, uint32_t extents)
{
    OrpcThis this_ = this_with(extents);
    OrpcThat that = that_with(extents);
    orpc_this_write(request, &this_);
    orpc_that_write(reply, &that);
}

static void queries(Writer *request, Writer *reply)
{
    const RemQueryInterfaceIn in = {some_id, 5, 3, some_ids};
    const StdObjref std = {
        .flags = 0, .public_refs = 5, .oxid = OID_FIRST, .oid = OID_FIRST + 1, .ipid = some_id};
    const RemQueryResult results[] = {{0, std}, {E_NOINTERFACE, {0}}, {0, std}};
    const RemQuery2Result results2[] = {
        {0, some_objref, sizeof(some_objref)}, {E_NOINTERFACE, NULL, 0}, {0, some_objref, 5}};
    for (uint32_t extents = 0; extents < 3; extents++) {
        headers(request, reply, extents);
        rem_query_interface_in_write(request, &in);
        rem_query_interface_out_write(reply, results, 3, S_FALSE);
        print(extents == 0   ? "RemQueryInterface"
              : extents == 1 ? "RemQueryInterface with an extent"
                             : "RemQueryInterface with extents",
              "RemUnknown", OP_REM_QUERY_INTERFACE, request, reply);
    }
    headers(request, reply, 0);
    rem_query_interface_in_write(request, &in);
    rem_query_interface_out_write(reply, NULL, 0, RPC_E_INVALID_OBJECT);
    print("RemQueryInterface of nobody's", "RemUnknown", OP_REM_QUERY_INTERFACE, request, reply);
    headers(request, reply, 1);
    rem_query_interface2_in_write(request, &in);
    rem_query_interface2_out_write(reply, results2, 3, 0);
    print("RemQueryInterface2", "RemUnknown", OP_REM_QUERY_INTERFACE2, request, reply);
}

static void references(Writer *request, Writer *reply)
{
    const RemReference refs[] = {{some_id, 5, 0}, {some_id, 0, 1}, {some_id, 7, 7}};
    const HRESULT codes[] = {0, E_INVALIDARG, 0};
    headers(request, reply, 0);
    rem_references_in_write(request, refs, 3);
    rem_add_ref_out_write(reply, codes, 3, S_FALSE);
    print("RemAddRef", "RemUnknown", OP_REM_ADD_REF, request, reply);
    headers(request, reply, 0);
    rem_references_in_write(request, refs, 1);
    plain_status_write(reply, 0);
    print("RemRelease", "RemUnknown", OP_REM_RELEASE, request, reply);
}

static void mapper(Writer *request, Writer *reply)
{
    _cleanup_(writer_deinitp) Writer tower;
    writer_init(&tower, 0);
    endpoint_tower_write(&tower, &(EndpointTower){.iface = {IID_MGMT, 1, 0},
                                                  .transfer = pdu_syntax_ndr,
                                                  .tcp = true,
                                                  .port = 135,
                                                  .address = {127, 0, 0, 1}});
    EptMapIn in = {
        .has_object = true, .object = some_id, .tower = tower.data, .tower_length = tower.length, .max = 4};
    EndpointRecord records[] = {{.tower = tower.data, .tower_length = tower.length},
                                {.tower = tower.data, .tower_length = 7}};
    EptOut out = {{1, some_id}, 4, 2, records, 0};
    ept_map_in_write(request, &in);
    ept_out_write(reply, true, &out);
    print("ept_map", "Mapper", OP_EPT_MAP, request, reply);
    in = (EptMapIn){.tower = tower.data, .tower_length = tower.length, .handle = {1, some_id}, .max = 1};
    out = (EptOut){{0}, 1, 0, NULL, EPT_S_NOT_REGISTERED};
    ept_map_in_write(request, &in);
    ept_out_write(reply, true, &out);
    print("ept_map of nobody's", "Mapper", OP_EPT_MAP, request, reply);
    endpoint_handle_write(request, &(EndpointHandle){1, some_id});
    endpoint_handle_write(reply, &(EndpointHandle){0});
    writer_u32(reply, 0);
    print("ept_lookup_handle_free", "Mapper", OP_EPT_LOOKUP_HANDLE_FREE, request, reply);
}

static void mgmt(Writer *request, Writer *reply)
{
    const PduSyntax interfaces[] = {
        {IID_MGMT, 1, 0}, {IID_ENDPOINT_MAPPER, 3, 0}, {IID_OBJECT_EXPORTER, 0, 0}};
    const uint32_t statistics[] = {1, 2, 3, 4};
    mgmt_if_ids_write(reply, interfaces, 3, 0);
    print("inq_if_ids", "Mgmt", OP_MGMT_INQ_IF_IDS, request, reply);
    writer_u32(request, 4);
    mgmt_stats_write(reply, statistics, 4, 0);
    print("inq_stats", "Mgmt", OP_MGMT_INQ_STATS, request, reply);
    mgmt_listening_write(reply, 0, true);
    print("is_server_listening", "Mgmt", OP_MGMT_IS_SERVER_LISTENING, request, reply);
    mgmt_principal_in_write(request, &(MgmtPrincipalIn){16, 20});
    mgmt_principal_write(reply, 20, "host/a", 0);
    print("inq_princ_name", "Mgmt", OP_MGMT_INQ_PRINC_NAME, request, reply);
    mgmt_principal_in_write(request, &(MgmtPrincipalIn){10, 1});
    mgmt_principal_write(reply, 1, "", 1747);
    print("inq_princ_name of no service", "Mgmt", OP_MGMT_INQ_PRINC_NAME, request, reply);
}

int main(void)
{
    Writer request, reply;
    writer_init(&request, 0);
    writer_init(&reply, 0);
    exporter(&request, &reply);
    pings(&request, &reply);
    activator(&request, &reply);
    activation(&request, &reply);
    queries(&request, &reply);
    references(&request, &reply);
    mapper(&request, &reply);
    mgmt(&request, &reply);
    writer_deinit(&request);
    writer_deinit(&reply);
    return 0;
}
