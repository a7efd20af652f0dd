/* SPDX-License-Identifier: Apache-2.0 */
/* Registrar and its client over a real socket: who may serve, activations, processes that end, and bytes that
 * are no frames. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "io/socket.h"
#include "orpc/registrar.h"
#include "orpc/registrar-message.h"

static const Guid allowed = {1, 2, 3, {4}}, forbidden = {9, 2, 3, {4}}, iid = {5, 6, 7, {8}},
                  missing = {6, 6, 7, {8}};

typedef struct Fixture {
    IoLoop *loop;
    IoPool *pool;
    Resolver *resolver;
    Registrar *registrar;
    Bindings bindings;
    char folder[64], path[96];
    /* What the handlers see and do. */
    atomic_int activations, run_downs, lost;
    atomic_ullong run_down_oid;
    atomic_int mode;
    RegistrarClient *client;
} Fixture;

enum { ANSWER = 0, REFUSE, TOO_FEW, GARBAGE, WRONG_IID, DIE, SLEEP };

static bool may_serve(void *context, const struct ucred *process, const Guid *clsid,
                      char sentence[REGISTRAR_SENTENCE_SIZE])
{
    assert_int_equal(process->pid, getpid());
    assert_int_equal(process->uid, getuid());
    if (guid_equal(clsid, &allowed)) return true;
    (void)snprintf(sentence, REGISTRAR_SENTENCE_SIZE, "not in classes.d");
    return false;
}

static void sleep_ms(unsigned ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static void add_objref(RegistrarAnswer *answer, const Fixture *fixture, const Guid *of)
{
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    objref_write(&writer, &(Objref){.kind = OBJREF_STANDARD,
                                    .iid = *of,
                                    .std = {0, 5, 77, 1, iid},
                                    .resolver = fixture->bindings});
    registrar_answer_add(answer, S_OK, writer.data, writer.length);
}

static HRESULT on_activate(void *context, const RegistrarActivation *request, RegistrarAnswer *answer)
{
    Fixture *fixture = context;
    atomic_fetch_add(&fixture->activations, 1);
    assert_true(guid_equal(&request->clsid, &allowed));
    assert_int_equal(request->cookie, 42);
    assert_int_equal(request->class_context, 0x100010);
    assert_true(request->client_impersonating);
    assert_string_equal(request->caller, "alice@LAB.TEST");
    switch (atomic_load(&fixture->mode)) {
    case REFUSE:
        return CLASS_E_NOAGGREGATION;
    case TOO_FEW:
        return S_OK;
    case GARBAGE:
        for (uint32_t i = 0; i < request->iid_count; i++)
            registrar_answer_add(answer, S_OK, "MEOW", 4);
        return S_OK;
    case WRONG_IID:
        for (uint32_t i = 0; i < request->iid_count; i++)
            add_objref(answer, fixture, &missing);
        return S_OK;
    case DIE:
        (void)shutdown(((RegistrarLine *)fixture->client)->handle.fd, SHUT_RDWR);
        return S_OK;
    case SLEEP:
        sleep_ms(400);
        break;
    }
    for (uint32_t i = 0; i < request->iid_count; i++) {
        Guid asked = activation_guid(request->iids, i);
        if (guid_equal(&asked, &missing))
            registrar_answer_add(answer, E_NOINTERFACE, NULL, 0);
        else
            add_objref(answer, fixture, &asked);
    }
    return S_OK;
}

static void on_run_down(void *context, uint64_t oid)
{
    Fixture *fixture = context;
    atomic_store(&fixture->run_down_oid, oid);
    atomic_fetch_add(&fixture->run_downs, 1);
}

static void on_lost(void *context)
{
    atomic_fetch_add(&((Fixture *)context)->lost, 1);
}

static void start_registrar(Fixture *fixture)
{
    static const char *const hosts[] = {"a.lab.test", "127.0.0.2"};
    static const uint16_t services[] = {16, 9, 10};
    assert_int_equal(io_loop_new(&fixture->loop), 0);
    assert_int_equal(io_pool_new(fixture->loop, 2, 8, &fixture->pool), 0);
    assert_int_equal(
        resolver_new(&(ResolverOptions){.ping_period = NS_PER_SECOND, .bindings = &fixture->bindings},
                     &fixture->resolver),
        S_OK);
    RegistrarOptions options = {.loop = fixture->loop,
                                .resolver = fixture->resolver,
                                .hosts = hosts,
                                .host_count = 2,
                                .services = services,
                                .service_count = 3,
                                .may_serve = may_serve,
                                .activation_timeout = 200 * NS_PER_MS};
    assert_int_equal(registrar_new(&options, &fixture->registrar), S_OK);
    IoAddress address;
    int fd;
    assert_int_equal(io_address_unix(fixture->path, &address), 0);
    assert_int_equal(io_listen(&address, 0600, &fd), 0);
    assert_int_equal(registrar_listen_fd(fixture->registrar, fd), 0);
}

static void stop_registrar(Fixture *fixture)
{
    fixture->pool = io_pool_free(fixture->pool);
    fixture->registrar = registrar_free(fixture->registrar);
    fixture->loop = io_loop_free(fixture->loop);
    fixture->resolver = resolver_free(fixture->resolver);
}

static HRESULT connect_client_by(Fixture *fixture, uint64_t oxid, uint32_t services,
                                 RegistrarClient **ret_client)
{
    RegistrarExporter exporter = {.oxid = oxid,
                                  .rem_unknown = iid,
                                  .port = 4711,
                                  .authn_hint = 5,
                                  .principal = "host/a",
                                  .services = services};
    RegistrarHandlers handlers = {on_activate, on_run_down, on_lost, fixture};
    return registrar_client_new(fixture->path, fixture->loop, &exporter, &handlers,
                                time_after(5 * NS_PER_SECOND), ret_client, NULL);
}

static HRESULT connect_client(Fixture *fixture, uint64_t oxid, RegistrarClient **ret_client)
{
    return connect_client_by(fixture, oxid, 0, ret_client);
}

static int setup(void **state)
{
    Fixture *fixture = calloc(1, sizeof(*fixture));
    strcpy(fixture->folder, "/tmp/mantle-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/registrar", fixture->folder);
    assert_int_equal(
        bindings_new(&(StringBinding){7, "a"}, 1, &(SecurityBinding){16, ""}, 1, &fixture->bindings), 0);
    start_registrar(fixture);
    assert_int_equal(connect_client(fixture, 77, &fixture->client), S_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    Fixture *fixture = *state;
    registrar_client_free(fixture->client);
    stop_registrar(fixture);
    bindings_deinit(&fixture->bindings);
    (void)unlink(fixture->path);
    (void)rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static HRESULT add_class(Fixture *fixture, uint32_t flags)
{
    return registrar_client_add_class(fixture->client, &allowed, 42, flags, NULL);
}

static HRESULT activate_by(Fixture *fixture, const RegistrarServer *server, const Guid *clsid,
                           const Guid *iids, uint32_t count, RegistrarReply *ret_reply)
{
    RegistrarActivation request = {.clsid = *clsid,
                                   .class_context = 0x100010,
                                   .client_impersonating = true,
                                   .caller = "alice@LAB.TEST",
                                   .authn_level = 6,
                                   .iid_count = count,
                                   .iids = (const uint8_t *)iids};
    return registrar_activate(fixture->registrar, server, &request, ret_reply);
}

static HRESULT activate(Fixture *fixture, const Guid *clsid, const Guid *iids, uint32_t count,
                        RegistrarReply *ret_reply)
{
    return activate_by(fixture, NULL, clsid, iids, count, ret_reply);
}

static HRESULT activate_one(Fixture *fixture)
{
    RegistrarReply reply = {0};
    HRESULT hr = activate(fixture, &allowed, &iid, 1, &reply);
    if (SUCCEEDED(hr)) registrar_reply_deinit(&reply);
    return hr;
}

static void test_hello(void **state)
{
    Fixture *fixture = *state;
    assert_int_equal(registrar_client_ping_period(fixture->client), NS_PER_SECOND);
    assert_int_equal(registrar_client_resolver(fixture->client)->entries, fixture->bindings.entries);
    ResolverOxid found;
    assert_int_equal(resolver_find_oxid(fixture->resolver, 77, &found), S_OK);
    char text[BINDING_ADDRESS_SIZE];
    uint16_t value;
    BindingsWalk walk = {0};
    assert_true(bindings_next_string(&found.bindings, &walk, &value, text));
    assert_string_equal(text, "a.lab.test[4711]");
    assert_true(bindings_next_string(&found.bindings, &walk, &value, text));
    assert_string_equal(text, "127.0.0.2[4711]");
    walk = (BindingsWalk){0};
    assert_true(bindings_next_security(&found.bindings, &walk, &value, text));
    assert_int_equal(value, 16);
    assert_string_equal(text, "host/a");
    bindings_deinit(&found.bindings);
    RegistrarClient *second = NULL;
    assert_int_equal(connect_client(fixture, 77, &second), E_ACCESSDENIED); /* somebody else's OXID */
    assert_null(second);
}

/* What a process registered, in mantled's order, and nothing that mantled does not offer. */
static void CIS_5_services_that_were_registered(void **state)
{
    static const struct {
        uint32_t registered;
        uint16_t listed[3];
    } rows[] = {{0, {16, 9, 10}}, {1u << 9 | 1u << 10, {9, 10}}, {1u << 16, {16}}, {1u << 14, {0}}};
    Fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        RegistrarClient *client;
        ResolverOxid found;
        BindingsWalk walk = {0};
        char text[BINDING_ADDRESS_SIZE];
        uint16_t value;
        size_t count = 0;
        assert_int_equal(connect_client_by(fixture, 100 + i, rows[i].registered, &client), S_OK);
        assert_int_equal(resolver_find_oxid(fixture->resolver, 100 + i, &found), S_OK);
        while (bindings_next_security(&found.bindings, &walk, &value, text))
            assert_int_equal(value, rows[i].listed[count++]);
        assert_true(count == ARRAY_SIZE(rows[i].listed) || rows[i].listed[count] == 0);
        bindings_deinit(&found.bindings);
        registrar_client_free(client);
    }
}

static void test_classes(void **state)
{
    Fixture *fixture = *state;
    char sentence[REGISTRAR_SENTENCE_SIZE];
    assert_int_equal(activate_one(fixture), REGDB_E_CLASSNOTREG);
    assert_int_equal(registrar_client_add_class(fixture->client, &forbidden, 1, 0, sentence), E_ACCESSDENIED);
    assert_string_equal(sentence, "not in classes.d");
    assert_int_equal(add_class(fixture, REGISTRAR_SUSPENDED), S_OK);
    assert_int_equal(activate_one(fixture), REGDB_E_CLASSNOTREG);
    assert_int_equal(add_class(fixture, 0), S_OK); /* resumed */
    assert_int_equal(activate_one(fixture), S_OK);
    assert_int_equal(registrar_client_remove_class(fixture->client, 42), S_OK);
    assert_int_equal(registrar_client_remove_class(fixture->client, 42), CO_E_OBJNOTREG);
    assert_int_equal(activate_one(fixture), REGDB_E_CLASSNOTREG);
    assert_int_equal(add_class(fixture, REGISTRAR_SINGLE_USE), S_OK);
    assert_int_equal(activate_one(fixture), S_OK);
    assert_int_equal(activate_one(fixture), REGDB_E_CLASSNOTREG);
    assert_int_equal(registrar_state(fixture->registrar).classes, 0);
}

static void test_results(void **state)
{
    Fixture *fixture = *state;
    const Guid iids[] = {iid, missing, iid};
    RegistrarReply reply;
    Objref objref;
    assert_int_equal(add_class(fixture, 0), S_OK);
    assert_int_equal(activate(fixture, &allowed, iids, 3, &reply), S_OK);
    assert_int_equal(reply.count, 3);
    assert_int_equal(reply.exporter.oxid, 77);
    assert_int_equal(reply.results[1].status, E_NOINTERFACE);
    assert_null(reply.results[1].objref);
    assert_int_equal(objref_parse(reply.results[2].objref, reply.results[2].objref_length, &objref), 0);
    assert_int_equal(objref.std.oxid, 77);
    registrar_reply_deinit(&reply);
}

static void test_bad_answers(void **state)
{
    static const struct {
        atomic_int mode;
        HRESULT expected;
    } rows[] = {{REFUSE, CLASS_E_NOAGGREGATION},   {TOO_FEW, E_UNEXPECTED},
                {GARBAGE, RPC_E_INVALID_OBJREF},   {WRONG_IID, RPC_E_INVALID_OBJREF},
                {SLEEP, CO_E_SERVER_EXEC_FAILURE}, {DIE, CO_E_SERVER_EXEC_FAILURE}};
    Fixture *fixture = *state;
    assert_int_equal(add_class(fixture, 0), S_OK);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fixture->mode = rows[i].mode;
        assert_int_equal(activate_one(fixture), rows[i].expected);
    }
    for (int i = 0; i < 500 && resolver_state(fixture->resolver).oxids; i++)
        sleep_ms(10);
    assert_int_equal(registrar_state(fixture->registrar).processes, 0);
    assert_int_equal(registrar_state(fixture->registrar).classes, 0);
    assert_int_equal(resolver_state(fixture->resolver).oxids, 0);
    assert_int_equal(activate_one(fixture), REGDB_E_CLASSNOTREG);
    for (int i = 0; i < 500 && !atomic_load(&fixture->lost); i++)
        sleep_ms(10);
    assert_int_equal(atomic_load(&fixture->lost), 1);
    assert_int_equal(add_class(fixture, 0), HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE));
}

static void test_next_process_takes_over(void **state)
{
    Fixture *fixture = *state;
    RegistrarClient *second = NULL;
    assert_int_equal(connect_client(fixture, 78, &second), S_OK);
    assert_int_equal(add_class(fixture, 0), S_OK);
    assert_int_equal(registrar_client_add_class(second, &allowed, 42, 0, NULL), S_OK);
    fixture->client = registrar_client_free(fixture->client);
    for (int i = 0; i < 500 && registrar_state(fixture->registrar).processes > 1; i++)
        sleep_ms(10);
    RegistrarReply reply;
    assert_int_equal(activate(fixture, &allowed, &iid, 1, &reply), S_OK);
    assert_int_equal(reply.exporter.oxid, 78);
    registrar_reply_deinit(&reply);
    registrar_client_free(second);
}

static void test_objects(void **state)
{
    Fixture *fixture = *state;
    registrar_client_add_oid(fixture->client, 1001);
    registrar_client_add_oid(fixture->client, 1002);
    registrar_client_remove_oid(fixture->client, 1001);
    assert_int_equal(add_class(fixture, 0), S_OK); /* in order: all of it has arrived */
    assert_int_equal(resolver_state(fixture->resolver).oids, 1);
    registrar_run_down(fixture->registrar, 5, 1002); /* no such exporter */
    registrar_run_down(NULL, 77, 1002);
    registrar_run_down(fixture->registrar, 77, 1002);
    for (int i = 0; i < 500 && !atomic_load(&fixture->run_downs); i++)
        sleep_ms(10);
    assert_int_equal(atomic_load(&fixture->run_downs), 1);
    assert_int_equal(atomic_load(&fixture->run_down_oid), 1002);
}

/* Raw bytes to the registrar; it must close the line. */
static void expect_closed(Fixture *fixture, const void *bytes, size_t length)
{
    IoAddress address;
    int fd;
    uint8_t byte;
    assert_int_equal(io_address_unix(fixture->path, &address), 0);
    assert_int_equal(io_connect_start(&address, &fd), 0);
    assert_int_equal(io_write_all(fd, bytes, length, time_after(NS_PER_SECOND)), 0);
    int r = io_read_all(fd, &byte, 1, time_after(5 * NS_PER_SECOND));
    assert_true(r == IO_CLOSED || r == -ECONNRESET); /* reset: it closed before it had read everything */
    close(fd);
}

static void frame(Writer *writer, uint16_t type, const void *data, uint32_t length)
{
    writer_u32(writer, length);
    writer_u16(writer, type);
    writer_u16(writer, 0);
    writer_u32(writer, 1);
    writer_bytes(writer, data, length);
}

static void test_garbage(void **state)
{
    Fixture *fixture = *state;
    uint8_t huge[12] = {0xff, 0xff, 0xff, 0xff, 1};
    expect_closed(fixture, huge, sizeof(huge));
    expect_closed(fixture, "GET / HTTP/1.0\r\n\r\n", 18);
    for (uint16_t type = 0; type < 12; type++) { /* before hello; and a hello that is none */
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        frame(&writer, type, "12345678", 8);
        expect_closed(fixture, writer.data, writer.length);
    }
    assert_int_equal(add_class(fixture, 0), S_OK); /* others are unharmed */
    assert_int_equal(activate_one(fixture), S_OK);
}

static void put_frame(Writer *writer, RegistrarType type, const Writer *payload)
{
    writer_u32(writer, (uint32_t)payload->length);
    writer_u16(writer, (uint16_t)type);
    writer_u16(writer, 0);
    writer_u32(writer, 1);
    writer_bytes(writer, payload->data, payload->length);
}

/* A process that asks and asks and reads no answer. */
static int open_deaf(const Fixture *fixture, uint64_t oxid)
{
    _cleanup_(writer_deinitp) Writer writer, payload;
    IoAddress address;
    int fd = -1;
    size_t sent;
    writer_init(&writer, 0);
    writer_init(&payload, 0);
    registrar_hello_write(&payload, &(RegistrarExporter){.oxid = oxid, .port = 1});
    put_frame(&writer, REGISTRAR_HELLO, &payload);
    writer_reset(&payload);
    writer_guid(&payload, &forbidden);
    writer_u64(&payload, 1);
    while (writer.length < 60000)
        put_frame(&writer, REGISTRAR_ADD_CLASS, &payload);
    assert_int_equal(io_address_unix(fixture->path, &address), 0);
    assert_true(io_connect_start(&address, &fd) >= 0);
    assert_int_equal(io_write(fd, writer.data, writer.length, &sent), 0);
    return fd;
}

static void test_deaf_processes(void **state)
{
    Fixture *fixture = *state;
    int fds[16];
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = open_deaf(fixture, 1000 + i);
    sleep_ms(300); /* until their buffers are full */
    uint64_t start = time_monotonic();
    assert_int_equal(add_class(fixture, 0), S_OK);
    assert_true(time_monotonic() - start < NS_PER_SECOND);
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
}

static void test_other_version(void **state)
{
    Fixture *fixture = *state;
    IoAddress address;
    int fd;
    uint8_t reply[16];
    _cleanup_(writer_deinitp) Writer hello, writer;
    writer_init(&hello, 0);
    writer_init(&writer, 0);
    writer_u32(&hello, REGISTRAR_MAGIC);
    writer_u32(&hello, REGISTRAR_PROTOCOL + 1);
    frame(&writer, REGISTRAR_HELLO, hello.data, (uint32_t)hello.length);
    assert_int_equal(io_address_unix(fixture->path, &address), 0);
    assert_int_equal(io_connect_start(&address, &fd), 0);
    assert_int_equal(io_write_all(fd, writer.data, writer.length, time_after(NS_PER_SECOND)), 0);
    assert_int_equal(io_read_all(fd, reply, sizeof(reply), time_after(5 * NS_PER_SECOND)), 0);
    assert_int_equal(reply[4], REGISTRAR_RESULT);
    assert_memory_equal(reply + 12, ((uint8_t[]){0x10, 0x01, 0x01, 0x80}), 4);
    close(fd);
}

static void test_no_mantled(void **state)
{
    Fixture *fixture = *state;
    RegistrarClient *client = NULL;
    char sentence[REGISTRAR_SENTENCE_SIZE];
    RegistrarExporter exporter = {.oxid = 1, .port = 1};
    RegistrarHandlers handlers = {0};
    assert_int_equal(registrar_client_new("/nonexistent/registrar", fixture->loop, &exporter, &handlers,
                                          time_after(NS_PER_SECOND), &client, sentence),
                     HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE));
    assert_non_null(strstr(sentence, "/nonexistent/registrar"));
}

/* A process that is no COM server; its pidfd. */
static int start_process(pid_t *ret_pid)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_true(pid > 0);
    *ret_pid = pid;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(pidfd >= 0);
    return pidfd;
}

static void *register_later(void *argument)
{
    assert_int_equal(add_class(argument, 0), S_OK);
    return NULL;
}

static void *kill_later(void *argument)
{
    assert_int_equal(kill(*(pid_t *)argument, SIGKILL), 0);
    return NULL;
}

static void test_await(void **state)
{
    Fixture *fixture = *state;
    Registrar *registrar = fixture->registrar;
    pthread_t thread;
    pid_t pid;
    int pidfd = start_process(&pid);
    RegistrarServer own = {.uid = getuid()}, exact = {.uid = getuid(), .pid = getpid()},
                    other = {.uid = getuid() + 1}, other_process = {.uid = getuid(), .pid = pid};
    assert_int_equal(registrar_await(registrar, &allowed, NULL, pidfd, time_after(20 * NS_PER_MS)),
                     CO_E_SERVER_START_TIMEOUT);
    assert_int_equal(pthread_create(&thread, NULL, register_later, fixture), 0);
    assert_int_equal(registrar_await(registrar, &allowed, NULL, pidfd, time_after(60 * NS_PER_SECOND)), S_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(registrar_await(registrar, &allowed, &own, -1, time_monotonic()), S_OK);
    assert_int_equal(registrar_await(registrar, &allowed, &exact, -1, time_monotonic()), S_OK);
    assert_int_equal(registrar_await(registrar, &allowed, &other, -1, time_after(20 * NS_PER_MS)),
                     CO_E_SERVER_START_TIMEOUT);
    assert_int_equal(pthread_create(&thread, NULL, kill_later, &pid), 0);
    assert_int_equal(
        registrar_await(registrar, &allowed, &other_process, pidfd, time_after(60 * NS_PER_SECOND)),
        CO_E_SERVER_EXEC_FAILURE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(pidfd);
}

/* Another account's process, or another one of the account, is not asked. */
static void test_whose_process(void **state)
{
    Fixture *fixture = *state;
    const struct {
        RegistrarServer server;
        HRESULT result;
    } rows[] = {
        {{.uid = getuid()}, S_OK},
        {{.uid = getuid(), .pid = getpid()}, S_OK},
        {{.uid = getuid() + 1}, REGDB_E_CLASSNOTREG},
        {{.uid = getuid(), .pid = getpid() + 1}, REGDB_E_CLASSNOTREG},
    };
    assert_int_equal(add_class(fixture, 0), S_OK);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        RegistrarReply reply = {0};
        assert_int_equal(activate_by(fixture, &rows[i].server, &allowed, &iid, 1, &reply), rows[i].result);
        registrar_reply_deinit(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hello, setup, teardown),
        cmocka_unit_test_setup_teardown(CIS_5_services_that_were_registered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_classes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_results, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_next_process_takes_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deaf_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_mantled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_await, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose_process, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
