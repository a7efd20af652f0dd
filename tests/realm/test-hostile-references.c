/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a caller can do to references and ping sets that are somebody else's: nothing but release public
 * references, which belong to nobody. And in which order a call is checked.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "tests/realm/orpc-caller.h"

#define PUBLIC 5 /* that an activation hands out */

static const Guid whoami = {0x64720c03, 0xe98a, 0x44a1, {0xbb, 0x09, 0x2f, 0xb9, 0x54, 0xe4, 0x0b, 0x54}};
static Caller bob, alice, alice_again;
static uint64_t started;

/* IRemUnknown, with the security of `caller`, on the exporter of everybody's objects. */

static RpcStatus rem_call(const Caller *caller, RpcSecurity *security, const Guid *iid, uint16_t opnum,
                          const Writer *body, Writer *ret_reply)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    RpcClientCallSpec spec = {.binding = remote_exporter_binding(caller->exporter),
                              .security = security,
                              .iid = *iid,
                              .object = remote_exporter_rem_unknown(caller->exporter),
                              .opnum = opnum,
                              .stub = body->data,
                              .stub_length = body->length,
                              .deadline = time_after(20 * NS_PER_SECOND)};
    assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
    RpcStatus status = rpc_client_call_run(call);
    if (status == RPCST_OK) {
        Reader reply = rpc_client_call_reply(call);
        OrpcThat that;
        orpc_that_read(&reply, &that);
        size_t length = reader_left(&reply);
        writer_bytes(ret_reply, reader_bytes(&reply, length), length);
    } else {
        assert_true(rpc_client_call_is_fault(call));
    }
    return status;
}

/* The status of the call, or the result of the first reference where the operation has results. */
static HRESULT references(const Caller *caller, RpcSecurity *security, uint16_t opnum,
                          const RemReference *reference)
{
    _cleanup_(writer_deinitp) Writer body, reply;
    Reader reader;
    writer_init(&body, 0);
    writer_init(&reply, 0);
    caller_put_this(&body, COM_VERSION_MAJOR, 0);
    writer_align(&body, 8, 0);
    rem_references_in_write(&body, reference, 1);
    RpcStatus status = rem_call(caller, security, &IID_REM_UNKNOWN2, opnum, &body, &reply);
    if (status != RPCST_OK) return (HRESULT)status;
    reader_init(&reader, reply.data, reply.length);
    if (opnum == OP_REM_RELEASE) return (HRESULT)plain_status_read(&reader);
    HRESULT result = E_UNEXPECTED, overall;
    assert_int_equal(rem_add_ref_out_read(&reader, &result, 1, &overall), 1);
    assert_int_equal(reader_status(&reader), 0);
    return result;
}

static HRESULT add_ref(const Caller *caller, const Guid *ipid, uint32_t public_refs, uint32_t private_refs)
{
    return references(caller, caller->security, OP_REM_ADD_REF,
                      &(RemReference){*ipid, public_refs, private_refs});
}

static HRESULT release(const Caller *caller, const Guid *ipid, uint32_t public_refs, uint32_t private_refs)
{
    return references(caller, caller->security, OP_REM_RELEASE,
                      &(RemReference){*ipid, public_refs, private_refs});
}

static bool lives(const Caller *caller)
{
    _cleanup_(writer_deinitp) Writer stub, reply;
    writer_init(&stub, 0);
    writer_init(&reply, 0);
    caller_put_this(&stub, COM_VERSION_MAJOR, 0);
    CallerCall call = {&caller->ipid, SLOT_NULL, stub.data, stub.length, NULL};
    RpcStatus status = caller_run(caller, &call, &reply);
    assert_true(status == RPCST_OK || status == (uint32_t)RPC_E_DISCONNECTED);
    return status == RPCST_OK;
}

static void REF_2_a_private_reference_is_released_by_its_taker_only(void **state)
{
    assert_int_equal(add_ref(&alice, &alice.ipid, 0, 1), S_OK);
    assert_int_equal(release(&bob, &alice.ipid, 0, 1), E_ACCESSDENIED);
    assert_int_equal(release(&alice, &alice.ipid, 0, 2), E_ACCESSDENIED); /* one more than is held */
    /* Who is refused has released nothing else by the way. */
    assert_int_equal(release(&bob, &alice.ipid, PUBLIC, 1), E_ACCESSDENIED);
    assert_int_equal(release(&alice, &alice.ipid, 0, 1), S_OK);
    assert_true(lives(&alice));
    assert_int_equal(release(&alice, &alice.ipid, 0, 1), E_ACCESSDENIED); /* it is gone */
    assert_true(lives(&alice));
    assert_true(lives(&bob));
}

/* The class has one object: what ends for one of them ends for all. */
static void activate_all(void)
{
    caller_deinit(&bob);
    caller_deinit(&alice);
    caller_deinit(&alice_again);
    caller_init(&bob, "bob");
    caller_init(&alice, "alice");
    caller_init(&alice_again, "alice");
}

static void REF_2_public_references_are_nobody_s(void **state)
{
    assert_int_equal(add_ref(&alice, &alice.ipid, 0, 1), S_OK);
    assert_int_equal(release(&bob, &alice.ipid, 1000, 0), S_OK); /* more than there are: all */
    assert_true(lives(&alice));                                  /* by the one that is alice's own */
    assert_int_equal(add_ref(&alice, &alice.ipid, PUBLIC, 0), S_OK);
    assert_int_equal(release(&alice, &alice.ipid, 0, 1), S_OK);
    assert_true(lives(&alice));
    assert_int_equal(release(&bob, &alice.ipid, PUBLIC, 0), S_OK);
    assert_false(lives(&alice));
    activate_all();
}

/* References are a user's, not a connection's. */
static void REF_2_private_references_outlive_the_connection(void **state)
{
    assert_int_equal(add_ref(&alice, &alice.ipid, 0, 2), S_OK);
    assert_int_equal(
        references(&alice, alice_again.security, OP_REM_RELEASE, &(RemReference){alice.ipid, 0, 2}), S_OK);
    assert_true(lives(&alice));
}

static void REF_4_who_releases_is_authenticated(void **state)
{
    assert_int_equal(references(&alice, NULL, OP_REM_RELEASE, &(RemReference){alice.ipid, PUBLIC, 0}),
                     E_ACCESSDENIED);
    assert_int_equal(references(&alice, NULL, OP_REM_ADD_REF, &(RemReference){alice.ipid, 0, 1}),
                     E_ACCESSDENIED);
    assert_true(lives(&alice));
}

static void forged_ipids_are_nobody_s(void **state)
{
    Guid forged = alice.ipid;
    forged.data4[7] ^= 1;
    assert_int_equal(add_ref(&bob, &forged, 1, 0), CO_E_OBJNOTREG);
    assert_int_equal(add_ref(&bob, &forged, 0, 1), CO_E_OBJNOTREG);
    assert_int_equal(release(&bob, &forged, 1, 0), S_OK); /* what is not there needs no release */
    _cleanup_(writer_deinitp) Writer stub, reply;
    writer_init(&stub, 0);
    writer_init(&reply, 0);
    caller_put_this(&stub, COM_VERSION_MAJOR, 0);
    CallerCall call = {&forged, SLOT_NULL, stub.data, stub.length, NULL};
    assert_int_equal(caller_run(&bob, &call, &reply), (uint32_t)RPC_E_DISCONNECTED);
    assert_true(lives(&alice));
    assert_true(lives(&bob));
}

/* Both versions of IRemUnknown are there; the older one has no RemQueryInterface2. */
static void IRemUnknown_is_served_beside_IRemUnknown2(void **state)
{
    static const uint8_t iunknown[16] = {[8] = 0xc0, [15] = 0x46};
    const Guid *const iids[] = {&IID_REM_UNKNOWN, &IID_REM_UNKNOWN2};
    for (unsigned i = 0; i < 2; i++) {
        _cleanup_(writer_deinitp) Writer body, second, reply;
        writer_init(&body, 0);
        writer_init(&second, 0);
        writer_init(&reply, 0);
        RemQueryInterfaceIn in = {.ipid = alice.ipid, .public_refs = 1, .iid_count = 1};
        in.iids = iunknown;
        caller_put_this(&body, COM_VERSION_MAJOR, 0);
        writer_align(&body, 8, 0);
        rem_query_interface_in_write(&body, &in);
        assert_int_equal(rem_call(&alice, alice.security, iids[i], OP_REM_QUERY_INTERFACE, &body, &reply),
                         RPCST_OK);
        caller_put_this(&second, COM_VERSION_MAJOR, 0);
        writer_align(&second, 8, 0);
        rem_query_interface2_in_write(&second, &in);
        assert_int_equal(rem_call(&alice, alice.security, iids[i], OP_REM_QUERY_INTERFACE2, &second, &reply),
                         i ? RPCST_OK : RPCST_PROCNUM_OUT_OF_RANGE);
    }
}

/* Ping sets */

static uint32_t ping(const Caller *caller, uint64_t *set, uint16_t sequence, const uint64_t *add,
                     const uint64_t *remove)
{
    _cleanup_(writer_deinitp) Writer body;
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    ComplexPingIn in = {
        .set = *set, .sequence = sequence, .add_count = add != NULL, .remove_count = remove != NULL};
    in.add = (const uint8_t *)add;
    in.remove = (const uint8_t *)remove;
    writer_init(&body, 0);
    complex_ping_in_write(&body, &in);
    RpcClientCallSpec spec = {.binding = caller->resolver,
                              .security = caller->resolver_security,
                              .iid = IID_OBJECT_EXPORTER,
                              .opnum = OP_COMPLEX_PING,
                              .stub = body.data,
                              .stub_length = body.length,
                              .deadline = time_after(20 * NS_PER_SECOND)};
    assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
    assert_int_equal(rpc_client_call_run(call), RPCST_OK);
    Reader reply = rpc_client_call_reply(call);
    ComplexPingOut out;
    complex_ping_out_read(&reply, &out);
    assert_int_equal(reader_status(&reply), 0);
    *set = out.set;
    return out.status;
}

static void a_ping_set_is_its_maker_s(void **state)
{
    uint64_t set = 0, oid = alice.object.oid;
    assert_int_equal(ping(&alice, &set, 1, &oid, NULL), 0);
    uint64_t stolen = set;
    assert_int_equal(ping(&bob, &stolen, 2, NULL, NULL), OR_INVALID_SET);
    stolen = set;
    assert_int_equal(ping(&bob, &stolen, 2, NULL, &oid), OR_INVALID_SET);
    stolen = set;
    assert_int_equal(ping(&alice_again, &stolen, 2, NULL, NULL), 0); /* the user's, wherever he calls from */
    assert_int_equal(ping(&alice, &set, 3, NULL, &oid), 0);          /* and the object was still in it */
}

/* The order of the checks */

static RpcStatus call_with(RpcSecurity *security, const Guid *iid, const Guid *ipid, uint16_t major,
                           uint32_t flags, uint16_t opnum)
{
    _cleanup_(writer_deinitp) Writer stub;
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    writer_init(&stub, 0);
    caller_put_this(&stub, major, flags);
    RpcClientCallSpec spec = {.binding = remote_exporter_binding(alice.exporter),
                              .security = security,
                              .iid = *iid,
                              .object = ipid,
                              .opnum = opnum,
                              .stub = stub.data,
                              .stub_length = stub.length,
                              .deadline = time_after(20 * NS_PER_SECOND)};
    assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
    return rpc_client_call_run(call);
}

/* Each row is wrong in everything from its check on: the first check that fails is what is told. */
static void SRV_14_the_first_check_that_fails_is_told(void **state)
{
    const Guid forged = {0xdead, 1, 2, {3}};
    const struct {
        bool secure;
        const Guid *iid, *ipid;
        uint16_t major;
        uint32_t flags;
        uint32_t status;
    } rows[] = {
        {false, &whoami, &forged, 6, 2, (uint32_t)RPC_E_VERSION_MISMATCH},
        {false, &whoami, &forged, 5, 2, RPCST_ACCESS_DENIED},
        {false, &IID_REM_UNKNOWN, &forged, 5, 2, (uint32_t)E_ACCESSDENIED},
        {false, &IID_REM_UNKNOWN2, &forged, 5, 2, (uint32_t)E_ACCESSDENIED},
        {true, &whoami, &forged, 5, 2, (uint32_t)RPC_E_INVALID_HEADER},
        {true, &whoami, &forged, 5, 0, (uint32_t)RPC_E_DISCONNECTED},
        {true, &IID_REM_UNKNOWN2, &forged, 5, 0, (uint32_t)RPC_E_DISCONNECTED},
        {true, &whoami, &alice.ipid, 5, 0, RPCST_OK},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(call_with(rows[i].secure ? alice.security : NULL, rows[i].iid, rows[i].ipid,
                                   rows[i].major, rows[i].flags, SLOT_NULL),
                         rows[i].status);
}

/* Up to COM 5.7, which is ours; what is newer is told so. */
static void versions_of_a_call(void **state)
{
    for (uint16_t minor = 0; minor <= 9; minor++) {
        _cleanup_(writer_deinitp) Writer stub, reply;
        writer_init(&stub, 0);
        writer_init(&reply, 0);
        caller_put_this(&stub, COM_VERSION_MAJOR, 0);
        stub.data[2] = (uint8_t)minor;
        CallerCall call = {&alice.ipid, SLOT_NULL, stub.data, stub.length, NULL};
        assert_int_equal(caller_run(&alice, &call, &reply),
                         minor <= COM_VERSION_MINOR ? RPCST_OK : (uint32_t)RPC_E_VERSION_MISMATCH);
    }
}

/* Lines of the logs on host a with both words in them. */
static unsigned logged(const char *who, const char *why)
{
    char pattern[512], line[2048];
    unsigned count = 0;
    glob_t logs;
    (void)snprintf(pattern, sizeof(pattern), "%s/hosts/a/*.log", getenv("MANTLE_LAB"));
    assert_int_equal(glob(pattern, 0, NULL, &logs), 0);
    for (size_t i = 0; i < logs.gl_pathc; i++) {
        FILE *file = fopen(logs.gl_pathv[i], "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
            count += strstr(line, who) && strstr(line, why);
        (void)fclose(file);
    }
    globfree(&logs);
    return count;
}

/* What was done above, many times more: a line a minute, by name, and none about who did nothing. */
static void strangers_are_in_the_log_once(void **state)
{
    static const char *const lines[] = {"an IPID that is not here, or not any more",
                                        "releases private references that are not its own",
                                        "a ping set that is not there, or somebody else's"};
    uint64_t set = 0, oid = alice.object.oid;
    Guid forged = alice.ipid;
    forged.data4[7] ^= 1;
    assert_int_equal(ping(&alice, &set, 1, &oid, NULL), 0);
    assert_int_equal(add_ref(&alice, &alice.ipid, 0, 1), S_OK);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t stolen = set;
        assert_int_equal(ping(&bob, &stolen, 2, NULL, NULL), OR_INVALID_SET);
        assert_int_equal(release(&bob, &alice.ipid, 0, 1), E_ACCESSDENIED);
        assert_int_equal(call_with(bob.security, &whoami, &forged, COM_VERSION_MAJOR, 0, SLOT_NULL),
                         (uint32_t)RPC_E_DISCONNECTED);
    }
    const unsigned minutes = (unsigned)((time_monotonic() - started) / (60 * NS_PER_SECOND));
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        const unsigned count = logged("bob@LAB.TEST", lines[i]);
        if (count < 1 || count > 1 + minutes) fail_msg("%u lines: %s", count, lines[i]);
    }
    assert_int_equal(release(&alice, &alice.ipid, 0, 1), S_OK);
    assert_int_equal(ping(&alice, &set, 3, NULL, &oid), 0);
    assert_int_equal(logged("alice@LAB.TEST", lines[2]), 0);
    assert_true(lives(&alice));
}

static int setup(void **state)
{
    started = time_monotonic();
    if (!callers_setup()) return -1;
    caller_init(&bob, "bob");
    caller_init(&alice, "alice");
    caller_init(&alice_again, "alice");
    return 0;
}

static int teardown(void **state)
{
    caller_deinit(&bob);
    caller_deinit(&alice);
    caller_deinit(&alice_again);
    callers_teardown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(REF_2_a_private_reference_is_released_by_its_taker_only),
        cmocka_unit_test(REF_2_public_references_are_nobody_s),
        cmocka_unit_test(REF_2_private_references_outlive_the_connection),
        cmocka_unit_test(REF_4_who_releases_is_authenticated),
        cmocka_unit_test(forged_ipids_are_nobody_s),
        cmocka_unit_test(IRemUnknown_is_served_beside_IRemUnknown2),
        cmocka_unit_test(a_ping_set_is_its_maker_s),
        cmocka_unit_test(SRV_14_the_first_check_that_fails_is_told),
        cmocka_unit_test(versions_of_a_call),
        cmocka_unit_test(strangers_are_in_the_log_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
