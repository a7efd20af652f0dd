/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains: the client calls a, which calls b on its behalf, which calls c. What the history of a proxy does
 * (facts CLK-7), and what becomes of a delegated identity whose ticket ends or whose KDC is gone.
 */
#include "tests/realm/com-fixture.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <winerror.h>

#define IMPERSONATE RPC_C_IMP_LEVEL_IMPERSONATE
#define DELEGATE    RPC_C_IMP_LEVEL_DELEGATE
#define A_AS_ITSELF "host-a/delegate/privacy"
#define ALICE       "alice/delegate/privacy"
/* By the process's settings: the servers' level is CONNECT, and what is negotiated at least integrity. */
#define A_SIGNED      "host-a/delegate/integrity"
#define ALICE_SIGNED  "alice/delegate/integrity"
#define NO_CREDENTIAL "0x8009030E"
#define NO_KDC        "0x80090311"
#define SHORT_SECONDS 8 /* life of the short tickets */

static const WireSide delegating = {.level = DELEGATE}, impersonating = {.level = IMPERSONATE},
                      with_short_ticket = {.level = DELEGATE, .ccache = "users/short.ccache"},
                      without_ticket = {.level = DELEGATE, .ccache = "users/nobody.ccache"};

/* On each host a server of each process-wide cloaking, which calls at DELEGATE. */
static WireServer servers[3][3];
static const char *const hosts[] = {"a", "b", "c"}, *const cloakings[] = {"none", "static", "dynamic"};

/* Runs pairs of an index and steps in one object of a each; the object is that of the first index. */
typedef struct Walk {
    unsigned index;
    const char *steps[4]; /* calls of their own */
} Walk;

static void walk(FILE *out, void *argument)
{
    const Walk *plan = argument;
    IWire *proxy = NULL;
    HRESULT hr = wire_open("a", plan->index, 0, &proxy);
    if (FAILED(hr)) return wire_say_result(out, hr);
    for (unsigned i = 0; i < 4 && plan->steps[i]; i++)
        wire_say(out, wire_run(proxy, plan->steps[i], NULL));
    IWire_Hold(proxy, NULL);
    IWire_Release(proxy);
}

static void check(const WireSide *side, Walk plan, const char *expected)
{
    wire_expect(side, walk, &plan, expected);
}

/* History */

static void CLK_7_CLK_9_none_shows_each_neighbour(void **state)
{
    check(&delegating, (Walk){WIRE_NONE, {"who impersonate open:b:0 go[who impersonate open:c:0 call]"}},
          ALICE " ok ok [" A_SIGNED " ok ok host-b/delegate/integrity]");
}

/* a's first call on its proxy was made as itself, before the client came. */
static void CLK_7_static_by_process_keeps_the_first(void **state)
{
    check(&delegating,
          (Walk){WIRE_STATIC,
                 {"open:b:1 call keep", "impersonate held call go[who impersonate open:c:1 call]"}},
          "ok " A_SIGNED " ok ok ok " A_SIGNED " [" A_SIGNED " ok ok " A_SIGNED "]");
    /* And without that history. */
    check(&delegating,
          (Walk){WIRE_STATIC, {"open:b:1 keep", "impersonate held call go[who impersonate open:c:1 call]"}},
          "ok ok ok ok " ALICE_SIGNED " [" ALICE_SIGNED " ok ok " ALICE_SIGNED "]");
}

static void CLK_7_dynamic_by_process_follows_the_thread(void **state)
{
    check(
        &delegating,
        (Walk){WIRE_DYNAMIC,
               {"open:b:2 call keep", "impersonate held call go[who impersonate open:c:2 call] revert call"}},
        "ok " A_SIGNED " ok ok ok " ALICE_SIGNED " [" ALICE_SIGNED " ok ok " ALICE_SIGNED "] ok " A_SIGNED);
}

#define ON_TO_C(cloaking) "go[who impersonate cloaked:c:0 blanket:" cloaking ":impersonate call]"

static void CLK_7_static_by_blanket_keeps_the_last_SetBlanket(void **state)
{
    check(&delegating,
          (Walk){WIRE_NONE,
                 {"open:b:0 blanket:static:delegate call keep", "impersonate held call " ON_TO_C("static")}},
          "ok ok " A_AS_ITSELF " ok ok ok " A_AS_ITSELF " [" A_AS_ITSELF
          " ok ok ok host-a/impersonate/privacy]");
    check(&delegating,
          (Walk){WIRE_NONE,
                 {"open:b:0 blanket:static:delegate call keep",
                  "impersonate held blanket:static:delegate call " ON_TO_C("static"), "held call"}},
          "ok ok " A_AS_ITSELF " ok ok ok ok " ALICE " [" ALICE
          " ok ok ok alice/impersonate/privacy] ok " ALICE);
}

static void CLK_7_dynamic_by_blanket_follows_the_thread(void **state)
{
    check(&delegating,
          (Walk){WIRE_NONE,
                 {"open:b:0 blanket:dynamic:delegate call keep", "impersonate held call " ON_TO_C("dynamic"),
                  "held call"}},
          "ok ok " A_AS_ITSELF " ok ok ok " ALICE " [" ALICE
          " ok ok ok alice/impersonate/privacy] ok " A_AS_ITSELF);
}

/* A second client's calls on the proxy that was captured for the first. */
static void captured_for_alice(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    if (FAILED(wire_open("a", WIRE_NONE, 0, &proxy))) abort();
    if (FAILED(wire_blanket(proxy, DELEGATE, EOAC_DYNAMIC_CLOAKING))) abort();
    wire_say(out, wire_run(proxy, "impersonate cloaked:b:0 blanket:static:delegate call keep", NULL));
    wire_become("bob");
    wire_say(out, wire_run(proxy, "impersonate held call blanket:static:delegate call", NULL));
    wire_become(NULL);
    wire_say(out, wire_run(proxy, "impersonate held call", NULL));
    IWire_Hold(proxy, NULL);
    IWire_Release(proxy);
}

static void CLK_3_what_was_captured_for_one_client_stays_his(void **state)
{
    wire_expect(&delegating, captured_for_alice, NULL,
                "ok ok ok " ALICE " ok ok ok " ALICE " ok bob/delegate/privacy ok ok bob/delegate/privacy");
}

/* Levels */

static void LVL_3_IMPERSONATE_crosses_one_boundary(void **state)
{
    check(&impersonating, (Walk){WIRE_NONE, {"impersonate cloaked:b:0 why:DELEGATE"}},
          "ok " NO_CREDENTIAL " ok");
    check(&delegating, (Walk){WIRE_NONE, {"impersonate cloaked:b:0 why:DELEGATE"}}, "ok ok -");
}

/* Made as the process, the proxy exists; the calls that would show the client do not happen. */
static void LVL_3_calls_are_refused_and_the_proxy_goes_on(void **state)
{
    static const char steps[] =
        "open:b:0 blanket:dynamic:impersonate call impersonate call blanket:static:impersonate call revert "
        "call blanket:none:impersonate call";
    check(&impersonating, (Walk){WIRE_NONE, {steps}},
          "ok ok host-a/impersonate/privacy ok " NO_CREDENTIAL " ok " NO_CREDENTIAL " ok " NO_CREDENTIAL
          " ok host-a/impersonate/privacy");
    check(&delegating, (Walk){WIRE_NONE, {steps}},
          "ok ok host-a/impersonate/privacy ok alice/impersonate/privacy ok alice/impersonate/privacy ok "
          "alice/impersonate/privacy ok host-a/impersonate/privacy");
}

/* The level of the hop is the middle's choice: at IMPERSONATE the chain ends behind the next host. */
static void LVL_3_a_delegated_identity_may_be_shown_at_IMPERSONATE(void **state)
{
    check(&delegating,
          (Walk){WIRE_NONE,
                 {"impersonate cloaked:b:0 blanket:dynamic:impersonate go[who impersonate cloaked:c:0]"}},
          "ok ok ok [alice/impersonate/privacy ok " NO_CREDENTIAL "]");
    check(&delegating,
          (Walk){WIRE_NONE,
                 {"impersonate cloaked:b:0 blanket:dynamic:delegate go[who impersonate cloaked:c:0]"}},
          "ok ok ok [alice/delegate/privacy ok ok]");
}

/* Who it is, and nothing to be done as them: neither calls nor activations; the server's own go on. */
static void LVL_2_IDENTIFY_says_who_and_no_more(void **state)
{
    static const WireSide identifying = {.level = RPC_C_IMP_LEVEL_IDENTIFY};
    static const char steps[] = "who impersonate level open:b:0 call blanket:dynamic:delegate call "
                                "blanket:static:identify call cloaked:b:0 revert cloaked:b:0 call";
    check(&identifying, (Walk){WIRE_NONE, {steps}},
          "alice/identify/privacy ok identify ok " A_SIGNED
          " ok 0x80070542 ok 0x80070542 0x80070542 ok ok " A_SIGNED);
    check(&identifying, (Walk){WIRE_DYNAMIC, {"who impersonate open:b:0 revert open:b:0 call"}},
          "alice/identify/privacy ok 0x80070542 ok ok " A_SIGNED);
}

/* The client's level, the middle's cloaking and the middle's level are three settings: [who the middle sees,
 * who the next]. */
static void CLK_10_three_settings_are_independent(void **state)
{
    static const struct {
        const WireSide *client;
        const char *steps, *seen;
    } rows[] = {
        {&impersonating, "who impersonate open:b:0 blanket:none:identify call",
         "alice/impersonate/privacy ok ok ok host-a/identify/privacy"},
        {&impersonating, "who impersonate open:b:0 blanket:none:delegate call",
         "alice/impersonate/privacy ok ok ok " A_AS_ITSELF},
        {&impersonating, "who impersonate open:b:0 blanket:dynamic:identify call",
         "alice/impersonate/privacy ok ok ok " NO_CREDENTIAL},
        {&delegating, "who impersonate open:b:0 blanket:none:identify call",
         ALICE " ok ok ok host-a/identify/privacy"},
        {&delegating, "who impersonate open:b:0 blanket:static:identify call",
         ALICE " ok ok ok alice/identify/privacy"},
        {&delegating, "who impersonate open:b:0 blanket:dynamic:impersonate call",
         ALICE " ok ok ok alice/impersonate/privacy"},
        {&delegating, "who impersonate open:b:0 blanket:dynamic:delegate call", ALICE " ok ok ok " ALICE},
        {&delegating, "who open:b:0 blanket:dynamic:delegate call", ALICE " ok ok " A_AS_ITSELF},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check(rows[i].client, (Walk){WIRE_NONE, {rows[i].steps}}, rows[i].seen);
}

/* Nor is there a silent minimum (ERR-22). */
static void ERR_22_DELEGATE_is_not_made_of_IMPERSONATE(void **state)
{
    check(&impersonating,
          (Walk){WIRE_NONE,
                 {"open:b:0 impersonate blanket:dynamic:delegate call blanket:dynamic:identify call"}},
          "ok ok ok " NO_CREDENTIAL " ok " NO_CREDENTIAL);
}

/* The client acts as somebody who logged on in its process. */
static void as_logon(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    wire_become("bob");
    wire_say_result(out, wire_open("a", WIRE_NONE, CLSCTX_ENABLE_CLOAKING, &proxy));
    if (!proxy) return;
    wire_say(out, wire_who(proxy));
    wire_say_result(out, wire_blanket(proxy, DELEGATE, EOAC_DYNAMIC_CLOAKING));
    wire_say(out, wire_run(proxy, "who impersonate cloaked:b:0 blanket:dynamic:delegate " ON_TO_C("dynamic"),
                           NULL));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, EOAC_DYNAMIC_CLOAKING));
    wire_say(out, wire_run(proxy, "who impersonate cloaked:b:0", NULL));
    wire_become(NULL);
    IWire_Release(proxy);
}

#define LOGON_CHAIN                                                                                          \
    " ok bob/delegate/privacy ok ok ok [bob/delegate/privacy ok ok ok bob/impersonate/privacy] ok "          \
    "bob/impersonate/privacy ok " NO_CREDENTIAL

static void LVL_4_LVL_5_a_logon_s_token_goes_as_far_as_its_level(void **state)
{
    wire_expect(&delegating, as_logon, NULL, "ok " ALICE LOGON_CHAIN);
    /* Of a process that has no identity of its own only the uncloaked call fails. */
    wire_expect(&without_ticket, as_logon, NULL, "ok " NO_CREDENTIAL LOGON_CHAIN);
}

/* The end of tickets */

static void short_ticket(void)
{
    char *command, *folder = getenv("MANTLE_LAB");
    assert_true(asprintf(&command,
                         "kinit -f -l %ds -k -t %s/users/alice.keytab -c FILE:%s/users/short.ccache alice",
                         SHORT_SECONDS, folder, folder) > 0);
    assert_int_equal(system(command), 0);
    free(command);
}

static void LVL_10_DEL_12_a_delegated_ticket_ends(void **state)
{
    /* What a server kept of a client is worth nothing once the client's ticket has ended; the answer to a
     * call that took longer could not even be sealed. */
    static const char later[] =
        "act held call why:expired cloaked:b:0 cloaked:c:0 self held call open:c:0 call";
    short_ticket();
    time_t start = time(NULL);
    check(&with_short_ticket,
          (Walk){WIRE_NONE,
                 {"impersonate cloaked:b:0 blanket:dynamic:impersonate call take",
                  "act cloaked:b:0 blanket:dynamic:impersonate call"}},
          "ok ok ok alice/impersonate/privacy ok ok ok ok alice/impersonate/privacy");
    while (time(NULL) <= start + SHORT_SECONDS)
        usleep(100000);
    check(&delegating, (Walk){WIRE_NONE, {"open:b:0 blanket:dynamic:impersonate keep", later}},
          "ok ok ok ok ok " NO_CREDENTIAL " ok " NO_CREDENTIAL " " NO_CREDENTIAL
          " ok ok host-a/impersonate/privacy ok host-a/delegate/integrity");
}

/* The KDC goes while a chain stands: what has its tickets goes on, what needs new ones says so in time. */
static void without_kdc(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    pid_t kdc = wire_lab_process("kdc.pid");
    if (FAILED(wire_open("a", WIRE_NONE, 0, &proxy))) abort();
    wire_say(out, wire_run(proxy, "impersonate cloaked:b:0 blanket:dynamic:impersonate call keep", NULL));
    kill(kdc, *(int *)argument);
    time_t start = time(NULL);
    wire_say(out, wire_run(proxy, "impersonate cloaked:c:0 why:KDC held call", NULL));
    fprintf(out, "%s ", time(NULL) - start <= 8 ? "in-time" : "late");
    kill(kdc, SIGCONT);
    wire_say(out, wire_run(proxy, "impersonate cloaked:c:0", NULL));
    IWire_Hold(proxy, NULL);
    IWire_Release(proxy);
}

static void ERR_a_silent_kdc_is_named(void **state)
{
    int signal = SIGSTOP;
    wire_expect(&delegating, without_kdc, &signal,
                "ok ok ok alice/impersonate/privacy ok ok " NO_KDC
                " ok ok alice/impersonate/privacy in-time ok ok");
}

static void ERR_a_kdc_that_is_gone_is_named(void **state)
{
    int signal = SIGKILL;
    wire_expect(&delegating, without_kdc, &signal,
                "ok ok ok alice/impersonate/privacy ok ok " NO_KDC
                " ok ok alice/impersonate/privacy in-time ok " NO_KDC);
}

static int setup(void **state)
{
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    for (unsigned host = 0; host < 3; host++)
        for (unsigned index = 0; index < 3; index++)
            wire_server_start_at(&servers[host][index], hosts[host], index, cloakings[index], "mta",
                                 "delegate");
    return 0;
}

static int teardown(void **state)
{
    int left = WIRE_ALL_RELEASED;
    for (unsigned host = 0; host < 3; host++)
        for (unsigned index = 0; index < 3; index++) {
            int status = wire_server_stop(&servers[host][index]);
            if (status != WIRE_ALL_RELEASED) left = status;
        }
    /* Those without a ticket, or without a KDC to get one, could not release. */
    return left == WIRE_ALL_RELEASED || left == WIRE_OBJECTS_LEFT ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CLK_7_CLK_9_none_shows_each_neighbour),
        cmocka_unit_test(CLK_7_static_by_process_keeps_the_first),
        cmocka_unit_test(CLK_7_dynamic_by_process_follows_the_thread),
        cmocka_unit_test(CLK_7_static_by_blanket_keeps_the_last_SetBlanket),
        cmocka_unit_test(CLK_7_dynamic_by_blanket_follows_the_thread),
        cmocka_unit_test(CLK_3_what_was_captured_for_one_client_stays_his),
        cmocka_unit_test(LVL_3_IMPERSONATE_crosses_one_boundary),
        cmocka_unit_test(LVL_3_calls_are_refused_and_the_proxy_goes_on),
        cmocka_unit_test(LVL_3_a_delegated_identity_may_be_shown_at_IMPERSONATE),
        cmocka_unit_test(LVL_2_IDENTIFY_says_who_and_no_more),
        cmocka_unit_test(CLK_10_three_settings_are_independent),
        cmocka_unit_test(ERR_22_DELEGATE_is_not_made_of_IMPERSONATE),
        cmocka_unit_test(LVL_4_LVL_5_a_logon_s_token_goes_as_far_as_its_level),
        cmocka_unit_test(LVL_10_DEL_12_a_delegated_ticket_ends),
        cmocka_unit_test(ERR_a_silent_kdc_is_named),
        cmocka_unit_test(ERR_a_kdc_that_is_gone_is_named), /* the last: nobody starts it again */
    };
    return cmocka_run_group_tests_name("com-chain", tests, setup, teardown);
}
