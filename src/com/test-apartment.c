/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of com/apartment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#define CONST_VTBL const
#include "base/time.h"
#include "com/apartment.h"
#include "com/callcontext.h"
#include "io/socket.h"
#include "objbase.h"

/* State of a thread is what these tests are about, so each runs in a thread of its own. */
static void in_thread(void *(*body)(void *))
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void in_thread_with(void *(*body)(void *), void *data)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, body, data), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *initialize_twice(void *data)
{
    assert_int_equal(apartment_check(), CO_E_NOTINITIALIZED);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED | COINIT_DISABLE_OLE1DDE), S_FALSE);
    assert_int_equal(CoInitializeEx(NULL, COINIT_APARTMENTTHREADED), RPC_E_CHANGED_MODE);
    assert_int_equal(apartment_check(), S_OK);
    CoUninitialize();
    assert_int_equal(apartment_check(), S_OK);
    CoUninitialize();
    assert_int_equal(apartment_check(), CO_E_NOTINITIALIZED);
    CoUninitialize(); /* one too many */
    assert_int_equal(CoInitialize(NULL), S_OK);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), RPC_E_CHANGED_MODE);
    assert_int_equal(CoInitialize(NULL), S_FALSE);
    CoUninitialize();
    CoUninitialize();
    assert_int_equal(SetErrorInfo(0, NULL), S_OK);
    return NULL;
}

static void initializing_counts(void **state)
{
    in_thread(initialize_twice);
}

static void *initialize_wrongly(void *data)
{
    assert_int_equal(CoInitializeEx(&data, COINIT_MULTITHREADED), E_INVALIDARG);
    assert_int_equal(CoInitializeEx(NULL, 0x10), E_INVALIDARG);
    assert_int_equal(CoInitializeEx(NULL, 0x1), E_INVALIDARG);
    return NULL;
}

static void initializing_wrongly(void **state)
{
    in_thread(initialize_wrongly);
}

static atomic_int running, ran;

static void *not_initialized(void *data)
{
    assert_int_equal(apartment_check(), data ? S_OK : CO_E_NOTINITIALIZED);
    (void)SetErrorInfo(0, NULL);
    return NULL;
}

static void *be_multithreaded(void *data)
{
    pthread_t thread;

    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(pthread_create(&thread, NULL, not_initialized, &running), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    CoUninitialize();
    return NULL;
}

static void *be_single(void *data)
{
    assert_int_equal(CoInitialize(NULL), S_OK);
    in_thread(not_initialized);
    CoUninitialize();
    return NULL;
}

static void a_multithreaded_apartment_takes_in_other_threads(void **state)
{
    in_thread(be_multithreaded);
    in_thread(be_single);
}

static void *initialize_in_a_call(void *data)
{
    const CallContextSpec spec = {.authn_level = 1};
    CallScope scope;

    assert_int_equal(call_context_enter(&spec, &scope), S_OK);
    assert_int_equal(apartment_check(), S_OK);
    assert_int_equal(CoInitialize(NULL), RPC_E_CHANGED_MODE);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    CoUninitialize();
    call_context_leave(&scope);
    return NULL;
}

static void a_thread_that_serves_calls_is_multithreaded(void **state)
{
    in_thread(initialize_in_a_call);
}

/* Calls that check that they are alone, and where. */
static pthread_t ran_on;

static void call_alone(void *data)
{
    assert_int_equal(atomic_fetch_add(&running, 1), 0);
    usleep(200);
    ran_on = pthread_self();
    atomic_fetch_sub(&running, 1);
    atomic_fetch_add(&ran, 1);
}

static void *call_from_outside(void *data)
{
    const Guid causality = {.data1 = 1};

    for (int i = 0; i < 20; i++)
        assert_int_equal(apartment_run(data, i % 2 ? &causality : NULL, call_alone, NULL), S_OK);
    return NULL;
}

static void *serve_one_at_a_time(void *data)
{
    Apartment *apartment;
    pthread_t threads[4];

    assert_int_equal(CoInitialize(NULL), S_OK);
    apartment = apartment_current();
    assert_non_null(apartment);
    assert_int_equal(apartment_serve(apartment), S_OK);
    assert_int_equal(apartment_serve(apartment), S_OK); /* one server */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_from_outside, apartment), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(ran, 80);
    assert_false(pthread_equal(ran_on, pthread_self()));
    /* The owner is of the apartment: it needs no server. */
    assert_int_equal(apartment_run(apartment, NULL, call_alone, NULL), S_OK);
    assert_true(pthread_equal(ran_on, pthread_self()));
    CoUninitialize();
    return NULL;
}

static void calls_of_an_apartment_run_one_at_a_time_on_its_server(void **state)
{
    ran = 0;
    in_thread(serve_one_at_a_time);
}

static void the_multithreaded_apartment_is_wherever_the_call_is(void **state)
{
    assert_int_equal(apartment_run(NULL, NULL, call_alone, NULL), S_OK);
    assert_true(pthread_equal(ran_on, pthread_self()));
}

static Apartment *kept;

static void *be_single_for_a_while(void *data)
{
    assert_int_equal(CoInitialize(NULL), S_OK);
    kept = apartment_ref(apartment_current());
    assert_int_equal(apartment_serve(kept), S_OK);
    CoUninitialize();
    return NULL;
}

static void an_apartment_ends_with_its_owner(void **state)
{
    in_thread(be_single_for_a_while);
    ran = 0;
    assert_int_equal(apartment_run(kept, NULL, call_alone, NULL), RPC_E_DISCONNECTED);
    assert_int_equal(ran, 0);
    kept = apartment_unref(kept);
}

static void initialize_inside(void *data)
{
    assert_ptr_equal(apartment_current(), kept);
    assert_int_equal(apartment_check(), S_OK);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), RPC_E_CHANGED_MODE);
    assert_true(SUCCEEDED(CoInitialize(NULL)));
    CoUninitialize();
    CoUninitialize(); /* one too many does not end the apartment */
    assert_ptr_equal(apartment_current(), kept);
}

static void *call_inside(void *data)
{
    assert_int_equal(apartment_run(kept, NULL, initialize_inside, NULL), S_OK);
    assert_int_equal(apartment_run(kept, NULL, initialize_inside, NULL), S_OK);
    return NULL;
}

static void *own_kept(void *data)
{
    assert_int_equal(CoInitialize(NULL), S_OK);
    kept = apartment_current();
    assert_int_equal(apartment_serve(kept), S_OK);
    in_thread(call_inside);
    CoUninitialize();
    return NULL;
}

static void methods_may_initialize_their_thread(void **state)
{
    in_thread(own_kept);
}

/* A task that runs while the apartment's server waits in a call that a client caused. */

static Token *client;
static RemoteTable *table;
static RpcClient *rpc;
static int silent; /* accepts and says nothing */

static Token *make_client(void)
{
    Token *token = NULL;
    const TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                            .level = TOKEN_LEVEL_DELEGATION,
                            .principal = "alice@LAB.TEST",
                            .expires = INT64_MAX};
    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static RemoteExporter *silent_exporter(void)
{
    RemoteExporter *exporter = NULL;
    IoAddress address;
    char text[BINDING_ADDRESS_SIZE];
    RemoteExporterSpec spec = {.oxid = 1, .resolver = "127.0.0.1"};
    assert_int_equal(io_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(io_listen(&address, 0, &silent), 0);
    assert_int_equal(io_socket_address(silent, &address), 0);
    assert_int_equal(binding_join("127.0.0.1", io_address_port(&address), text), 0);
    assert_int_equal(bindings_new(&(StringBinding){BINDING_TOWER_TCP, text}, 1, NULL, 0, &spec.bindings), 0);
    assert_int_equal(rpc_client_new(NULL, &rpc), RPCST_OK);
    assert_int_equal(remote_table_new(rpc, &table), 0);
    assert_int_equal(remote_exporter_add(table, &spec, &exporter), S_OK);
    bindings_deinit(&spec.bindings);
    return exporter;
}

static atomic_bool waiting;

static void be_somebody(void *data)
{
    const CallContextSpec spec = {.client = client, .authn_service = 16, .authn_level = 6};
    RemoteExporter *exporter = silent_exporter();
    Writer request = {0};
    OrpcCall call = {0};
    CallScope scope;

    assert_int_equal(call_context_enter(&spec, &scope), S_OK);
    assert_int_equal(CoImpersonateClient(), S_OK);
    writer_init(&request, 0);
    orpc_call_begin(&call, &(OrpcCallSpec){.exporter = exporter, .deadline = time_after(NS_PER_SECOND / 2)},
                    &request);
    waiting = true;
    assert_true(FAILED(apartment_run_call(&call)));
    orpc_call_end(&call);
    writer_deinit(&request);
    assert_ptr_equal(thread_token(), client); /* as it was before the other's task */
    call_context_leave(&scope);
    assert_null(thread_token());
    remote_exporter_unref(exporter);
    table = remote_table_free(table);
    rpc = rpc_client_unref(rpc);
    close(silent);
}

static void see_nobody(void *data)
{
    assert_null(thread_token());
    assert_int_equal(CoImpersonateClient(), RPC_E_CALL_COMPLETE);
    thread_set_token(client); /* and forgets to revert */
    *(int *)data += 1;
}

static void *run_see_nobody(void *data)
{
    assert_int_equal(apartment_run(kept, NULL, see_nobody, data), S_OK);
    return NULL;
}

static void *cause_call(void *data)
{
    assert_int_equal(apartment_run(kept, &(Guid){.data1 = 7}, be_somebody, NULL), S_OK);
    return NULL;
}

static void *own_with_a_client(void *data)
{
    pthread_t thread;
    int seen = 0;

    assert_int_equal(CoInitialize(NULL), S_OK);
    kept = apartment_ref(apartment_current());
    assert_int_equal(apartment_serve(kept), S_OK);
    assert_int_equal(pthread_create(&thread, NULL, cause_call, NULL), 0);
    while (!waiting)
        usleep(1000);
    in_thread_with(run_see_nobody, &seen); /* during the call */
    assert_int_equal(pthread_join(thread, NULL), 0);
    in_thread_with(run_see_nobody, &seen); /* after the one that forgot */
    assert_int_equal(seen, 2);
    CoUninitialize();
    kept = apartment_unref(kept);
    return NULL;
}

static void tasks_are_nobodys_call(void **state)
{
    client = make_client();
    in_thread(own_with_a_client);
    client = token_unref(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initializing_counts),
        cmocka_unit_test(initializing_wrongly),
        cmocka_unit_test(a_multithreaded_apartment_takes_in_other_threads),
        cmocka_unit_test(a_thread_that_serves_calls_is_multithreaded),
        cmocka_unit_test(calls_of_an_apartment_run_one_at_a_time_on_its_server),
        cmocka_unit_test(the_multithreaded_apartment_is_wherever_the_call_is),
        cmocka_unit_test(an_apartment_ends_with_its_owner),
        cmocka_unit_test(methods_may_initialize_their_thread),
        cmocka_unit_test(tasks_are_nobodys_call),
    };

    return cmocka_run_group_tests_name("apartment", tests, NULL, NULL);
}
