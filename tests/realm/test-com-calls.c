/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server may do while it answers: impersonate, revert, call back and be called back. The client of
 * most cases is alice on host a, where she can be called back herself; her object executes steps as b's does,
 * and a dynamic proxy to c shows who a thread acts as at any moment.
 */
#include "tests/realm/com-fixture.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>

#define DELEGATE RPC_C_IMP_LEVEL_DELEGATE
#define HOST_B   "host-b/impersonate/privacy"
#define ALICE    "alice/impersonate/privacy"
#define BOB      "bob/impersonate/privacy"
/* A dynamic proxy to c, made as the process. */
#define TO_C "open:c:0 blanket:dynamic:impersonate "
#define MADE "ok ok "

static const WireSide alice = {.host = "a", .ccache = "users/alice.ccache", .level = DELEGATE};
static WireServer on_b, on_c, single_on_b;

/* Runs steps in an object of b, which has an object of this process as its peer. */
static void run_on(FILE *out, unsigned index, const char *steps)
{
    IWire *proxy = NULL, *own = wire_object_new();
    HRESULT hr = wire_open("b", index, 0, &proxy);
    if (FAILED(hr)) return wire_say_result(out, hr);
    wire_say(out, wire_run(proxy, steps, own));
    IWire_Release(proxy);
    IWire_Release(own);
}

static void run(FILE *out, void *steps)
{
    run_on(out, WIRE_NONE, steps);
}

static void run_single(FILE *out, void *steps)
{
    run_on(out, WIRE_SINGLE, steps);
}

/* The same in an object of a multithreaded and of a single-threaded apartment. */
static void check(const char *steps, const char *expected)
{
    wire_expect(&alice, run, (void *)steps, expected);
    wire_expect(&alice, run_single, (void *)steps, expected);
}

/* IServerSecurity */

static void SRV_4_revert_restores_what_was_before_the_first(void **state)
{
    check(TO_C "call impersonate call revert call", MADE HOST_B " ok " ALICE " ok " HOST_B);
    /* The program's own token comes back, not the process. */
    check(TO_C "set:bob call impersonate call impersonate call revert call revert call self call",
          MADE "ok " BOB " ok " ALICE " ok " ALICE " ok " BOB " ok " BOB " ok " HOST_B);
}

static void SRV_4_one_revert_is_enough(void **state)
{
    check("impersonating impersonate impersonate impersonating level revert impersonating level",
          "no ok ok yes delegate ok no -");
}

/* The name that the client's ticket was for, not one that the server thinks it has. */
static void SRV_9_the_principal_is_the_one_the_client_asked_for(void **state)
{
    check("server open:c:0 blanket:none:impersonate go[server]",
          "host/b.lab.test@LAB.TEST ok ok [host/c.lab.test@LAB.TEST]");
}

/* What one method left behind is not there in the next, which the same thread may serve. */
static void left_behind(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    if (FAILED(wire_open("b", *(unsigned *)argument, 0, &proxy))) abort();
    for (unsigned i = 0; i < 8; i++) {
        wire_say(out, wire_run(proxy, "level impersonating", NULL));
        wire_say(out, wire_run(proxy, i % 2 ? "impersonate level" : "set:bob level", NULL));
    }
    IWire_Release(proxy);
}

static void SRV_6_the_end_of_the_method_reverts(void **state)
{
    static const char expected[] =
        "- no ok impersonate - no ok delegate - no ok impersonate - no ok delegate "
        "- no ok impersonate - no ok delegate - no ok impersonate - no ok delegate";
    unsigned indexes[] = {WIRE_NONE, WIRE_SINGLE};
    wire_expect(&alice, left_behind, &indexes[0], expected);
    wire_expect(&alice, left_behind, &indexes[1], expected);
}

static void SRV_3_nobody_is_impersonated_outside_a_call(void **state)
{
    assert_int_equal(CoImpersonateClient(), RPC_E_CALL_COMPLETE);
    assert_int_equal(CoRevertToSelf(), RPC_E_CALL_COMPLETE);
}

/* An object whose method lets another thread use its call's IServerSecurity, and keeps it. */

static IServerSecurity *kept;

static void *use_elsewhere(void *argument)
{
    char *text = NULL, *level;
    HRESULT hr = IServerSecurity_ImpersonateClient(kept);
    level = wire_steps("level", NULL, NULL);
    BOOL there = IServerSecurity_IsImpersonating(kept);
    IServerSecurity_RevertToSelf(kept);
    if (asprintf(&text, "0x%08X-%s-%d", (unsigned)hr, level, there) < 0) text = NULL;
    free(level);
    return text;
}

static HRESULT helped_Who(IWire *This, LPWSTR *seen)
{
    pthread_t thread;
    void *there = NULL;
    char text[128];
    /* What the call before left: its end ended it for every thread. */
    HRESULT before = kept ? IServerSecurity_ImpersonateClient(kept) : S_OK;
    if (kept) IServerSecurity_Release(kept);
    if (FAILED(CoGetCallContext(&IID_IServerSecurity, (void **)&kept))) abort();
    if (pthread_create(&thread, NULL, use_elsewhere, NULL) != 0) abort();
    pthread_join(thread, &there);
    snprintf(text, sizeof(text), "%s-here-%d-before-0x%08X", (char *)there,
             IServerSecurity_IsImpersonating(kept), (unsigned)before);
    free(there);
    *seen = wire_wide(text);
    return S_OK;
}

static void call_helped(FILE *out, void *argument)
{
    IWire *proxy = NULL, *own = wire_object_new();
    IWireVtbl methods = *own->lpVtbl;
    methods.Who = helped_Who;
    own->lpVtbl = &methods;
    if (FAILED(wire_open("b", WIRE_NONE, 0, &proxy))) abort();
    wire_say(out, wire_run(proxy, "peer peer", own));
    IWire_Release(proxy);
    IWire_Release(own);
    IServerSecurity_Release(kept);
}

static void SRV_2_the_context_serves_every_thread_until_the_call_ends(void **state)
{
    wire_expect(&alice, call_helped, NULL,
                "0x00000000-impersonate-1-here-0-before-0x00000000 "
                "0x00000000-impersonate-1-here-0-before-0x80010117");
}

/* Nesting: b calls alice back while she waits, and she calls b back while it waits. */

static void SRV_7_a_nested_call_is_a_call_of_its_own(void **state)
{
    /* Alice sees b; b's thread is what it was when the callback has returned. */
    check(TO_C "impersonate call peer call revert peer call",
          MADE "ok " ALICE " " HOST_B " " ALICE " ok " HOST_B " " HOST_B);
    /* b is called back within its own call, as somebody else's thread would be: it has to impersonate again.
     */
    check("impersonate back[who back[who level impersonating impersonate level]] level impersonating",
          "ok [" HOST_B " [alice/delegate/privacy - no ok delegate]] delegate yes");
}

static void SRV_7_the_inner_call_s_revert_is_its_own(void **state)
{
    check(TO_C "impersonate back[back[impersonate revert level]] call level",
          MADE "ok [[ok ok -]] " ALICE " delegate");
    check(TO_C "impersonate back[back[impersonate]] call back[back[set:bob]] call revert call",
          MADE "ok [[ok]] " ALICE " [[ok]] " ALICE " ok " HOST_B);
    check(TO_C "back[back[impersonate]] call level", MADE "[[ok]] " HOST_B " -");
    check(TO_C "set:bob back[back[impersonate revert]] call self call",
          MADE "ok [[ok ok]] " BOB " ok " HOST_B);
}

static void SRV_7_deep(void **state)
{
    check("impersonate back[impersonate back[impersonate back[impersonate back[impersonate level] level] "
          "level] level] level",
          "ok [ok [ok [ok [ok delegate] impersonate] delegate] impersonate] delegate");
}

/* b's callbacks show b, except where it cloaks them: then alice is called as herself. */
static void callback_blanket(FILE *out, void *argument)
{
    IWire *proxy = NULL, *own = wire_object_new();
    if (FAILED(wire_open("b", WIRE_DYNAMIC, 0, &proxy))) abort();
    wire_say(out, wire_run(proxy, "peer impersonate peer revert peer", own));
    IWire_Release(proxy);
    IWire_Release(own);
}

static void CLK_4_a_callback_is_cloaked_by_the_process_s_settings(void **state)
{
    WireServer dynamic;
    wire_server_start(&dynamic, "b", WIRE_DYNAMIC, "dynamic", "mta");
    wire_expect(&alice, callback_blanket, NULL, HOST_B " ok " ALICE " ok " HOST_B);
    assert_int_equal(wire_server_stop(&dynamic), WIRE_ALL_RELEASED);
}

/* Limits */

#define CALLS_PER_CALLER 64 /* of mantle.conf */
#define CROWD_MAX        (CALLS_PER_CALLER + 16)
#define BUSY             "0x800706BB"
/* So many connections at once may be above connections_per_address as well: those end before a byte. */
#define TURNED_AWAY "0x800706BF"

typedef struct Crowd {
    const char *steps, *expected;
    unsigned count;
} Crowd;

typedef struct Member {
    pthread_t thread;
    IWire *proxy, *own;
    const char *steps;
    char *report;
} Member;

static void *take_part(void *argument)
{
    Member *member = argument;
    member->report = wire_run(member->proxy, member->steps, member->own);
    return NULL;
}

/* How many got what they expected, and how many were told that the server is too busy, or were not let in. */
static void crowd_in(FILE *out, void *argument)
{
    const Crowd *crowd = argument;
    Member members[CROWD_MAX] = {0};
    IWire *proxy = NULL, *own = wire_object_new();
    unsigned good = 0, busy = 0;
    if (FAILED(wire_open("b", WIRE_NONE, 0, &proxy))) abort();
    for (unsigned i = 0; i < crowd->count; i++) {
        members[i] = (Member){.proxy = proxy, .own = own, .steps = crowd->steps};
        if (pthread_create(&members[i].thread, NULL, take_part, &members[i]) != 0) abort();
    }
    for (unsigned i = 0; i < crowd->count; i++) {
        pthread_join(members[i].thread, NULL);
        if (strcmp(members[i].report, crowd->expected) == 0)
            good++;
        else if (strcmp(members[i].report, BUSY) == 0 || strcmp(members[i].report, TURNED_AWAY) == 0)
            busy++;
        else
            wire_say(out, strdup(members[i].report));
        free(members[i].report);
    }
    fprintf(out, "%s ", good == crowd->count ? "all" : good + busy == crowd->count ? "busy" : "wrong");
    IWire_Release(proxy);
    IWire_Release(own);
}

/* Refusing the inner calls for the number of the outer ones, which are all there before, would end them all.
 */
static void DECISION_7_nested_calls_are_always_admitted(void **state)
{
    Crowd crowd = {"sleep:2000 back[back[sleep:500 who]] who",
                   "ok [[ok alice/delegate/privacy]] alice/delegate/privacy", CALLS_PER_CALLER * 5 / 8};
    wire_expect(&alice, crowd_in, &crowd, "all");
    Crowd more = {"sleep:1000 who", "ok alice/delegate/privacy", CROWD_MAX};
    wire_expect(&alice, crowd_in, &more, "busy");
}

/* A single-threaded apartment */

typedef struct Visit {
    IWire *proxy;
    pthread_t thread;
    ULONG together, place;
    char *seen;
} Visit;

static void *visit(void *argument)
{
    Visit *visit = argument;
    if (FAILED(IWire_Stay(visit->proxy, 150, &visit->together, &visit->place))) abort();
    visit->seen = wire_who(visit->proxy);
    return NULL;
}

static void visit_twice(FILE *out, void *index)
{
    Visit visits[2] = {0};
    IWire *proxy = NULL;
    if (FAILED(wire_open("b", *(unsigned *)index, 0, &proxy))) abort();
    for (unsigned i = 0; i < 2; i++) {
        visits[i].proxy = proxy;
        if (pthread_create(&visits[i].thread, NULL, visit, &visits[i]) != 0) abort();
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(visits[i].thread, NULL);
    ULONG most = visits[0].together > visits[1].together ? visits[0].together : visits[1].together;
    fprintf(out, "%u %s ", most, visits[0].place == visits[1].place ? "one-thread" : "two-threads");
    wire_say(out, visits[0].seen);
    wire_say(out, visits[1].seen);
    IWire_Release(proxy);
}

static void STA_calls_of_two_threads_run_one_after_the_other(void **state)
{
    unsigned indexes[] = {WIRE_NONE, WIRE_SINGLE};
    wire_expect(&alice, visit_twice, &indexes[0],
                "2 two-threads alice/delegate/privacy alice/delegate/privacy");
    wire_expect(&alice, visit_twice, &indexes[1],
                "1 one-thread alice/delegate/privacy alice/delegate/privacy");
}

/* Two client processes and one object: the one keeps the apartment in a callback, the other has to wait. Its
 * call belongs to another chain, so the apartment does not let it in; the callback's own does. */
typedef struct Meeting {
    const char *steps;
    unsigned index;
} Meeting;

static void meet(FILE *out, void *argument)
{
    const Meeting *meeting = argument;
    run_on(out, meeting->index, meeting->steps);
}

static void STA_two_clients_keep_their_identities(void **state)
{
    static const char *const users[] = {"users/alice.ccache", "users/bob.ccache"};
    static const char *const expected[] = {
        "ok alice/delegate/privacy [ok [alice/delegate/privacy]] alice/delegate/privacy delegate",
        "ok bob/delegate/privacy [ok [bob/delegate/privacy]] bob/delegate/privacy delegate"};
    for (unsigned index = WIRE_NONE; index <= WIRE_SINGLE; index += WIRE_SINGLE)
        for (unsigned round = 0; round < 2; round++) {
            WireProcess clients[2];
            Meeting meeting = {.steps = "impersonate who back[sleep:100 back[who]] who level",
                               .index = index};
            WireSide side = alice;
            for (unsigned i = 0; i < 2; i++) {
                side.ccache = users[i];
                wire_in_background(&clients[i], &side, meet, &meeting);
            }
            for (unsigned i = 0; i < 2; i++) {
                char *report = wire_join(&clients[i]);
                assert_string_equal(report, expected[i]);
                free(report);
            }
        }
}

static int setup(void **state)
{
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    wire_server_start(&on_b, "b", WIRE_NONE, "none", "mta");
    wire_server_start(&single_on_b, "b", WIRE_SINGLE, "none", "sta");
    wire_server_start(&on_c, "c", WIRE_NONE, "none", "mta");
    return 0;
}

static int teardown(void **state)
{
    int left = wire_server_stop(&on_b) | wire_server_stop(&single_on_b) | wire_server_stop(&on_c);
    return left == WIRE_ALL_RELEASED ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(SRV_4_revert_restores_what_was_before_the_first),
        cmocka_unit_test(SRV_4_one_revert_is_enough),
        cmocka_unit_test(SRV_9_the_principal_is_the_one_the_client_asked_for),
        cmocka_unit_test(SRV_6_the_end_of_the_method_reverts),
        cmocka_unit_test(SRV_2_the_context_serves_every_thread_until_the_call_ends),
        cmocka_unit_test(SRV_7_a_nested_call_is_a_call_of_its_own),
        cmocka_unit_test(SRV_7_the_inner_call_s_revert_is_its_own),
        cmocka_unit_test(SRV_7_deep),
        cmocka_unit_test(DECISION_7_nested_calls_are_always_admitted),
        cmocka_unit_test(CLK_4_a_callback_is_cloaked_by_the_process_s_settings),
        cmocka_unit_test(STA_calls_of_two_threads_run_one_after_the_other),
        cmocka_unit_test(STA_two_clients_keep_their_identities),
        cmocka_unit_test(
            SRV_3_nobody_is_impersonated_outside_a_call), /* the last: it uses COM in this process */
    };
    return cmocka_run_group_tests_name("com-calls", tests, setup, teardown);
}
