/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <winerror.h>
#include "orpc/exporter.h"

/* A fake object: counts what the exporter does to it. */
typedef struct Fake {
    unsigned interfaces, disconnected;
} Fake;

static const Guid IID_ONE = {1, 0, 0, {0}}, IID_TWO = {2, 0, 0, {0}}, IID_NONE = {3, 0, 0, {0}};

static HRESULT fake_query(void *object, const Guid *iid, void **ret_interface)
{
    Fake *fake = object;
    if (guid_equal(iid, &IID_NONE)) return E_NOINTERFACE;
    fake->interfaces++;
    *ret_interface = fake;
    return S_OK;
}

static void fake_release(void *object, void *iface)
{
    (void)iface;
    ((Fake *)object)->interfaces--;
}

static void fake_disconnected(void *object)
{
    ((Fake *)object)->disconnected++;
}

static const ExportedOps FAKE_OPS = {fake_query, fake_release, NULL, fake_disconnected};

static unsigned pings_alive;
static void ping_added(void *context, uint64_t oid)
{
    pings_alive++;
}
static void ping_removed(void *context, uint64_t oid)
{
    pings_alive--;
}
static const ExporterPings PINGS = {ping_added, ping_removed, NULL};

static const Sid ALICE = {1, 5, {1000}}, BOB = {1, 5, {1001}};

static Exporter *start(void)
{
    Exporter *exporter = NULL;
    pings_alive = 0;
    assert_int_equal(exporter_new(&PINGS, &exporter), S_OK);
    return exporter;
}

static StdObjref reference(Exporter *exporter, Fake *fake, const Guid *iid, uint32_t refs)
{
    StdObjref std = {0};
    bool created;
    ExportSpec spec = {&FAKE_OPS, fake, *iid, refs, true, NULL};
    assert_int_equal(exporter_reference(exporter, &spec, &std, &created), S_OK);
    return std;
}

static void object_lives_until_the_last_reference(void **state)
{
    Fake fake = {0};
    Exporter *exporter = start();
    StdObjref one = reference(exporter, &fake, &IID_ONE, 5), two = reference(exporter, &fake, &IID_TWO, 1);
    assert_int_equal(one.oid, two.oid);
    assert_false(guid_equal(&one.ipid, &two.ipid));
    assert_int_equal(pings_alive, 1);
    assert_int_equal(exporter_rem_release(exporter, &one.ipid, 5, 0, NULL), S_OK);
    assert_int_equal(fake.disconnected, 0);
    assert_int_equal(fake.interfaces, 1);
    assert_int_equal(exporter_rem_add_ref(exporter, &one.ipid, 1, 0, NULL), RPC_E_DISCONNECTED);
    assert_int_equal(exporter_rem_release(exporter, &two.ipid, 1, 0, NULL), S_OK);
    assert_int_equal(fake.disconnected, 1);
    assert_int_equal(fake.interfaces, 0);
    assert_int_equal(pings_alive, 0);
    assert_int_equal(exporter_rem_release(exporter, &two.ipid, 1, 0, NULL), RPC_E_DISCONNECTED);
    exporter_free(exporter);
}

static void same_identity_is_exported_once(void **state)
{
    Fake fake = {0};
    Exporter *exporter = start();
    StdObjref a = reference(exporter, &fake, &IID_ONE, 1), b = reference(exporter, &fake, &IID_ONE, 1);
    assert_true(guid_equal(&a.ipid, &b.ipid));
    assert_int_equal(fake.interfaces, 1);
    assert_int_equal(exporter_rem_release(exporter, &a.ipid, 1, 0, NULL), S_OK);
    assert_int_equal(fake.disconnected, 0);
    exporter_free(exporter);
    assert_int_equal(fake.disconnected, 1);
    assert_int_equal(fake.interfaces, 0);
}

static void refused_interface_leaves_nothing(void **state)
{
    Fake fake = {0};
    Exporter *exporter = start();
    StdObjref std;
    bool created;
    ExportSpec spec = {&FAKE_OPS, &fake, IID_NONE, 1, true, NULL};
    assert_int_equal(exporter_reference(exporter, &spec, &std, &created), E_NOINTERFACE);
    assert_int_equal(exporter_object_count(exporter), 0);
    StdObjref one = reference(exporter, &fake, &IID_ONE, 1);
    assert_int_equal(exporter_rem_query_interface(exporter, &one.ipid, &IID_NONE, 1, &std), E_NOINTERFACE);
    assert_int_equal(exporter_rem_query_interface(exporter, &one.ipid, &IID_TWO, 1, &std), S_OK);
    assert_int_equal(std.oid, one.oid);
    exporter_free(exporter);
    assert_int_equal(fake.interfaces, 0);
}

static void pinned_object_outlives_its_references(void **state)
{
    Fake fake = {0};
    Exporter *exporter = start();
    StdObjref one = reference(exporter, &fake, &IID_ONE, 1);
    ExportedPin pin;
    assert_int_equal(exporter_pin(exporter, &one.ipid, &pin), S_OK);
    assert_int_equal(exporter_rem_release(exporter, &one.ipid, 1, 0, NULL), S_OK);
    assert_int_equal(fake.disconnected, 0);
    ExportedPin late;
    assert_int_equal(exporter_pin(exporter, &one.ipid, &late), RPC_E_DISCONNECTED);
    exporter_unpin(exporter, &pin);
    assert_int_equal(fake.disconnected, 1);
    exporter_free(exporter);
}

static void pinned_interface_outlives_its_references(void **state)
{
    Fake fake = {0};
    Exporter *exporter = start();
    StdObjref one = reference(exporter, &fake, &IID_ONE, 1);
    reference(exporter, &fake, &IID_TWO, 1);
    ExportedPin pin, again;
    assert_int_equal(exporter_pin(exporter, &one.ipid, &pin), S_OK);
    assert_int_equal(exporter_pin(exporter, &one.ipid, &again), S_OK);
    assert_int_equal(exporter_rem_release(exporter, &one.ipid, 1, 0, NULL), S_OK);
    assert_int_equal(fake.interfaces, 2);
    exporter_unpin(exporter, &again);
    assert_int_equal(fake.interfaces, 2);
    exporter_unpin(exporter, &pin);
    assert_int_equal(fake.interfaces, 1);
    exporter_free(exporter);
    assert_int_equal(fake.disconnected, 1);
}

/* REF-2: private references belong to who took them. */
static void REF_2_private_references_are_the_takers(void **state)
{
    Fake fake = {0};
    Exporter *exporter = start();
    StdObjref one = reference(exporter, &fake, &IID_ONE, 1);
    assert_int_equal(exporter_rem_add_ref(exporter, &one.ipid, 0, 2, NULL), E_ACCESSDENIED);
    assert_int_equal(exporter_rem_add_ref(exporter, &one.ipid, 0, 2, &ALICE), S_OK);
    assert_int_equal(exporter_rem_release(exporter, &one.ipid, 1, 0, NULL), S_OK);
    assert_int_equal(exporter_rem_release(exporter, &one.ipid, 0, 2, &BOB), E_ACCESSDENIED);
    assert_int_equal(exporter_rem_release(exporter, &one.ipid, 0, 3, &ALICE), E_ACCESSDENIED);
    assert_int_equal(fake.disconnected, 0);
    assert_int_equal(exporter_rem_release(exporter, &one.ipid, 0, 2, &ALICE), S_OK);
    assert_int_equal(fake.disconnected, 1);
    exporter_free(exporter);
}

static void run_down_and_disconnect_end_an_object(void **state)
{
    Fake a = {0}, b = {0};
    Exporter *exporter = start();
    StdObjref one = reference(exporter, &a, &IID_ONE, 5);
    reference(exporter, &b, &IID_ONE, 5);
    assert_int_equal(exporter_run_down(exporter, one.oid), S_OK);
    assert_int_equal(exporter_run_down(exporter, one.oid), S_FALSE);
    assert_int_equal(a.disconnected, 1);
    assert_int_equal(exporter_disconnect(exporter, &b), S_OK);
    assert_int_equal(exporter_disconnect(exporter, &b), S_FALSE);
    assert_int_equal(b.disconnected, 1);
    exporter_free(exporter);
}

static void reference_comes_home(void **state)
{
    Fake fake = {0};
    Exporter *exporter = start();
    StdObjref one = reference(exporter, &fake, &IID_ONE, 5), wrong = one;
    void *object = NULL, *iface = NULL;
    wrong.oxid++;
    assert_int_equal(exporter_come_home(exporter, &wrong, &IID_ONE, &object, &iface), RPC_E_DISCONNECTED);
    assert_null(object);
    /* A reference that lies about its interface would be called through the wrong vtable. */
    assert_int_equal(exporter_come_home(exporter, &one, &IID_TWO, &object, &iface), RPC_E_INVALID_OBJREF);
    assert_null(object);
    assert_int_equal(fake.disconnected, 0);
    assert_int_equal(exporter_come_home(exporter, &one, &IID_ONE, &object, &iface), S_OK);
    assert_ptr_equal(object, &fake);
    assert_int_equal(fake.disconnected, 1);
    assert_int_equal(fake.interfaces, 1); /* ours */
    exporter_free(exporter);
}

static void oids_cannot_be_told_in_advance(void **state)
{
    Fake a = {0}, b = {0};
    Exporter *exporter = start();
    uint64_t first = reference(exporter, &a, &IID_ONE, 5).oid,
             second = reference(exporter, &b, &IID_ONE, 5).oid;
    assert_true(second - first > 1000 && first - second > 1000);
    exporter_free(exporter);
}

static HRESULT charge(Exporter *exporter, Fake *fake, const char *charged, StdObjref *ret_reference)
{
    bool created;
    ExportSpec spec = {&FAKE_OPS, fake, IID_ONE, 1, true, charged};
    return exporter_reference(exporter, &spec, ret_reference, &created);
}

static void objects_are_counted_by_caller(void **state)
{
    static Fake fakes[EXPORTER_OBJECTS_PER_CALLER + 4];
    const size_t limit = EXPORTER_OBJECTS_PER_CALLER;
    Exporter *exporter = start();
    StdObjref first, std;
    assert_int_equal(charge(exporter, &fakes[0], "alice", &first), S_OK);
    for (size_t i = 1; i < limit; i++)
        assert_int_equal(charge(exporter, &fakes[i], "alice", &std), S_OK);
    assert_int_equal(charge(exporter, &fakes[limit], "alice", &std),
                     HRESULT_FROM_WIN32(ERROR_NOT_ENOUGH_QUOTA));
    assert_int_equal(fakes[limit].interfaces, 0);                       /* nothing was kept of it */
    assert_int_equal(charge(exporter, &fakes[1], "alice", &std), S_OK); /* no new object */
    assert_int_equal(charge(exporter, &fakes[limit], "bob", &std), S_OK);
    assert_int_equal(charge(exporter, &fakes[limit + 1], NULL, &std), S_OK);
    /* One that goes makes room for another. */
    assert_int_equal(exporter_rem_release(exporter, &first.ipid, 1, 0, NULL), S_OK);
    assert_int_equal(charge(exporter, &fakes[limit + 2], "alice", &std), S_OK);
    assert_int_equal(charge(exporter, &fakes[limit + 3], "alice", &std),
                     HRESULT_FROM_WIN32(ERROR_NOT_ENOUGH_QUOTA));
    exporter_free(exporter);
}

static void counts_have_a_limit(void **state)
{
    Fake fake = {0};
    Exporter *exporter = start();
    StdObjref one = reference(exporter, &fake, &IID_ONE, 1);
    assert_int_equal(exporter_rem_add_ref(exporter, &one.ipid, EXPORTER_PUBLIC_MAX - 1, 0, NULL), S_OK);
    assert_int_equal(exporter_rem_add_ref(exporter, &one.ipid, 1, 0, NULL), E_OUTOFMEMORY);
    assert_int_equal(exporter_rem_add_ref(exporter, &one.ipid, UINT32_MAX, 0, NULL), E_OUTOFMEMORY);
    exporter_free(exporter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object_lives_until_the_last_reference),
        cmocka_unit_test(same_identity_is_exported_once),
        cmocka_unit_test(refused_interface_leaves_nothing),
        cmocka_unit_test(pinned_object_outlives_its_references),
        cmocka_unit_test(pinned_interface_outlives_its_references),
        cmocka_unit_test(REF_2_private_references_are_the_takers),
        cmocka_unit_test(run_down_and_disconnect_end_an_object),
        cmocka_unit_test(reference_comes_home),
        cmocka_unit_test(oids_cannot_be_told_in_advance),
        cmocka_unit_test(objects_are_counted_by_caller),
        cmocka_unit_test(counts_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
