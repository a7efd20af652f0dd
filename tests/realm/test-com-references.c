/* SPDX-License-Identifier: Apache-2.0 */
/* Who keeps objects alive, and what becomes of references when processes end. The lab pings every second. */
#include "tests/realm/com-fixture.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <winerror.h>

#define RUN_DOWN_SECONDS 3  /* three pings missed */
#define PATIENCE         15 /* seconds until something must have happened */
#define HANG_SECONDS     5  /* a call to something dead must have failed by then */
#define NOTICE                                                                                               \
    100000 /* microseconds after which a connection that rested is looked at before it is used again */
#define ALICE "alice/impersonate/privacy"

static const WireSide plain = {.level = RPC_C_IMP_LEVEL_IMPERSONATE},
                      on_host_a = {
                          .host = "a", .ccache = "users/alice.ccache", .level = RPC_C_IMP_LEVEL_IMPERSONATE};
static WireServer on_b, on_c;

static IWire *opened(const char *host)
{
    IWire *proxy = NULL;
    if (FAILED(wire_open(host, WIRE_NONE, 0, &proxy))) abort();
    return proxy;
}

static unsigned living(IWire *proxy)
{
    ULONG count = 0;
    return SUCCEEDED(IWire_Living(proxy, &count)) ? count : 999;
}

/* The number of objects, waiting for it to become `wanted`. */
static void say_living(FILE *out, IWire *proxy, unsigned wanted)
{
    unsigned now = living(proxy);
    for (unsigned tries = 0; now != wanted && tries < PATIENCE * 20; tries++) {
        usleep(50000);
        now = living(proxy);
    }
    fprintf(out, "%u ", now);
}

/* Sequences of counts */

static void counted(FILE *out, void *argument)
{
    IWire *watcher = opened("b"), *proxy = opened("b"), *another = NULL, *copy = NULL;
    IWireAside *aside = NULL;
    fprintf(out, "%u ", living(watcher));
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    wire_say_result(out, CoCopyProxy((IUnknown *)proxy, (IUnknown **)&copy));
    wire_say_result(out, IWire_Another(proxy, &another));
    fprintf(out, "%u ", living(watcher));
    IWire_Release(proxy);
    IWireAside_Release(aside);
    fprintf(out, "%u ", living(watcher)); /* the copy holds it */
    IWire_Release(copy);
    fprintf(out, "%u ", living(watcher));
    IWire_Release(another);
    fprintf(out, "%u ", living(watcher));
    IWire_Release(watcher);
}

static void REF_1_the_last_release_is_told_at_once(void **state)
{
    wire_expect(&plain, counted, NULL, "2 ok ok ok 3 3 2 1");
}

/* A reference handed on to a third process belongs to that one. */
static void handed_on(FILE *out, void *argument)
{
    IWire *watcher = opened("b"), *proxy = opened("b"), *holder = opened("c");
    wire_say_result(out, IWire_Hold(holder, proxy));
    IWire_Release(proxy);
    fprintf(out, "%u ", living(watcher));
    wire_say_result(out, IWire_Hold(holder, NULL));
    say_living(out, watcher, 1);
    /* c's last release lets go of what it holds on b. */
    wire_say_result(out, IWire_Another(watcher, &proxy));
    wire_say_result(out, IWire_Hold(holder, proxy));
    IWire_Release(proxy);
    fprintf(out, "%u ", living(watcher));
    IWire_Release(holder);
    say_living(out, watcher, 1);
    IWire_Release(watcher);
}

static void REF_a_reference_can_be_handed_on(void **state)
{
    wire_expect(&plain, handed_on, NULL, "ok 2 ok 1 ok ok 2 1");
}

/* A reference that comes back is the object itself, and one object is one identity. */
static void come_home(FILE *out, void *argument)
{
    IWire *proxy = opened("b"), *own = wire_object_new();
    wire_say(out, wire_run(proxy, "back[peer] peer", own));
    wire_say_result(out, IWire_Hold(proxy, proxy)); /* a circle, cut below */
    wire_say_result(out, IWire_Hold(proxy, NULL));
    wire_say_result(out, IWire_Hold(proxy, own));
    fprintf(out, "%u ", IWire_Release(own) > 0);
    wire_say_result(out, IWire_Hold(proxy, NULL));
    fprintf(out, "%u ", wire_object_count());
    IWire_Release(proxy);
}

static void REF_references_come_home(void **state)
{
    wire_expect(&on_host_a, come_home, NULL, "[" ALICE "] host-b/impersonate/privacy ok ok ok 1 ok 0");
}

/* Resolution */

static int gate[2]; /* holds the holder until it is closed */

/* Marshals an object of b and holds it: its OBJREF in hexadecimal. */
static void marshal_and_wait(FILE *out, void *argument)
{
    IWire *proxy = opened("b");
    IStream *stream;
    LARGE_INTEGER start = {.QuadPart = 0};
    BYTE one;
    ULONG length;
    if (FAILED(CreateStreamOnHGlobal(NULL, TRUE, &stream)) ||
        FAILED(CoMarshalInterface(stream, &IID_IWire, (IUnknown *)proxy, MSHCTX_DIFFERENTMACHINE, NULL,
                                  MSHLFLAGS_NORMAL)) ||
        FAILED(IStream_Seek(stream, start, STREAM_SEEK_SET, NULL)))
        abort();
    while (IStream_Read(stream, &one, 1, &length) == S_OK && length == 1)
        fprintf(out, "%02x", one);
    fputc('\n', out);
    fflush(out);
    close(gate[1]);
    while (read(gate[0], &one, 1) > 0)
        ;
    IStream_Release(stream);
    IWire_Release(proxy);
}

static HRESULT unmarshal(const char *digits, IWire **ret_proxy)
{
    IStream *stream;
    LARGE_INTEGER start = {.QuadPart = 0};
    unsigned one;
    HRESULT hr = CreateStreamOnHGlobal(NULL, TRUE, &stream);
    for (; SUCCEEDED(hr) && sscanf(digits, "%2x", &one) == 1; digits += 2)
        hr = IStream_Write(stream, &(BYTE){(BYTE)one}, 1, NULL);
    if (SUCCEEDED(hr)) hr = IStream_Seek(stream, start, STREAM_SEEK_SET, NULL);
    if (SUCCEEDED(hr)) hr = CoUnmarshalInterface(stream, &IID_IWire, (void **)ret_proxy);
    IStream_Release(stream);
    return hr;
}

/* Cloaked as bob in everything that is cloaked, for longer than the time between two pings. */
static void resolve_as_bob(FILE *out, void *digits)
{
    IWire *proxy = NULL;
    wire_become("bob");
    HRESULT hr = unmarshal(digits, &proxy);
    wire_say_result(out, hr);
    if (FAILED(hr)) return;
    wire_say(out, wire_who(proxy));
    usleep(2500000);
    IWire_Release(proxy);
}

static void resolve(FILE *out, void *digits)
{
    IWire *proxy = NULL;
    wire_say_result(out, unmarshal(digits, &proxy));
}

static void with_objref(WireBody body, const WireSide *side, const char *expected)
{
    char digits[4096] = "";
    WireProcess holder;
    assert_int_equal(pipe(gate), 0);
    wire_in_background(&holder, &plain, marshal_and_wait, NULL);
    close(gate[0]);
    for (size_t i = 0; i + 1 < sizeof(digits) && read(holder.output, &digits[i], 1) == 1; i++)
        if (digits[i] == '\n') break;
    assert_true(strlen(digits) > 100);
    wire_expect(side, body, digits, expected);
    close(gate[1]);
    free(wire_join(&holder));
}

static void REF_5_resolution_and_pings_go_as_the_process(void **state)
{
    static const WireSide cloaked = {.ccache = "users/alice.ccache",
                                     .cloaking = EOAC_DYNAMIC_CLOAKING,
                                     .level = RPC_C_IMP_LEVEL_IMPERSONATE};
    unsigned bob = wire_tickets("bob", "RPCSS/b"), alice = wire_tickets("alice", "RPCSS/b");
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    with_objref(resolve_as_bob, &cloaked, "ok bob/impersonate/privacy");
    assert_int_equal(wire_tickets("bob", "RPCSS/b"), bob);
    assert_true(wire_tickets("alice", "RPCSS/b") > alice);
}

/* The resolver answers nobody, too, but is not asked as nobody. */
static void REF_6_resolution_is_not_repeated_without_security(void **state)
{
    static const WireSide poor = {.ccache = "users/none.ccache", .level = RPC_C_IMP_LEVEL_IMPERSONATE};
    with_objref(resolve, &poor, "0x8009030E"); /* SEC_E_NO_CREDENTIALS */
}

/* Pings */

static void hold_and_wait(FILE *out, void *argument)
{
    IWire *proxy = opened("b");
    wire_say(out, wire_who(proxy));
    fflush(out);
    for (;;)
        pause();
}

static void watch_run_down(FILE *out, void *argument)
{
    WireProcess *holder = argument;
    IWire *watcher = opened("b"), *kept = NULL;
    wire_say_result(out, IWire_Another(watcher, &kept));
    fprintf(out, "%u ", living(watcher));
    /* The holder pings while it lives, longer than it takes to be given up. */
    sleep(RUN_DOWN_SECONDS + 2);
    fprintf(out, "%u ", living(watcher));
    kill(holder->pid, SIGKILL);
    say_living(out, watcher, 2);
    wire_say(out, wire_who(kept)); /* what somebody else holds stays */
    IWire_Release(kept);
    IWire_Release(watcher);
}

static void REF_objects_of_dead_clients_are_run_down(void **state)
{
    WireProcess holder;
    char word[64];
    wire_in_background(&holder, &plain, hold_and_wait, NULL);
    ssize_t length = read(holder.output, word, sizeof(word)); /* it holds */
    assert_true(length > 0 && strncmp(word, ALICE, strlen(ALICE)) == 0);
    wire_expect(&plain, watch_run_down, &holder, "ok 3 3 2 " ALICE);
    wire_kill(&holder);
}

/* A client that dies with its objects: the server's references to them are worth nothing and harm nobody. */
static void leave_behind(FILE *out, void *argument)
{
    IWire *proxy = opened("b"), *own = wire_object_new();
    wire_say_result(out, IWire_Hold(proxy, own));
    fclose(out);
    _exit(0);
}

static void REF_a_dead_client_s_objects_are_let_go(void **state)
{
    wire_expect(&on_host_a, leave_behind, NULL, "ok");
    wire_expect(&plain, counted, NULL, "3 ok ok ok 4 4 3 2"); /* not run down yet */
    sleep(RUN_DOWN_SECONDS + 2);
    wire_expect(&plain, counted, NULL, "2 ok ok ok 3 3 2 1");
}

/* The ends of servers */

static void disconnected(FILE *out, void *argument)
{
    IWire *watcher = opened("b"), *proxy = opened("b");
    IWireAside *aside = NULL;
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    wire_say_result(out, IWire_Disconnect(proxy)); /* the call that does it ends as it should */
    wire_say(out, wire_who(proxy));
    wire_say(out, wire_who_aside(aside));
    wire_say(out, wire_who(watcher));
    fprintf(out, "%u ", living(watcher));
    IWireAside_Release(aside);
    IWire_Release(proxy);
    IWire_Release(watcher);
}

static void REF_CoDisconnectObject_cuts_everybody_off(void **state)
{
    wire_expect(&plain, disconnected, NULL, "ok ok 0x80010108 0x80010108 " ALICE " 1");
}

typedef struct Dying {
    WireServer server;
    IWire *proxy;
    HRESULT result;
} Dying;

static void *stay_in(void *argument)
{
    Dying *dying = argument;
    ULONG together, thread;
    dying->result = IWire_Stay(dying->proxy, 30000, &together, &thread);
    return NULL;
}

static void say_in_time(FILE *out, time_t start)
{
    fprintf(out, "%s ", time(NULL) - start < HANG_SECONDS ? "in-time" : "late");
}

static void survive(FILE *out, void *argument)
{
    Dying *dying = argument;
    pthread_t thread;
    IWire *other = NULL;
    wire_say_result(out, wire_open("b", WIRE_SPARE, 0, &dying->proxy));
    if (pthread_create(&thread, NULL, stay_in, dying) != 0) abort();
    usleep(200000);
    time_t start = time(NULL);
    kill(dying->server.pid, SIGKILL);
    pthread_join(thread, NULL);
    wire_say_result(out, dying->result);
    usleep(NOTICE); /* the kernel closes a dead process's sockets one after the other, the listener perhaps
                       last */
    wire_say(out, wire_who(dying->proxy));
    wire_say_why(out, "*does not answer*");
    wire_say_result(out, wire_open("b", WIRE_SPARE, 0, &other));
    IWire_Release(dying->proxy);
    say_in_time(out, start);
}

static void revive(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    wire_say_result(out, wire_open("b", WIRE_SPARE, 0, &proxy));
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void REF_a_server_s_death_is_an_error_not_a_hang(void **state)
{
    Dying dying = {0};
    wire_server_start(&dying.server, "b", WIRE_SPARE, "none", "mta");
    wire_expect(&plain, survive, &dying, "ok 0x800706BE 0x800706BA ok 0x80040154 in-time");
    wire_server_kill(&dying.server);
    wire_server_start(&dying.server, "b", WIRE_SPARE, "none", "mta");
    wire_expect(&plain, revive, NULL, "ok " ALICE);
    assert_int_equal(wire_server_stop(&dying.server), WIRE_ALL_RELEASED);
}

/* A server that ends well tells its clients, and cuts off whoever did not release. */
static void outlive(FILE *out, void *argument)
{
    Dying *dying = argument;
    wire_say_result(out, wire_open("b", WIRE_SPARE, 0, &dying->proxy));
    wire_say(out, wire_who(dying->proxy));
    fflush(out);
    /* This process has the other end too, so both must go. */
    close(dying->server.end);
    char go_on;
    if (read(*(int *)(dying + 1), &go_on, 1) != 1) abort();
    usleep(NOTICE);
    wire_say(out, wire_who(dying->proxy));
    IWire_Release(dying->proxy);
}

static void REF_a_server_that_ends_cuts_its_clients_off(void **state)
{
    struct {
        Dying dying;
        int go;
    } shared = {0};
    int ends[2];
    WireProcess client;
    char word[64];
    assert_int_equal(pipe(ends), 0);
    shared.go = ends[0];
    wire_server_start(&shared.dying.server, "b", WIRE_SPARE, "none", "mta");
    wire_in_background(&client, &plain, outlive, &shared);
    assert_true(read(client.output, word, sizeof(word)) > 0); /* "ok", and whom it saw */
    assert_int_equal(wire_server_stop(&shared.dying.server), WIRE_OBJECTS_LEFT);
    assert_int_equal(write(ends[1], "g", 1), 1);
    char *rest = wire_join(&client);
    assert_string_equal(rest, "0x800706BA");
    free(rest);
    close(ends[0]);
    close(ends[1]);
}

/* mantled may come and go: who has a reference goes on, objects stay, and classes are found again. */
static void through_restart(FILE *out, void *argument)
{
    int *go = argument;
    IWire *proxy = opened("b"), *kept = NULL, *other = NULL;
    char go_on;
    wire_say_result(out, IWire_Another(proxy, &kept));
    fputs("\n", out);
    fflush(out);
    if (read(go[0], &go_on, 1) != 1) abort(); /* it is gone */
    usleep(NOTICE);
    wire_say(out, wire_who(proxy));
    time_t start = time(NULL);
    wire_say_result(out, wire_open("b", WIRE_NONE, 0, &other));
    say_in_time(out, start);
    fputs("\n", out);
    fflush(out);
    if (read(go[0], &go_on, 1) != 1) abort(); /* another one runs */
    HRESULT hr = E_FAIL;
    for (unsigned tries = 0; FAILED(hr) && tries < PATIENCE * 20; tries++) {
        hr = wire_open("b", WIRE_NONE, 0, &other);
        if (FAILED(hr)) usleep(50000);
    }
    wire_say_result(out, hr);
    if (other) IWire_Release(other);
    /* Pings found the new one, or the objects would be run down by now. */
    sleep(RUN_DOWN_SECONDS + 3);
    wire_say(out, wire_who(kept));
    fprintf(out, "%u ", living(proxy));
    IWire_Release(kept);
    IWire_Release(proxy);
}

static void expect_line(int fd, const char *expected)
{
    char line[256] = "";
    size_t length = 0;
    while (length < sizeof(line) - 1 && read(fd, line + length, 1) == 1 && line[length] != '\n')
        length++;
    line[length] = '\0';
    assert_string_equal(line, expected);
}

static void REF_mantled_restarts_under_its_objects(void **state)
{
    int go[2];
    WireProcess client;
    WireServer mantled;
    assert_int_equal(pipe(go), 0);
    wire_in_background(&client, &plain, through_restart, go);
    expect_line(client.output, "ok ");
    wire_mantled_stop("b");
    assert_int_equal(write(go[1], "1", 1), 1);
    expect_line(client.output, ALICE " 0x800706BA in-time ");
    wire_mantled_start(&mantled, "b");
    assert_int_equal(write(go[1], "2", 1), 1);
    char *text = wire_join(&client);
    assert_string_equal(text, "ok " ALICE " 2");
    free(text);
    kill(mantled.pid, SIGTERM);
    close(mantled.end);
    int status;
    assert_int_equal(waitpid(mantled.pid, &status, 0), mantled.pid);
    assert_int_equal(status, 0);
    close(go[0]);
    close(go[1]);
}

static int setup(void **state)
{
    wire_server_start(&on_b, "b", WIRE_NONE, "none", "mta");
    wire_server_start(&on_c, "c", WIRE_NONE, "none", "mta");
    return 0;
}

static int teardown(void **state)
{
    int left = wire_server_stop(&on_b) | wire_server_stop(&on_c);
    return left == WIRE_ALL_RELEASED ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(REF_1_the_last_release_is_told_at_once),
        cmocka_unit_test(REF_a_reference_can_be_handed_on),
        cmocka_unit_test(REF_references_come_home),
        cmocka_unit_test(REF_CoDisconnectObject_cuts_everybody_off),
        cmocka_unit_test(REF_a_server_s_death_is_an_error_not_a_hang),
        cmocka_unit_test(REF_a_server_that_ends_cuts_its_clients_off),
        cmocka_unit_test(REF_objects_of_dead_clients_are_run_down),
        cmocka_unit_test(REF_a_dead_client_s_objects_are_let_go),
        cmocka_unit_test(REF_5_resolution_and_pings_go_as_the_process),
        cmocka_unit_test(REF_6_resolution_is_not_repeated_without_security), /* its reference is nobody's */
        cmocka_unit_test(REF_mantled_restarts_under_its_objects), /* the last: b's mantled is gone after it */
    };
    return cmocka_run_group_tests_name("com-references", tests, setup, teardown);
}
