/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A caller with a ticket who sends malformed bodies, headers and OBJREFs to a running host, sealed as it
 * should be: it gets the protocol's code, keeps its connection, and another caller's conversation goes on.
 */
#include <stdio.h>
#include <string.h>
#include <winerror.h>
#include "tests/realm/orpc-caller.h"

static Caller bad, good;

static int setup(void **state)
{
    if (!callers_setup()) return -1;
    caller_init(&bad, "bob");
    caller_init(&good, "alice");
    return 0;
}

static int teardown(void **state)
{
    caller_deinit(&bad);
    caller_deinit(&good);
    callers_teardown();
    return 0;
}

/* The bad one is refused with this status; both go on. */
static void expect(const Guid *ipid, uint16_t opnum, const Writer *stub, size_t length, uint32_t status)
{
    _cleanup_(writer_deinitp) Writer reply;
    writer_init(&reply, 0);
    CallerCall call = {ipid, opnum, stub->data, length};
    assert_int_equal(caller_run(&bad, &call, &reply), status);
    caller_echo(&good);
    caller_echo(&bad);
}

static void test_bodies(void **state)
{
    static const struct {
        uint32_t count, conformance;
        size_t bytes;
    } rows[] = {
        {10, 10, 5}, {10, 5, 10},         {5, 10, 10},         {100, 100, 10}, {UINT32_MAX, UINT32_MAX, 10},
        {10, 10, 0}, {0x80000000u, 0, 0}, {0, UINT32_MAX, 10}, {11, 11, 10}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(writer_deinitp) Writer stub;
        writer_init(&stub, 0);
        caller_put_echo(&stub, rows[i].count, rows[i].conformance, rows[i].bytes);
        expect(&bad.ipid, SLOT_ECHO, &stub, stub.length, RPCST_BAD_STUB_DATA);
    }
}

/* [in] ULONG index, [in, string] LPCWSTR plan */
static void test_strings(void **state)
{
    static const struct {
        uint32_t maximum, offset, actual;
        const char16_t *text;
        size_t units;
        uint32_t status;
    } rows[] = {
        {4, 1, 3, u"abc", 4, RPC_X_BAD_STUB_DATA},
        {3, 0, 4, u"abc", 4, RPC_X_BAD_STUB_DATA},
        {0, 0, 0, u"", 0, RPC_X_BAD_STUB_DATA},
        {4, 0, 4, u"abcd", 4, RPC_S_INVALID_BOUND}, /* no end */
        {4, 0, 4, u"a\0bc", 4, RPC_S_INVALID_BOUND},
        {4, 0, 4, u"abc", 3, RPC_X_BAD_STUB_DATA},
        {UINT32_MAX, 0, UINT32_MAX, u"abc", 4, RPC_X_BAD_STUB_DATA},
        {0x80000000u, 0, 4, u"abc", 2, RPC_X_BAD_STUB_DATA},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(writer_deinitp) Writer stub;
        writer_init(&stub, 0);
        caller_put_this(&stub, COM_VERSION_MAJOR, 0);
        writer_u32(&stub, 0);
        writer_u32(&stub, rows[i].maximum);
        writer_u32(&stub, rows[i].offset);
        writer_u32(&stub, rows[i].actual);
        writer_bytes(&stub, rows[i].text, rows[i].units * 2);
        expect(&bad.ipid, SLOT_WHOAMI, &stub, stub.length, rows[i].status);
    }
}

static void test_cut_anywhere(void **state)
{
    _cleanup_(writer_deinitp) Writer stub;
    writer_init(&stub, 0);
    caller_put_echo(&stub, 10, 10, 10);
    for (size_t length = 0; length < stub.length; length++)
        expect(&bad.ipid, SLOT_ECHO, &stub, length, RPCST_BAD_STUB_DATA);
}

/* [MS-DCOM] 3.1.1.5.4 */
static void test_headers(void **state)
{
    static const struct {
        uint16_t major;
        uint32_t flags;
        uint16_t opnum;
        bool stranger; /* an IPID that was never handed out */
        uint32_t status;
    } rows[] = {{6, 0, SLOT_NULL, false, (uint32_t)RPC_E_VERSION_MISMATCH},
                {5, 2, SLOT_NULL, false, (uint32_t)RPC_E_INVALID_HEADER},
                {5, 0, SLOT_NULL, true, (uint32_t)RPC_E_DISCONNECTED},
                {5, 0, SLOT_NONE, false, RPCST_PROCNUM_OUT_OF_RANGE},
                {5, 0, 1, false, RPCST_PROCNUM_OUT_OF_RANGE},
                {5, 0, SLOT_NULL, false, RPCST_OK}};
    const Guid stranger = {0xdead, 1, 2, {3}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(writer_deinitp) Writer stub;
        writer_init(&stub, 0);
        caller_put_this(&stub, rows[i].major, rows[i].flags);
        expect(rows[i].stranger ? &stranger : &bad.ipid, rows[i].opnum, &stub, stub.length, rows[i].status);
    }
}

/* An IPID is called through the interface that it was handed out for, whatever else the process knows. */
static void test_other_interface(void **state)
{
    static const Guid factory = {1, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
    _cleanup_(writer_deinitp) Writer stub, reply;
    writer_init(&stub, 0);
    writer_init(&reply, 0);
    caller_put_this(&stub, COM_VERSION_MAJOR, 0);
    CallerCall call = {
        .ipid = &bad.ipid, .opnum = SLOT_NULL, .stub = stub.data, .length = stub.length, .iid = &factory};
    for (uint16_t opnum = SLOT_WHOAMI; opnum <= SLOT_ECHO; opnum++) {
        call.opnum = opnum;
        assert_int_equal(caller_run(&bad, &call, &reply), (uint32_t)RPC_E_INVALID_IPID);
    }
    caller_echo(&good);
    caller_echo(&bad);
}

/* What a real client once sent, with one byte after the other changed: always an answer, and never anything
 * made that could not be named. */
static void test_activation(void **state)
{
    static uint8_t bytes[2000];
    FILE *file = fopen(CORPUS "/orpc/windows-create-in", "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    unsigned refused = 0;
    for (size_t i = 1; i < length; i++) { /* the first byte is the fuzzer's */
        _cleanup_(writer_deinitp) Writer reply;
        ActivateOut out;
        Reader reader;
        writer_init(&reply, 0);
        bytes[i] ^= 0xff;
        CallerCall call = {NULL, OP_CREATE_INSTANCE, bytes + 1, length - 1};
        RpcStatus status = caller_run(&bad, &call, &reply);
        bytes[i] ^= 0xff;
        assert_true(status == RPCST_OK || status == RPCST_BAD_STUB_DATA);
        refused += status != RPCST_OK;
        if (status == RPCST_OK) {
            reader_init(&reader, reply.data, reply.length);
            activate_out_read(&reader, &out);
            assert_int_equal(reader_status(&reader), 0);
            assert_true(FAILED(out.status) && !out.objref);
            refused += out.status == RPC_E_INVALID_OBJREF;
        }
        if (i % 50 == 0) caller_echo(&good);
    }
    assert_true(refused > 100);
    caller_echo(&good);
    caller_echo(&bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),          cmocka_unit_test(test_strings),
        cmocka_unit_test(test_cut_anywhere),    cmocka_unit_test(test_headers),
        cmocka_unit_test(test_other_interface), cmocka_unit_test(test_activation),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
