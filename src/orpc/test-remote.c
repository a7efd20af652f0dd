/* SPDX-License-Identifier: Apache-2.0 */
/* The table of remote exporters: who may redirect whose references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <winerror.h>
#include "orpc/remote.h"

static RemoteExporterSpec spec_of(const char *address, const char *principal, const char *resolver,
                                  bool hearsay)
{
    RemoteExporterSpec spec = {.oxid = 7,
                               .rem_unknown = {1, 2, 3, {4}},
                               .resolver = resolver,
                               .resolver_port = 135,
                               .hearsay = hearsay};
    assert_int_equal(bindings_new(&(StringBinding){BINDING_TOWER_TCP, address}, 1,
                                  &(SecurityBinding){16, principal}, 1, &spec.bindings),
                     0);
    return spec;
}

static RemoteExporter *add(RemoteTable *table, RemoteExporterSpec spec)
{
    RemoteExporter *exporter = NULL;
    assert_int_equal(remote_exporter_add(table, &spec, &exporter), S_OK);
    bindings_deinit(&spec.bindings);
    return exporter;
}

/* What one resolver says of an OXID, or nobody signed, does not count for what another said. */
static void entries_are_kept_apart(void **state)
{
    RpcClient *client;
    RemoteTable *table;
    assert_int_equal(rpc_client_new(NULL, &client), RPCST_OK);
    assert_int_equal(remote_table_new(client, &table), 0);
    RemoteExporter *forged = add(table, spec_of("127.0.0.66[6]", "mallory", "a.lab.test", true)),
                   *other = add(table, spec_of("127.0.0.66[6]", "mallory", "b.lab.test", false));
    assert_null(remote_table_find(table, 7, "a.lab.test", 135, false, false));
    RemoteExporter *right = add(table, spec_of("127.0.0.2[5]", "host/a.lab.test", "a.lab.test", false)),
                   *again = add(table, spec_of("127.0.0.66[6]", "mallory", "a.lab.test", true)),
                   *found = remote_table_find(table, 7, "a.lab.test", 135, false, false);
    assert_string_equal(remote_exporter_principal(right, 16), "host/a.lab.test");
    assert_ptr_equal(found, right);
    assert_ptr_equal(again, forged);
    remote_exporter_unref(found);
    remote_exporter_unref(again);
    remote_exporter_unref(right);
    remote_exporter_unref(other);
    remote_exporter_unref(forged);
    assert_true(remote_table_is_empty(table));
    remote_table_free(table);
    rpc_client_unref(client);
}

/* Who was asked comes first; what else there is of the machine has no ports, stands once, and names nobody.
 */
static void the_resolver_that_is_recommended(void **state)
{
    static const StringBinding strings[] = {{BINDING_TOWER_TCP, "a.lab.test[5000]"},
                                            {BINDING_TOWER_TCP, "b.lab.test[5000]"},
                                            {31, "a[pipe]"},
                                            {BINDING_TOWER_TCP, "::1[5000]"}};
    static const SecurityBinding securities[] = {{9, ""}, {16, "host/a.lab.test"}};
    static const char *const expected[] = {"b.lab.test", "a.lab.test", "::1"};
    RpcClient *client;
    RemoteTable *table;
    RemoteExporterSpec spec = {.oxid = 7, .resolver = "b.lab.test", .resolver_port = 135};
    assert_int_equal(bindings_new(strings, ARRAY_SIZE(strings), securities, 2, &spec.bindings), 0);
    assert_int_equal(rpc_client_new(NULL, &client), RPCST_OK);
    assert_int_equal(remote_table_new(client, &table), 0);
    RemoteExporter *exporter = add(table, spec);
    const Bindings *resolver = remote_exporter_resolver(exporter);
    BindingsWalk walk = {0}, security_walk = {0};
    uint16_t tower, service;
    char text[BINDING_ADDRESS_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_true(bindings_next_string(resolver, &walk, &tower, text));
        assert_int_equal(tower, BINDING_TOWER_TCP);
        assert_string_equal(text, expected[i]);
    }
    assert_false(bindings_next_string(resolver, &walk, &tower, text));
    for (size_t i = 0; i < 2; i++) {
        assert_true(bindings_next_security(resolver, &security_walk, &service, text));
        assert_int_equal(service, securities[i].service);
        assert_string_equal(text, "");
    }
    remote_exporter_unref(exporter);
    remote_table_free(table);
    rpc_client_unref(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries_are_kept_apart),
                                       cmocka_unit_test(the_resolver_that_is_recommended)};
    return cmocka_run_group_tests_name("remote", tests, NULL, NULL);
}
