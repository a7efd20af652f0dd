/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many identities at once (design decision 8): each call arrives as the identity and at the level of its own
 * proxy and thread, whatever the others do. The tokens are the process's, logons and ones received from
 * clients.
 */
#include "tests/realm/com-fixture.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winerror.h>

#define IDENTIFY    RPC_C_IMP_LEVEL_IDENTIFY
#define IMPERSONATE RPC_C_IMP_LEVEL_IMPERSONATE
#define DELEGATE    RPC_C_IMP_LEVEL_DELEGATE
#define DYNAMIC     EOAC_DYNAMIC_CLOAKING
#define STATIC      EOAC_STATIC_CLOAKING

#define THREADS 6
#define ROUNDS  250 /* of two calls each */

/* Processes on host a, so that clients can call them: the middle of a chain. */
static const WireSide middle = {.host = "a", .level = IMPERSONATE},
                      client = {.host = "a", .ccache = "users/alice.ccache", .level = IMPERSONATE};
static WireServer on_b;

/* Who a thread is, and what its calls must be seen as at each level. */
typedef struct Actor {
    HANDLE token; /* NULL: the process */
    const char *name;
    const char *refused; /* what its calls end with; NULL: they do not */
} Actor;

typedef struct Worker {
    pthread_t thread;
    const Actor *actors;
    unsigned actor_count, first;
    IWire *identify, *delegate;
    unsigned wrong;
    char *example; /* of a wrong answer */
} Worker;

static void act_as(const Actor *actor)
{
    /* Primary tokens cannot be set, impersonation tokens can: LogonUserW's cleartext kind and received ones.
     */
    if (!(actor->token ? SetThreadToken(NULL, actor->token) : RevertToSelf())) abort();
}

static void expect(Worker *worker, char *seen, const Actor *actor, const char *level)
{
    char expected[128];
    if (actor->refused)
        snprintf(expected, sizeof(expected), "%s", actor->refused);
    else
        snprintf(expected, sizeof(expected), "%s/%s/privacy", actor->name, level);
    if (seen && strcmp(seen, expected) == 0) return free(seen);
    worker->wrong++;
    if (!worker->example && asprintf(&worker->example, "%s-instead-of-%s", seen, expected) < 0)
        worker->example = NULL;
    free(seen);
}

static void *work(void *argument)
{
    Worker *worker = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const Actor *actor = &worker->actors[(worker->first + i) % worker->actor_count];
        act_as(actor);
        expect(worker, wire_who(worker->identify), actor, "identify");
        expect(worker, wire_who(worker->delegate), actor, "delegate");
    }
    (void)RevertToSelf(); /* of a thread that ends */
    return NULL;
}

/* Two proxies to one object, called in turn by several threads, each of which changes who it is. */
static void hammer(FILE *out, const Actor *actors, unsigned actor_count)
{
    Worker workers[THREADS] = {0};
    IWire *identify = NULL, *delegate = NULL;
    unsigned wrong = 0;
    if (FAILED(wire_open("b", WIRE_NONE, 0, &identify))) abort();
    if (FAILED(CoCopyProxy((IUnknown *)identify, (IUnknown **)&delegate))) abort();
    if (FAILED(wire_blanket(identify, IDENTIFY, DYNAMIC)) ||
        FAILED(wire_blanket(delegate, DELEGATE, DYNAMIC)))
        abort();
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (Worker){.actors = actors,
                              .actor_count = actor_count,
                              .first = i,
                              .identify = identify,
                              .delegate = delegate};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) abort();
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
        if (workers[i].example) wire_say(out, workers[i].example);
    }
    IWire_Release(delegate);
    IWire_Release(identify);
    fprintf(out, "%u wrong ", wrong);
}

static HANDLE logon(const char *user)
{
    HANDLE token = wire_logon(user);
    if (!token) abort();
    return token;
}

static void with_logons(FILE *out, void *argument)
{
    const Actor actors[] = {{NULL, "alice", NULL},
                            {logon("bob"), "bob", NULL},
                            {logon("carol"), "carol", NULL},
                            {logon("dave"), "dave", NULL}};
    hammer(out, actors, 4);
    for (unsigned i = 1; i < 4; i++)
        CloseHandle(actors[i].token);
}

static void DECISION_8_logons_do_not_mix(void **state)
{
    wire_expect(&client, with_logons, NULL, "0 wrong");
}

/* Received tokens: a server in this process keeps the token of each of its callers. */

#define GUESTS 4

static struct {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    HANDLE tokens[GUESTS];
    unsigned count;
} guests = {.lock = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER};

static IWireVtbl collector_methods;
static IWire collector = {&collector_methods};

static HANDLE caller_token(void)
{
    HANDLE token = NULL;
    if (FAILED(CoImpersonateClient())) abort();
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY | TOKEN_DUPLICATE | TOKEN_IMPERSONATE, TRUE, &token))
        abort();
    return token;
}

/* The number of the caller in the order of their users: alice 0, bob 1, and 2 more when at IMPERSONATE only.
 */
static unsigned guest_number(void)
{
    char *who = wire_caller();
    unsigned number = (strncmp(who, "bob", 3) == 0) + 2u * (strstr(who, "/impersonate/") != NULL);
    free(who);
    return number;
}

static HRESULT collect(IWire *This, LPWSTR *seen)
{
    unsigned number = guest_number();
    HANDLE token = caller_token();
    pthread_mutex_lock(&guests.lock);
    guests.tokens[number] = token;
    guests.count++;
    pthread_cond_signal(&guests.arrived);
    pthread_mutex_unlock(&guests.lock);
    *seen = wire_wide("collected");
    return S_OK;
}

static HRESULT collector_QueryInterface(IWire *This, REFIID iid, void **ret)
{
    bool known = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IWire);
    *ret = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}

static ULONG collector_AddRef(IWire *This)
{
    return 2;
}

static ULONG collector_Release(IWire *This)
{
    return 1;
}

static HRESULT collector_create(IClassFactory *This, IUnknown *outer, REFIID iid, void **ret)
{
    return collector_QueryInterface(&collector, iid, ret);
}

static IWireVtbl collector_methods = {.QueryInterface = collector_QueryInterface,
                                      .AddRef = collector_AddRef,
                                      .Release = collector_Release,
                                      .Who = collect};
static IClassFactoryVtbl collecting_methods;
static IClassFactory collecting = {&collecting_methods};

/* Until all guests have come. */
static void receive(void)
{
    DWORD cookie;
    CLSID class = WIRE_CLSID(WIRE_SPARE);
    collecting_methods = *wire_factory.lpVtbl;
    collecting_methods.CreateInstance = collector_create;
    if (FAILED(CoRegisterClassObject(&class, (IUnknown *)&collecting, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                     &cookie)))
        abort();
    pthread_mutex_lock(&guests.lock);
    while (guests.count < GUESTS)
        pthread_cond_wait(&guests.arrived, &guests.lock);
    pthread_mutex_unlock(&guests.lock);
    if (FAILED(CoRevokeClassObject(cookie))) abort();
}

static void with_received(FILE *out, void *argument)
{
    receive();
    const Actor actors[] = {{guests.tokens[0], "alice", NULL},
                            {guests.tokens[1], "bob", NULL},
                            {guests.tokens[2], NULL, "0x8009030E"},
                            {guests.tokens[3], NULL, "0x8009030E"},
                            {NULL, "host-a", NULL}};
    hammer(out, actors, 5);
    for (unsigned i = 0; i < GUESTS; i++)
        CloseHandle(guests.tokens[i]);
}

/* The class is there as soon as the collecting process is. */
static void pay_a_visit(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    HRESULT hr = REGDB_E_CLASSNOTREG;
    for (unsigned tries = 0; hr == REGDB_E_CLASSNOTREG && tries < 500; tries++) {
        hr = wire_open("a", WIRE_SPARE, 0, &proxy);
        if (hr == REGDB_E_CLASSNOTREG) usleep(20000);
    }
    if (FAILED(hr)) return wire_say_result(out, hr);
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void send_guest(unsigned number, WireProcess *ret_guest)
{
    static const char *const ccaches[] = {"users/alice.ccache", "users/bob.ccache"};
    WireSide side = {.ccache = ccaches[number % 2], .level = number < 2 ? DELEGATE : IMPERSONATE};
    wire_in_background(ret_guest, &side, pay_a_visit, NULL);
}

static void DECISION_8_received_tokens_do_not_mix(void **state)
{
    WireProcess sent[GUESTS];
    for (unsigned i = 0; i < GUESTS; i++)
        send_guest(i, &sent[i]);
    char *text = wire_in_process(&middle, with_received, NULL);
    for (unsigned i = 0; i < GUESTS; i++) {
        char *guest = wire_join(&sent[i]);
        assert_string_equal(guest, "collected");
        free(guest);
    }
    assert_string_equal(text, "0 wrong");
    free(text);
}

/* Under process-wide static cloaking one of several first calls is the first */

#define FRESH_PROXIES 40

typedef struct Racer {
    pthread_t thread;
    IWire *proxy;
    HANDLE token;
    char *seen;
} Racer;

static void *race(void *argument)
{
    Racer *racer = argument;
    if (!SetThreadToken(NULL, racer->token)) abort();
    racer->seen = wire_who(racer->proxy);
    (void)RevertToSelf(); /* of a thread that ends */
    return NULL;
}

static void first_calls(FILE *out, void *argument)
{
    Racer racers[3] = {{.token = logon("bob")}, {.token = logon("carol")}, {.token = logon("dave")}};
    unsigned wrong = 0;
    for (unsigned i = 0; i < FRESH_PROXIES; i++) {
        IWire *proxy = NULL;
        if (FAILED(wire_open("b", WIRE_NONE, 0, &proxy))) abort();
        for (unsigned k = 0; k < 3; k++) {
            racers[k].proxy = proxy;
            if (pthread_create(&racers[k].thread, NULL, race, &racers[k]) != 0) abort();
        }
        for (unsigned k = 0; k < 3; k++)
            pthread_join(racers[k].thread, NULL);
        char *later = wire_who(proxy);
        for (unsigned k = 0; k < 3; k++) {
            wrong += strcmp(racers[k].seen, later) != 0 || strstr(later, "/impersonate/privacy") == NULL;
            free(racers[k].seen);
        }
        free(later);
        IWire_Release(proxy);
    }
    for (unsigned k = 0; k < 3; k++)
        CloseHandle(racers[k].token);
    fprintf(out, "%u wrong ", wrong);
}

static void CLK_2_there_is_one_first_call(void **state)
{
    static const WireSide by_static = {.level = IMPERSONATE, .cloaking = STATIC};
    wire_expect(&by_static, first_calls, NULL, "0 wrong");
}

/* More identities than one connection may hold */

#define TOKENS 2500 /* contexts_per_connection is 2048 */

static void many_tokens(FILE *out, void *argument)
{
    HANDLE bob = logon("bob"), one = NULL;
    IWire *proxy = NULL;
    unsigned wrong = 0;
    if (FAILED(wire_open("b", WIRE_NONE, 0, &proxy)) || FAILED(wire_blanket(proxy, IMPERSONATE, DYNAMIC)))
        abort();
    for (unsigned i = 0; i < TOKENS; i++) {
        /* Each copy is a token of its own: CLK-13. */
        if (!DuplicateTokenEx(bob, 0, NULL, SecurityImpersonation, TokenImpersonation, &one)) abort();
        if (!SetThreadToken(NULL, one) || !CloseHandle(one)) abort();
        char *seen = wire_who(proxy);
        if (strcmp(seen, "bob/impersonate/privacy") != 0 && wrong++ == 0) wire_say(out, strdup(seen));
        free(seen);
    }
    wire_become(NULL);
    wire_say(out, wire_who(proxy));
    CloseHandle(bob);
    IWire_Release(proxy);
    fprintf(out, "%u wrong ", wrong);
}

static void RPC_8_identities_come_and_go(void **state)
{
    wire_expect(&client, many_tokens, NULL, "alice/impersonate/privacy 0 wrong");
}

/* SetBlanket beside calls */

/* An object of this process that holds whoever calls it until it is let go: the server's call goes on only
 * then. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool reached, open;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static HRESULT hold_caller(IWire *This, LPWSTR *seen)
{
    pthread_mutex_lock(&gate.lock);
    gate.reached = true;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    *seen = wire_wide("held");
    return S_OK;
}

static void gate_wait(void)
{
    pthread_mutex_lock(&gate.lock);
    while (!gate.reached)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static IWireVtbl holding_methods = {
    .AddRef = collector_AddRef, .Release = collector_Release, .Who = hold_caller};
static IWire holding = {&holding_methods};

static HRESULT holding_QueryInterface(IWire *This, REFIID iid, void **ret)
{
    bool known = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IWire);
    *ret = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}

typedef struct Long {
    IWire *proxy;
    char *report;
} Long;

static void *call_long(void *argument)
{
    Long *call = argument;
    call->report = wire_run(call->proxy, "peer who", &holding);
    return NULL;
}

static void in_progress(FILE *out, void *argument)
{
    Long call = {0};
    pthread_t thread;
    holding_methods.QueryInterface = holding_QueryInterface;
    if (FAILED(wire_open("b", WIRE_NONE, 0, &call.proxy))) abort();
    wire_become("bob");
    wire_say_result(out, wire_blanket(call.proxy, IMPERSONATE, STATIC));
    if (pthread_create(&thread, NULL, call_long, &call) != 0) abort();
    gate_wait(); /* the call is with the server, which has called back */
    wire_become("carol");
    wire_say_result(out, wire_blanket(call.proxy, IDENTIFY, STATIC));
    wire_say(out, wire_who(call.proxy));
    wire_become(NULL);
    gate_open();
    pthread_join(thread, NULL);
    wire_say(out, call.report);
    CoDisconnectObject((IUnknown *)&holding, 0);
    IWire_Release(call.proxy);
}

static void PB_8_a_call_in_progress_keeps_its_identity(void **state)
{
    wire_expect(&client, in_progress, NULL, "ok ok carol/identify/privacy held bob/impersonate/privacy");
}

typedef struct Setter {
    pthread_t thread;
    IWire *proxy;
    HANDLE token;
    DWORD level;
    atomic_bool *stop;
} Setter;

static void *set_again_and_again(void *argument)
{
    Setter *setter = argument;
    if (!SetThreadToken(NULL, setter->token)) abort();
    while (!atomic_load(setter->stop))
        if (FAILED(wire_blanket(setter->proxy, setter->level, STATIC))) abort();
    (void)RevertToSelf(); /* of a thread that ends */
    return NULL;
}

/* Until both blankets were seen often enough. */
static void watch(FILE *out, IWire *proxy)
{
    unsigned bobs = 0, carols = 0;
    for (unsigned i = 0; i < 5000 && (bobs < 100 || carols < 100); i++) {
        char *seen = wire_who(proxy);
        bool bob = strcmp(seen, "bob/identify/privacy") == 0,
             carol = strcmp(seen, "carol/delegate/privacy") == 0;
        bobs += bob;
        carols += carol;
        if (bob || carol)
            free(seen);
        else
            wire_say(out, seen);
    }
    fprintf(out, "%s ", bobs >= 100 && carols >= 100 ? "both" : "one");
}

static void set_together(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    atomic_bool stop = false;
    if (FAILED(wire_open("b", WIRE_NONE, 0, &proxy))) abort();
    Setter setters[2] = {{.proxy = proxy, .token = logon("bob"), .level = IDENTIFY, .stop = &stop},
                         {.proxy = proxy, .token = logon("carol"), .level = DELEGATE, .stop = &stop}};
    if (!SetThreadToken(NULL, setters[0].token) || FAILED(wire_blanket(proxy, IDENTIFY, STATIC))) abort();
    wire_become(NULL);
    for (unsigned i = 0; i < 2; i++)
        if (pthread_create(&setters[i].thread, NULL, set_again_and_again, &setters[i]) != 0) abort();
    watch(out, proxy);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(setters[i].thread, NULL);
        CloseHandle(setters[i].token);
    }
    IWire_Release(proxy);
}

static void PB_8_one_SetBlanket_wins_as_a_whole(void **state)
{
    wire_expect(&client, set_together, NULL, "both");
}

static int setup(void **state)
{
    wire_users((const char *const[]){"carol", "dave"}, 2);
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    wire_server_start(&on_b, "b", WIRE_NONE, "none", "mta");
    return 0;
}

static int teardown(void **state)
{
    return wire_server_stop(&on_b) == WIRE_ALL_RELEASED ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(DECISION_8_logons_do_not_mix),
        cmocka_unit_test(DECISION_8_received_tokens_do_not_mix),
        cmocka_unit_test(CLK_2_there_is_one_first_call),
        cmocka_unit_test(RPC_8_identities_come_and_go),
        cmocka_unit_test(PB_8_a_call_in_progress_keeps_its_identity),
        cmocka_unit_test(PB_8_one_SetBlanket_wins_as_a_whole),
    };
    return cmocka_run_group_tests_name("com-threads", tests, setup, teardown);
}
