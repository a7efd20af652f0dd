/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver: OXIDs, ping sets, run-down, quotas, strangers; and IObjectExporter as it is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <cmocka.h>
#include <winerror.h>
#include "base/time.h"
#include "orpc/resolver-private.h"
#include "sec/token.h"

#define PERIOD   1000u
#define LIFETIME (3 * PERIOD)

typedef struct Fixture {
    Resolver *resolver;
    uint64_t downs[600];
    size_t down_count;
    Bindings bindings;
    uint64_t start; /* later than any object was made */
} Fixture;

static const RpcPeer alice = {2, "Sa"}, bob = {2, "Sb"};

static void note_run_down(void *context, uint64_t oxid, uint64_t oid)
{
    Fixture *fixture = context;
    assert_true(fixture->down_count < ARRAY_SIZE(fixture->downs));
    fixture->downs[fixture->down_count++] = oid;
}

static void add_oids(Fixture *fixture, uint64_t oxid, uint64_t first, uint64_t count)
{
    ResolverOxid entry = {.oxid = oxid, .bindings = fixture->bindings, .authn_hint = 5, .version = {5, 7}};
    assert_int_equal(resolver_add_oxid(fixture->resolver, &entry), S_OK);
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(resolver_add_oid(fixture->resolver, oxid, first + i), S_OK);
    fixture->start = time_monotonic();
}

static int setup(void **state)
{
    Fixture *fixture = calloc(1, sizeof(*fixture));
    assert_int_equal(bindings_new(&(StringBinding){7, "a[9]"}, 1, NULL, 0, &fixture->bindings), 0);
    ResolverOptions options = {.ping_period = PERIOD,
                               .sets_per_peer = 3,
                               .oids_per_peer = 4,
                               .bindings = &fixture->bindings,
                               .run_down = note_run_down,
                               .context = fixture};
    assert_int_equal(resolver_new(&options, &fixture->resolver), S_OK);
    fixture->start = time_monotonic();
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    Fixture *fixture = *state;
    resolver_free(fixture->resolver);
    bindings_deinit(&fixture->bindings);
    free(fixture);
    return 0;
}

static uint32_t ping(Fixture *fixture, const RpcPeer *peer, uint64_t *set, uint16_t sequence,
                     const uint64_t *add, uint16_t add_count, const uint64_t *remove, uint16_t remove_count,
                     uint64_t now)
{
    ComplexPingIn in = {
        *set, sequence, add_count, remove_count, (const uint8_t *)add, (const uint8_t *)remove};
    return pingset_complex(fixture->resolver, peer, &in, now, set);
}

static void test_oxids(void **state)
{
    Fixture *fixture = *state;
    add_oids(fixture, 1, 10, 1);
    ResolverOxid found, other = {.oxid = 1, .bindings = fixture->bindings};
    assert_int_equal(resolver_find_oxid(fixture->resolver, 1, &found), S_OK);
    assert_int_equal(found.authn_hint, 5);
    bindings_deinit(&found.bindings);
    assert_int_equal(resolver_find_oxid(fixture->resolver, 2, &found), HRESULT_FROM_WIN32(OR_INVALID_OXID));
    assert_int_equal(resolver_add_oxid(fixture->resolver, &other), E_ACCESSDENIED);
    other.oxid = 2;
    assert_int_equal(resolver_add_oxid(fixture->resolver, &other), S_OK);
    assert_int_equal(resolver_add_oid(fixture->resolver, 2, 10), E_ACCESSDENIED); /* the object of another */
    assert_int_equal(resolver_add_oid(fixture->resolver, 1, 10), S_OK);
    assert_int_equal(resolver_add_oid(fixture->resolver, 3, 11), HRESULT_FROM_WIN32(OR_INVALID_OXID));
    resolver_remove_oid(fixture->resolver, 2, 10); /* nor may another withdraw it */
    assert_int_equal(resolver_state(fixture->resolver).oids, 1);
    resolver_remove_oxid(fixture->resolver, 1);
    assert_int_equal(resolver_state(fixture->resolver).oids, 0);
    assert_int_equal(resolver_state(fixture->resolver).oxids, 1);
}

/* What was somebody's is nobody else's for a while: there may be references to it. */
static void test_oxids_are_reserved(void **state)
{
    Fixture *fixture = *state;
    ResolverOxid mine = {.oxid = 7, .owner = 1000, .bindings = fixture->bindings},
                 stranger = {.oxid = 7, .owner = 1001, .bindings = fixture->bindings};
    uint64_t set = 0, oid = 70;
    assert_int_equal(resolver_add_oxid(fixture->resolver, &mine), S_OK);
    assert_int_equal(resolver_add_oid(fixture->resolver, 7, oid), S_OK);
    assert_int_equal(ping(fixture, &alice, &set, 1, &oid, 1, NULL, 0, fixture->start), 0);
    resolver_remove_oxid(fixture->resolver, 7);
    assert_int_equal(resolver_add_oxid(fixture->resolver, &stranger), E_ACCESSDENIED);
    /* Nor its objects, while somebody pings them. */
    stranger.oxid = 8;
    assert_int_equal(resolver_add_oxid(fixture->resolver, &stranger), S_OK);
    assert_int_equal(resolver_add_oid(fixture->resolver, 8, oid), E_ACCESSDENIED);
    /* Who comes back finds both. */
    assert_int_equal(resolver_add_oxid(fixture->resolver, &mine), S_OK);
    assert_int_equal(resolver_add_oid(fixture->resolver, 7, oid), S_OK);
    assert_int_equal(ping(fixture, &alice, &set, 2, NULL, 0, &oid, 1, fixture->start), 0);
    resolver_remove_oid(fixture->resolver, 7, oid);
    assert_int_equal(resolver_add_oid(fixture->resolver, 8, oid), S_OK); /* nobody remembers it */
}

/* Whoever comes and goes in great numbers forgets his own, not others'. */
static void test_reservations_have_a_limit(void **state)
{
    Fixture *fixture = *state;
    ResolverOxid mine = {.oxid = 7, .owner = 1000, .bindings = fixture->bindings},
                 stranger = {.owner = 1001, .bindings = fixture->bindings};
    assert_int_equal(resolver_add_oxid(fixture->resolver, &mine), S_OK);
    resolver_remove_oxid(fixture->resolver, 7);
    for (uint64_t i = 0; i <= RESOLVER_RESERVED_PER_OWNER; i++) {
        stranger.oxid = 100 + i;
        assert_int_equal(resolver_add_oxid(fixture->resolver, &stranger), S_OK);
        resolver_remove_oxid(fixture->resolver, stranger.oxid);
    }
    stranger.oxid = 7;
    assert_int_equal(resolver_add_oxid(fixture->resolver, &stranger), E_ACCESSDENIED);
    mine.oxid = 100; /* the stranger's oldest is forgotten */
    assert_int_equal(resolver_add_oxid(fixture->resolver, &mine), S_OK);
    mine.oxid = 101;
    assert_int_equal(resolver_add_oxid(fixture->resolver, &mine), E_ACCESSDENIED);
}

static void test_pings_keep_alive(void **state)
{
    Fixture *fixture = *state;
    uint64_t oids[] = {10, 11}, set = 0;
    add_oids(fixture, 1, 10, 2);
    uint64_t now = fixture->start;
    assert_int_equal(ping(fixture, &alice, &set, 1, oids, 2, NULL, 0, now), 0);
    for (int i = 0; i < 5; i++) {
        now += LIFETIME - 1;
        (void)resolver_tick(fixture->resolver, now);
        assert_int_equal(pingset_simple(fixture->resolver, &alice, set, now), 0);
    }
    assert_int_equal(fixture->down_count, 0);
    (void)resolver_tick(fixture->resolver, now + LIFETIME - 1);
    assert_int_equal(fixture->down_count, 0);
    (void)resolver_tick(fixture->resolver, now + LIFETIME); /* the third ping was missed */
    assert_int_equal(fixture->down_count, 2);
    assert_int_equal(pingset_simple(fixture->resolver, &alice, set, now + LIFETIME), OR_INVALID_SET);
    assert_int_equal(resolver_state(fixture->resolver).peers, 0);
    /* The exporter did not agree: it is asked again, later. */
    (void)resolver_tick(fixture->resolver, now + LIFETIME + 1);
    assert_int_equal(fixture->down_count, 2);
    (void)resolver_tick(fixture->resolver, now + 2 * LIFETIME);
    assert_int_equal(fixture->down_count, 4);
}

static void test_two_sets_hold_one_object(void **state)
{
    Fixture *fixture = *state;
    uint64_t oid = 10, first = 0, second = 0;
    add_oids(fixture, 1, 10, 1);
    uint64_t now = fixture->start;
    assert_int_equal(ping(fixture, &alice, &first, 1, &oid, 1, NULL, 0, now), 0);
    assert_int_equal(ping(fixture, &bob, &second, 1, &oid, 1, NULL, 0, now), 0);
    assert_int_not_equal(first, second);
    assert_int_equal(pingset_simple(fixture->resolver, &bob, second, now + LIFETIME - 1), 0);
    (void)resolver_tick(fixture->resolver, now + LIFETIME); /* alice's set is over */
    assert_int_equal(fixture->down_count, 0);
    assert_int_equal(resolver_state(fixture->resolver).sets, 1);
    (void)resolver_tick(fixture->resolver, now + 2 * LIFETIME);
    assert_int_equal(fixture->down_count, 1);
}

static void test_never_pinged(void **state)
{
    Fixture *fixture = *state;
    add_oids(fixture, 1, 100, 600);
    (void)resolver_tick(fixture->resolver, fixture->start + LIFETIME); /* in several batches */
    assert_int_equal(fixture->down_count, 600);
}

static void test_strangers(void **state)
{
    Fixture *fixture = *state;
    uint64_t oid = 10, set = 0;
    add_oids(fixture, 1, 10, 1);
    uint64_t now = fixture->start;
    assert_int_equal(ping(fixture, &alice, &set, 1, &oid, 1, NULL, 0, now), 0);
    assert_int_equal(pingset_simple(fixture->resolver, &bob, set, now), OR_INVALID_SET);
    uint64_t same = set;
    assert_int_equal(ping(fixture, &bob, &same, 2, NULL, 0, &oid, 1, now), OR_INVALID_SET);
}

static void test_changes_and_sequence(void **state)
{
    Fixture *fixture = *state;
    uint64_t oids[] = {10, 11, 99}, set = 0;
    add_oids(fixture, 1, 10, 2);
    uint64_t now = fixture->start;
    assert_int_equal(ping(fixture, &alice, &set, 5, oids + 1, 2, NULL, 0, now),
                     0); /* a new set: unknown ones are no error */
    assert_int_equal(ping(fixture, &alice, &set, 6, oids + 2, 1, NULL, 0, now), OR_INVALID_OID);
    assert_int_equal(ping(fixture, &alice, &set, 4, oids, 1, oids + 1, 1, now), 0); /* late: ignored */
    (void)resolver_tick(fixture->resolver, now + LIFETIME - 1);
    assert_int_equal(pingset_simple(fixture->resolver, &alice, set, now + LIFETIME - 1), 0);
    (void)resolver_tick(fixture->resolver, now + LIFETIME);
    assert_int_equal(fixture->down_count, 1);
    assert_int_equal(fixture->downs[0], 10);
    /* Across the wrap of the sequence number. */
    assert_int_equal(ping(fixture, &alice, &set, 0x7fff, NULL, 0, NULL, 0, now), 0);
    assert_int_equal(ping(fixture, &alice, &set, 0xfffe, NULL, 0, NULL, 0, now), 0);
    assert_int_equal(ping(fixture, &alice, &set, 1, oids, 1, oids + 1, 1, now), 0);
    fixture->down_count = 0;
    (void)resolver_tick(fixture->resolver, now + LIFETIME);
    assert_int_equal(fixture->down_count, 2); /* the set with 10 expired, 11 was idle since `now` */
}

/* mantled was restarted, and a client pings before the exporter has come back. */
static void test_pinged_before_registered(void **state)
{
    Fixture *fixture = *state;
    uint64_t oids[] = {10, 11}, set = 0;
    uint64_t now = fixture->start;
    assert_int_equal(ping(fixture, &alice, &set, 1, oids, 1, NULL, 0, now), 0);
    assert_int_equal(ping(fixture, &alice, &set, 2, oids + 1, 1, NULL, 0, now), OR_INVALID_OID);
    assert_int_equal(resolver_state(fixture->resolver).oids, 0);
    add_oids(fixture, 1, 10, 2);
    assert_int_equal(resolver_state(fixture->resolver).oids, 2);
    now = fixture->start + LIFETIME - 1;
    assert_int_equal(pingset_simple(fixture->resolver, &alice, set, now), 0);
    (void)resolver_tick(fixture->resolver, now + 1);
    assert_int_equal(fixture->down_count, 1);
    assert_int_equal(fixture->downs[0], 11); /* nobody asked for it again */
    /* The exporter loses its line and comes back: the set still counts. */
    fixture->down_count = 0;
    resolver_remove_oxid(fixture->resolver, 1);
    assert_int_equal(resolver_state(fixture->resolver).oids, 0);
    add_oids(fixture, 1, 10, 1);
    now = fixture->start + LIFETIME - 1;
    assert_int_equal(pingset_simple(fixture->resolver, &alice, set, now), 0);
    (void)resolver_tick(fixture->resolver, now + LIFETIME - 1);
    assert_int_equal(fixture->down_count, 0);
    (void)resolver_tick(fixture->resolver, now + LIFETIME);
    assert_int_equal(fixture->down_count, 1);
    assert_int_equal(resolver_state(fixture->resolver).sets, 0);
}

/* Strangers cannot fill the table with objects that do not exist. */
static void test_expected_objects_are_limited(void **state)
{
    Fixture *fixture = *state;
    enum { EACH = 4 }; /* oids_per_peer */
    uint64_t oids[EACH], sets[RESOLVER_ORPHANS_MAX / EACH + 1];
    for (uint64_t i = 0; i < ARRAY_SIZE(sets); i++) {
        RpcPeer peer = {.length = 9, .bytes = {'x'}};
        memcpy(peer.bytes + 1, &i, sizeof(i));
        for (uint64_t k = 0; k < EACH; k++)
            oids[k] = 1000 + i * EACH + k;
        sets[i] = 0;
        assert_int_equal(ping(fixture, &peer, &sets[i], 1, oids, EACH, NULL, 0, fixture->start), 0);
    }
    uint64_t real = 10, set = 0;
    add_oids(fixture, 1, real, 1); /* those of exporters have room */
    assert_int_equal(ping(fixture, &alice, &set, 1, &real, 1, NULL, 0, fixture->start), 0);
    assert_int_equal(pingset_simple(fixture->resolver, &alice, set, fixture->start + LIFETIME - 1), 0);
    (void)resolver_tick(fixture->resolver, fixture->start + LIFETIME); /* theirs expire */
    assert_int_equal(fixture->down_count, 0);
    assert_int_equal(resolver_state(fixture->resolver).sets, 1);
}

static void test_exporter_goes_first(void **state)
{
    Fixture *fixture = *state;
    uint64_t oids[] = {10, 11}, set = 0;
    add_oids(fixture, 1, 10, 2);
    uint64_t now = fixture->start;
    assert_int_equal(ping(fixture, &alice, &set, 1, oids, 2, NULL, 0, now), 0);
    resolver_remove_oid(fixture->resolver, 1, 10);
    resolver_remove_oxid(fixture->resolver, 1);
    assert_int_equal(pingset_simple(fixture->resolver, &alice, set, now), 0);
    assert_int_equal(ping(fixture, &alice, &set, 2, NULL, 0, oids, 2, now), 0);
    (void)resolver_tick(fixture->resolver, now + 10 * LIFETIME);
    assert_int_equal(fixture->down_count, 0);
    assert_int_equal(resolver_state(fixture->resolver).sets, 0);
}

static void test_quotas(void **state)
{
    Fixture *fixture = *state;
    uint64_t oids[] = {10, 11, 12, 13, 14}, sets[4] = {0};
    add_oids(fixture, 1, 10, 5);
    uint64_t now = fixture->start;
    for (int i = 0; i < 3; i++)
        assert_int_equal(ping(fixture, &alice, &sets[i], 1, NULL, 0, NULL, 0, now), 0);
    assert_int_equal(ping(fixture, &alice, &sets[3], 1, NULL, 0, NULL, 0, now), ERROR_OUTOFMEMORY);
    assert_int_equal(ping(fixture, &alice, &sets[0], 2, oids, 4, NULL, 0, now), 0);
    assert_int_equal(ping(fixture, &alice, &sets[1], 2, oids + 4, 1, NULL, 0, now), ERROR_OUTOFMEMORY);
    uint64_t other = 0;
    assert_int_equal(ping(fixture, &bob, &other, 1, oids + 4, 1, NULL, 0, now),
                     0); /* others are not affected */
    assert_int_equal(ping(fixture, &alice, &sets[0], 3, NULL, 0, oids, 1, now), 0);
    assert_int_equal(ping(fixture, &alice, &sets[1], 3, oids + 4, 1, NULL, 0, now), 0);
}

/* Calls one operation of IObjectExporter as the RPC server does. */
static Reader call(Fixture *fixture, uint16_t opnum, Token *token, Writer *in, Writer *out,
                   RpcStatus expected)
{
    const RpcInterface *row = resolver_interface(fixture->resolver);
    IoAddress remote;
    assert_int_equal(io_address_parse("127.0.0.9", 1, &remote), 0);
    RpcCall incoming = {.opnum = opnum, .token = token, .local = &remote, .remote = &remote};
    reader_init(&incoming.in, in->data, in->length);
    writer_init(&incoming.out, 0);
    assert_true(opnum < row->operation_count);
    assert_int_equal(row->operations[opnum].method(&incoming, row->data), expected);
    *out = incoming.out;
    Reader reader;
    reader_init(&reader, out->data, out->length);
    return reader;
}

static void test_rpc_resolve(void **state)
{
    Fixture *fixture = *state;
    add_oids(fixture, 7, 10, 1);
    static const struct {
        uint64_t oxid;
        uint16_t protseq;
        uint32_t status;
    } rows[] = {{7, BINDING_TOWER_TCP, 0}, {8, BINDING_TOWER_TCP, OR_INVALID_OXID}, {7, 15, 1703}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int version = 0; version < 2; version++) {
            _cleanup_(writer_deinitp) Writer in, out;
            ResolveOxidOut result;
            writer_init(&in, 0);
            resolve_oxid_in_write(&in, &(ResolveOxidIn){rows[i].oxid, 1, {rows[i].protseq}});
            Reader reply =
                call(fixture, version ? OP_RESOLVE_OXID2 : OP_RESOLVE_OXID, NULL, &in, &out, RPCST_OK);
            resolve_oxid_out_read(&reply, version, &result);
            assert_int_equal(reader_end(&reply), 0);
            assert_int_equal(result.status, rows[i].status);
            assert_int_equal(result.bindings.data != NULL, rows[i].status == 0);
        }
    }
    _cleanup_(writer_deinitp) Writer none, out;
    writer_init(&none, 0);
    (void)call(fixture, OP_RESOLVE_OXID, NULL, &none, &out, RPCST_BAD_STUB_DATA);
}

static void test_rpc_ping_identity(void **state)
{
    Fixture *fixture = *state;
    _cleanup_(token_unrefp) Token *token = NULL;
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = TOKEN_LEVEL_IDENTIFICATION,
                      .principal = "alice@LAB.TEST",
                      .expires = INT64_MAX};
    assert_int_equal(sid_from_principal("alice@LAB.TEST", &spec.user), 0);
    assert_int_equal(token_new(&spec, &token), 0);
    add_oids(fixture, 7, 10, 1);
    uint64_t oid = 10;
    ComplexPingOut made;
    _cleanup_(writer_deinitp) Writer in, out, simple, mine, other, none;
    writer_init(&in, 0);
    complex_ping_in_write(&in, &(ComplexPingIn){0, 1, 1, 0, (const uint8_t *)&oid, NULL});
    Reader reply = call(fixture, OP_COMPLEX_PING, token, &in, &out, RPCST_OK);
    complex_ping_out_read(&reply, &made);
    assert_int_equal(reader_end(&reply), 0);
    assert_int_equal(made.status, 0);
    assert_int_not_equal(made.set, 0);
    writer_init(&simple, 0);
    simple_ping_in_write(&simple, made.set);
    reply = call(fixture, OP_SIMPLE_PING, token, &simple, &mine, RPCST_OK);
    assert_int_equal(plain_status_read(&reply), 0);
    reply = call(fixture, OP_SIMPLE_PING, NULL, &simple, &other, RPCST_OK);
    assert_int_equal(plain_status_read(&reply), OR_INVALID_SET);
    writer_init(&none, 0);
    _cleanup_(writer_deinitp) Writer bad;
    (void)call(fixture, OP_SIMPLE_PING, token, &none, &bad, RPCST_BAD_STUB_DATA);
    _cleanup_(writer_deinitp) Writer worse;
    (void)call(fixture, OP_COMPLEX_PING, token, &none, &worse, RPCST_BAD_STUB_DATA);
}

static void test_rpc_alive(void **state)
{
    Fixture *fixture = *state;
    _cleanup_(writer_deinitp) Writer none, first, second;
    writer_init(&none, 0);
    Reader reply = call(fixture, OP_SERVER_ALIVE, NULL, &none, &first, RPCST_OK);
    assert_int_equal(plain_status_read(&reply), 0);
    assert_int_equal(reader_end(&reply), 0);
    ServerAlive2Out alive;
    reply = call(fixture, OP_SERVER_ALIVE2, NULL, &none, &second, RPCST_OK);
    server_alive2_out_read(&reply, &alive);
    assert_int_equal(reader_end(&reply), 0);
    assert_int_equal(alive.version.minor, 7);
    assert_non_null(alive.bindings.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_oxids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oxids_are_reserved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reservations_have_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pings_keep_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_sets_hold_one_object, setup, teardown),
        cmocka_unit_test_setup_teardown(test_never_pinged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_and_sequence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pinged_before_registered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expected_objects_are_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exporter_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quotas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rpc_resolve, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rpc_ping_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rpc_alive, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
