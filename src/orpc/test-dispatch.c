/* SPDX-License-Identifier: Apache-2.0 */
/* The checks on a call's way to an object, [MS-DCOM] 3.1.1.5.4, and what each of them answers (SRV-14). */
#include "orpc/dispatch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <winerror.h>
#include "io/loop.h"
#include "orpc/remunknown.h"
#include "rpc/server-private.h"

#define FLOOR 4 /* RPC_C_AUTHN_LEVEL_PKT */

typedef struct Fixture {
    IoLoop *loop;
    RpcServer *server;
    Exporter *exporter;
    OrpcService *service;
    bool admits, asked, asked_local;
} Fixture;

static bool may_call(void *context, const RpcCall *call)
{
    Fixture *fixture = context;

    fixture->asked = true;
    fixture->asked_local = call->is_local;
    return fixture->admits;
}

static int setup(void **state)
{
    static Fixture fixture;

    assert_int_equal(io_loop_new(&fixture.loop), 0);
    const RpcServerOptions options = {.loop = fixture.loop};
    assert_int_equal(rpc_server_new(&options, &fixture.server), RPCST_OK);
    assert_int_equal(exporter_new(NULL, &fixture.exporter), S_OK);
    const OrpcServerOptions orpc = {
        .exporter = fixture.exporter, .authn_level_floor = FLOOR, .may_call = may_call, .context = &fixture};
    assert_int_equal(orpc_serve(fixture.server, &orpc, &fixture.service), S_OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    Fixture *fixture = *state;

    fixture->server = rpc_server_free(fixture->server);
    fixture->service = orpc_service_free(fixture->service);
    fixture->exporter = exporter_free(fixture->exporter);
    fixture->loop = io_loop_free(fixture->loop);
    return 0;
}

static const Guid object_iid = {0x64720c03, 0xe98a, 0x44a1, {0xbb, 0x09, 0x2f, 0xb9, 0x54, 0xe4, 0x0b, 0x54}};
static const Guid nobody = {0xdead, 1, 2, {3}};

typedef struct Row {
    const Guid *iid;
    uint16_t major;
    uint8_t level;
    bool admits;
    uint32_t flags;
    RpcStatus status;
    bool asked;
} Row;

static RpcStatus dispatch(Fixture *fixture, const Row *row, bool local)
{
    const RpcObjects *objects = &fixture->server->objects;
    uint8_t stub[ORPC_THIS_SIZE];
    Writer writer;
    RpcCall call = {.iid = *row->iid,
                    .opnum = 3,
                    .has_object = true,
                    .object = nobody,
                    .authn_level = row->level,
                    .is_local = local};

    writer_init_fixed(&writer, stub, sizeof(stub));
    writer_u16(&writer, row->major);
    writer_u16(&writer, 7);
    writer_u32(&writer, row->flags);
    writer_u32(&writer, 0);
    writer_guid(&writer, &nobody);
    writer_u32(&writer, 0);
    assert_int_equal(writer_status(&writer), 0);
    reader_init(&call.in, stub, sizeof(stub));
    writer_init(&call.out, 0);
    fixture->admits = row->admits;
    fixture->asked = false;
    RpcStatus status = objects->dispatch(&call, objects->data);
    writer_deinit(&call.out);
    return status;
}

static void SRV_14_each_check_in_its_order(void **state)
{
    static const Row rows[] = {
        {&object_iid, 6, FLOOR - 1, false, 2, (RpcStatus)RPC_E_VERSION_MISMATCH, false},
        {&IID_REM_UNKNOWN, 6, FLOOR - 1, false, 2, (RpcStatus)RPC_E_VERSION_MISMATCH, false},
        /* The level goes before the permission, and both have the same answers. */
        {&object_iid, 5, FLOOR - 1, true, 2, RPCST_ACCESS_DENIED, false},
        {&IID_REM_UNKNOWN, 5, FLOOR - 1, true, 2, (RpcStatus)E_ACCESSDENIED, false},
        {&object_iid, 5, FLOOR, false, 2, RPCST_ACCESS_DENIED, true},
        {&IID_REM_UNKNOWN, 5, FLOOR, false, 2, (RpcStatus)E_ACCESSDENIED, true},
        {&IID_REM_UNKNOWN2, 5, FLOOR, false, 0, (RpcStatus)E_ACCESSDENIED, true},
        {&object_iid, 5, FLOOR, false, 0, RPCST_ACCESS_DENIED, true},
        /* Who is admitted. */
        {&object_iid, 5, FLOOR, true, 2, (RpcStatus)RPC_E_INVALID_HEADER, true},
        {&IID_REM_UNKNOWN2, 5, FLOOR, true, 2, (RpcStatus)RPC_E_INVALID_HEADER, true},
        {&object_iid, 5, FLOOR, true, 0, (RpcStatus)RPC_E_DISCONNECTED, true},
        {&IID_REM_UNKNOWN, 5, FLOOR, true, 0, (RpcStatus)RPC_E_DISCONNECTED, true},
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        RpcStatus status = dispatch(fixture, &rows[i], i % 2);

        if (status != rows[i].status || fixture->asked != rows[i].asked)
            fail_msg("row %zu: 0x%08X", i, (unsigned)status);
        if (fixture->asked) assert_int_equal(fixture->asked_local, i % 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(SRV_14_each_check_in_its_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
