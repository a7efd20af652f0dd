/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References from hands that are not their exporter's: who hands one on cannot steer it to another object,
 * and who knows one cannot end what somebody else holds by private references. Both take a peer that does not
 * keep to the rules, so these programs reach into their own runtime.
 */
#include "tests/realm/com-fixture.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winerror.h>
#include "base/time.h"
#include "com/channel.h"
#include "com/marshal.h"
#include "com/proxy.h"
#include "orpc/call.h"
#include "orpc/plain.h"

#define ALICE    "alice/impersonate/privacy"
#define BOB      "bob/impersonate/privacy"
#define REFUSED  "0x8001011D" /* RPC_E_INVALID_OBJREF */
#define GONE     "0x80010108" /* RPC_E_DISCONNECTED */
#define DIGITS   4096
#define ALL_REFS 1000 /* more than there are */
#define PATIENCE 30   /* seconds until something must have happened */

static const WireSide plain = {.level = RPC_C_IMP_LEVEL_IMPERSONATE},
                      as_bob = {.level = RPC_C_IMP_LEVEL_IMPERSONATE, .identity = "bob"},
                      secure = {.level = RPC_C_IMP_LEVEL_IMPERSONATE, .cloaking = EOAC_SECURE_REFS},
                      on_host_a = {.host = "a", .level = RPC_C_IMP_LEVEL_IMPERSONATE};
static WireServer on_b, on_c;

static IWire *opened(const char *host)
{
    IWire *proxy = NULL;
    if (FAILED(wire_open(host, WIRE_NONE, 0, &proxy))) abort();
    return proxy;
}

/* Another object of the same server process. It holds itself, which tells the two apart. */
static IWire *opened_other(const char *host)
{
    IWire *proxy = opened(host);
    if (FAILED(IWire_Hold(proxy, proxy))) abort();
    return proxy;
}

static void release_other(IWire *proxy)
{
    if (FAILED(IWire_Hold(proxy, NULL))) abort();
    IWire_Release(proxy);
}

static ProxyInterface *interface_of(IWire *proxy)
{
    ProxyInterface *found = NULL;
    if (!proxy_of((IUnknown *)proxy, &found) || !found) abort();
    return found;
}

/* From here on this process believes that the one is the other; gives what it believed before. */
static Guid swap_ipid(IWire *proxy, const Guid *ipid)
{
    ProxyInterface *iface = interface_of(proxy);
    Guid before = iface->ipid;
    iface->ipid = *ipid;
    return before;
}

/* "none" for an object of opened(), "ok" for one of opened_other(). */
static void say_which(FILE *out, IWire *proxy)
{
    wire_say(out, wire_run(proxy, "held", NULL));
}

static void say_living(FILE *out, IWire *proxy, unsigned wanted)
{
    ULONG now = wanted + 1;
    for (unsigned tries = 0; now != wanted && tries < PATIENCE * 20; tries++) {
        if (tries) usleep(50000);
        if (FAILED(IWire_Living(proxy, &now))) abort();
    }
    fprintf(out, "%u ", (unsigned)now);
}

/* References in text: what one process tells another */

/* A line with a reference to `proxy`, with the IPID of another object when there is one, and with other
 * resolvers. */
static void tell_changed(FILE *out, IWire *proxy, const Guid *ipid, const Bindings *resolver)
{
    _cleanup_(writer_deinitp) Writer bytes, told;
    Objref objref;
    writer_init(&bytes, 0);
    writer_init(&told, 0);
    if (FAILED(marshal_interface(NULL, &IID_IWire, (IUnknown *)proxy, &bytes)) ||
        objref_parse(bytes.data, bytes.length, &objref) < 0)
        abort();
    if (ipid) objref.std.ipid = *ipid;
    if (resolver) objref.resolver = *resolver;
    objref_write(&told, &objref);
    if (writer_status(&told) < 0) abort();
    for (size_t i = 0; i < told.length; i++)
        fprintf(out, "%02x", told.data[i]);
    fputc('\n', out);
    fflush(out);
}

static void tell_reference(FILE *out, IWire *proxy, const Guid *ipid)
{
    tell_changed(out, proxy, ipid, NULL);
}

static HRESULT take_reference(const char *digits, IWire **ret_proxy)
{
    uint8_t bytes[DIGITS / 2];
    size_t length = 0;
    Objref objref;
    unsigned one;
    for (; length < sizeof(bytes) && sscanf(digits, "%2x", &one) == 1; digits += 2)
        bytes[length++] = (uint8_t)one;
    if (objref_parse(bytes, length, &objref) < 0) abort();
    *ret_proxy = NULL;
    return marshal_take(&objref, &IID_IWire, (void **)ret_proxy);
}

static void read_line(int fd, char *line)
{
    size_t length = 0;
    while (length < DIGITS - 1 && read(fd, &line[length], 1) == 1 && line[length] != '\n')
        length++;
    line[length] = '\0';
    if (length < 100) fail_msg("no reference: %s", line);
}

static int gate[2]; /* holds a process until its other end writes */

static void wait_at_gate(void)
{
    char go_on;
    if (read(gate[0], &go_on, 1) != 1) abort();
}

static void open_gate(void)
{
    assert_int_equal(write(gate[1], "g", 1), 1);
}

/* Steering */

typedef struct Told {
    char steered[DIGITS], honest[DIGITS], other[DIGITS];
} Told;

static void tell_three(FILE *out, void *argument)
{
    IWire *mine = opened("b"), *other = opened_other("b");
    tell_reference(out, mine, &interface_of(other)->ipid);
    tell_reference(out, mine, NULL);
    tell_reference(out, other, NULL);
    wait_at_gate();
    release_other(other);
    IWire_Release(mine);
}

/* The one that lies comes first, when nothing is known, and again when the truth is. */
static void take_three(FILE *out, void *argument)
{
    const Told *told = argument;
    IWire *lie = NULL, *mine = NULL, *other = NULL;
    wire_say_result(out, take_reference(told->steered, &lie));
    wire_say_why(out, "*another object than it names*");
    wire_say_result(out, take_reference(told->honest, &mine));
    say_which(out, mine);
    wire_say_result(out, take_reference(told->steered, &lie));
    fprintf(out, "%s ", lie ? "taken" : "not-taken");
    say_which(out, mine);
    wire_say_result(out, take_reference(told->other, &other));
    say_which(out, other);
    IWire_Release(other);
    IWire_Release(mine);
}

static void REF_a_reference_leads_to_the_object_that_it_names(void **state)
{
    WireProcess holder;
    Told told;
    wire_in_background(&holder, &plain, tell_three, NULL);
    read_line(holder.output, told.steered);
    read_line(holder.output, told.honest);
    read_line(holder.output, told.other);
    wire_expect(&plain, take_three, &told, REFUSED " ok ok none " REFUSED " not-taken none ok ok");
    open_gate();
    free(wire_join(&holder));
}

/* In a call: the server does not take it either, and takes the honest one afterwards. */
static void hand_on(FILE *out, void *argument)
{
    IWire *mine = opened("b"), *other = opened_other("b"), *holder = opened("c");
    Guid truth = swap_ipid(mine, &interface_of(other)->ipid);
    wire_say_result(out, IWire_Hold(holder, mine));
    wire_say(out, wire_run(holder, "held", NULL));
    swap_ipid(mine, &truth);
    wire_say_result(out, IWire_Hold(holder, mine));
    wire_say(out, wire_run(holder, "held go[held]", NULL));
    wire_say_result(out, IWire_Hold(holder, NULL));
    IWire_Release(holder);
    release_other(other);
    IWire_Release(mine);
}

static void REF_a_caller_cannot_steer_what_it_hands_on(void **state)
{
    wire_expect(&plain, hand_on, NULL, REFUSED " none ok ok [none] ok");
}

/* In an answer: a server in the middle, whose Another gives what is somebody else's, steered the first time.
 */
static IWire *middle_mine, *middle_other;
static Guid middle_truth;
static unsigned middle_calls;

static HRESULT middle_another(IWire *This, IWire **another)
{
    if (middle_calls++ == 0)
        middle_truth = swap_ipid(middle_mine, &interface_of(middle_other)->ipid);
    else if (middle_calls == 2)
        swap_ipid(middle_mine, &middle_truth);
    IWire_AddRef(middle_mine);
    *another = middle_mine;
    return S_OK;
}

static HRESULT middle_create(IClassFactory *This, IUnknown *outer, REFIID iid, void **ret)
{
    static IWireVtbl methods;
    IWire *object = wire_object_new();
    if (!object) return E_OUTOFMEMORY;
    methods = *object->lpVtbl;
    methods.Another = middle_another;
    object->lpVtbl = &methods;
    HRESULT hr = IWire_QueryInterface(object, iid, ret);
    IWire_Release(object);
    return hr;
}

static void serve_middle(FILE *out, void *argument)
{
    CLSID class = WIRE_CLSID(WIRE_SPARE);
    IClassFactoryVtbl methods = *wire_factory.lpVtbl;
    IClassFactory factory = {&methods};
    DWORD cookie;
    methods.CreateInstance = middle_create;
    middle_mine = opened("b");
    middle_other = opened_other("b");
    if (FAILED(CoRegisterClassObject(&class, (IUnknown *)&factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                     &cookie)))
        abort();
    fputs("ready ", out);
    fflush(out);
    wait_at_gate();
    (void)CoRevokeClassObject(cookie); /* the process ends */
    release_other(middle_other);
    IWire_Release(middle_mine);
}

static void ask_middle(FILE *out, void *argument)
{
    IWire *middle = NULL, *given = NULL;
    wire_say_result(out, wire_open("a", WIRE_SPARE, 0, &middle));
    wire_say_result(out, IWire_Another(middle, &given));
    fprintf(out, "%s ", given ? "given" : "not-given");
    wire_say_result(out, IWire_Another(middle, &given));
    say_which(out, given);
    IWire_Release(given);
    IWire_Release(middle);
}

static void REF_a_server_cannot_steer_what_it_answers(void **state)
{
    WireProcess middle;
    char ready[16];
    wire_in_background(&middle, &on_host_a, serve_middle, NULL);
    assert_true(read(middle.output, ready, sizeof(ready)) > 0);
    wire_expect(&plain, ask_middle, NULL, "ok " REFUSED " not-given ok none");
    open_gate();
    free(wire_join(&middle));
}

/* Where it is: a list of resolvers that begins with one who is not. */

#define STRANGER "127.77.77.77"

static void tell_stranger(FILE *out, void *argument)
{
    static const StringBinding strings[] = {{BINDING_TOWER_TCP, STRANGER}, {BINDING_TOWER_TCP, "b.lab.test"}};
    static const SecurityBinding securities[] = {{RPC_C_AUTHN_GSS_KERBEROS, ""}};
    IWire *mine = opened("b");
    Bindings resolver;
    if (bindings_new(strings, 2, securities, 1, &resolver) < 0) abort();
    tell_changed(out, mine, NULL, &resolver);
    wait_at_gate();
    bindings_deinit(&resolver);
    IWire_Release(mine);
}

/* The reference is used, as one of its resolvers knows it; whoever it is handed to is told of that one only.
 */
static void take_from_stranger(FILE *out, void *digits)
{
    _cleanup_(writer_deinitp) Writer bytes;
    IWire *proxy = NULL;
    Objref objref;
    BindingsWalk walk = {0};
    uint16_t tower;
    char address[BINDING_ADDRESS_SIZE], first[BINDING_ADDRESS_SIZE] = "";
    bool stranger = false;
    wire_say_result(out, take_reference(digits, &proxy));
    say_which(out, proxy);
    writer_init(&bytes, 0);
    if (FAILED(marshal_interface(NULL, &IID_IWire, (IUnknown *)proxy, &bytes)) ||
        objref_parse(bytes.data, bytes.length, &objref) < 0)
        abort();
    while (bindings_next_string(&objref.resolver, &walk, &tower, address)) {
        if (!first[0]) snprintf(first, sizeof(first), "%s", address);
        stranger = stranger || strcmp(address, STRANGER) == 0;
    }
    fprintf(out, "%s %s ", first, stranger ? "stranger" : "-");
    if (FAILED(marshal_drop(&objref))) abort();
    IWire_Release(proxy);
}

static void REF_who_does_not_know_the_exporter_is_not_recommended(void **state)
{
    WireProcess holder;
    char digits[DIGITS];
    wire_in_background(&holder, &plain, tell_stranger, NULL);
    read_line(holder.output, digits);
    wire_expect(&plain, take_from_stranger, digits, "ok none b.lab.test -");
    open_gate();
    free(wire_join(&holder));
}

/* Questions to the exporter */

/* An answer about another object than the one that was asked about is none. */
static void ask_another(FILE *out, void *argument)
{
    IWire *mine = opened("b"), *other = opened_other("b");
    IWireAside *aside = NULL;
    Guid truth = swap_ipid(mine, &interface_of(other)->ipid);
    wire_say_result(out, IWire_QueryInterface(mine, &IID_IWireAside, (void **)&aside));
    wire_say_why(out, "*another object than it names*");
    fprintf(out, "%s ", aside ? "given" : "not-given");
    swap_ipid(mine, &truth);
    wire_say_result(out, IWire_QueryInterface(mine, &IID_IWireAside, (void **)&aside));
    IWireAside_Release(aside);
    release_other(other);
    IWire_Release(mine);
}

static void REF_1_an_interface_is_one_of_the_object_that_was_asked(void **state)
{
    wire_expect(&plain, ask_another, NULL, REFUSED " ok not-given ok");
}

/* Takes IRemUnknown away: whatever has to ask the exporter fails from here on. */
static void toggle_rem_unknown(IWire *proxy)
{
    RemoteExporter *exporter = interface_of(proxy)->object->exporter;
    ((Guid *)remote_exporter_rem_unknown(exporter))->data4[7] ^= 1;
}

static HRESULT at_level(IWire *proxy, DWORD level)
{
    return CoSetProxyBlanket((IUnknown *)proxy, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE,
                             COLE_DEFAULT_PRINCIPAL, level, RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE);
}

/* What the exporter answers about its own objects is used as it is; what has no signature is not its word:
 * its resolver is asked where it is, and it is asked what it means. */
static void ask_nothing(FILE *out, void *argument)
{
    static const DWORD levels[] = {RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_AUTHN_LEVEL_PKT,
                                   RPC_C_AUTHN_LEVEL_PKT_PRIVACY};
    IWire *proxy = opened("b"), *heard = NULL, *another[3] = {0};
    IWireAside *aside = NULL;
    wire_say_result(out, at_level(proxy, RPC_C_AUTHN_LEVEL_CONNECT));
    wire_say_result(out, IWire_Another(proxy, &heard));
    say_which(out, heard);
    toggle_rem_unknown(proxy);
    toggle_rem_unknown(heard); /* the same exporter, as its resolver describes it */
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    for (unsigned i = 0; i < 3; i++) {
        wire_say_result(out, at_level(proxy, levels[i]));
        wire_say_result(out, IWire_Another(proxy, &another[i]));
    }
    toggle_rem_unknown(proxy);
    toggle_rem_unknown(heard);
    for (unsigned i = 0; i < 3; i++)
        if (another[i]) IWire_Release(another[i]);
    IWire_Release(heard);
    IWire_Release(proxy);
}

static void REF_what_an_exporter_signs_about_its_own_objects_needs_no_question(void **state)
{
    wire_expect(&plain, ask_nothing, NULL, "ok ok none " GONE " ok " GONE " ok ok ok ok");
}

/* Private references (EOAC_SECURE_REFS) */

/* What the exporter says to a RemRelease that this process sends. */
static HRESULT rem_release(IWire *proxy, uint32_t public_refs, uint32_t private_refs)
{
    ProxyInterface *iface = interface_of(proxy);
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = NULL;
    _cleanup_(writer_deinitp) Writer request;
    RemReference reference = {iface->ipid, public_refs, private_refs};
    RemoteExporter *exporter = iface->object->exporter;
    OrpcCall call;
    writer_init(&request, 0);
    if (FAILED(channel_unknown_security(&iface->object->unknown_settings, exporter, &security))) abort();
    orpc_call_begin(&call,
                    &(OrpcCallSpec){.exporter = exporter,
                                    .security = security,
                                    .ipid = *remote_exporter_rem_unknown(exporter),
                                    .iid = IID_REM_UNKNOWN,
                                    .method = OP_REM_RELEASE,
                                    .deadline = time_after(PATIENCE * NS_PER_SECOND)},
                    &request);
    rem_references_in_write(&request, &reference, 1);
    HRESULT hr = orpc_call_run(&call);
    if (SUCCEEDED(hr)) {
        Reader reply = orpc_call_reply(&call);
        hr = (HRESULT)plain_status_read(&reply);
    }
    orpc_call_end(&call);
    return hr;
}

/* Holds an object, and says afterwards whether it still does. */
static void hold_on(FILE *out, void *argument)
{
    IWire *watcher = opened("b"), *proxy = opened("b");
    tell_reference(out, proxy, NULL);
    wait_at_gate();
    wire_say(out, wire_who(proxy));
    say_living(out, watcher, *(const bool *)argument ? 2 : 1);
    /* REF-3: references are the process's, whoever the thread is meanwhile. */
    wire_become("bob");
    IWire_Release(proxy);
    wire_become(NULL);
    say_living(out, watcher, 1);
    IWire_Release(watcher);
}

/* Knows the reference and releases whatever he can, in every way there is. */
static void attack(FILE *out, void *digits)
{
    IWire *proxy = NULL;
    wire_say_result(out, take_reference(digits, &proxy));
    wire_say(out, wire_who(proxy));
    wire_say_result(out, rem_release(proxy, 0, 1));
    wire_say_result(out, rem_release(proxy, ALL_REFS, 1));
    wire_say_result(out, rem_release(proxy, ALL_REFS, 0));
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void attacked(const WireSide *side, bool survives, const char *attacker_sees, const char *holder_sees)
{
    WireProcess holder;
    char digits[DIGITS];
    wire_in_background(&holder, side, hold_on, &survives);
    read_line(holder.output, digits);
    wire_expect(&as_bob, attack, digits, attacker_sees);
    open_gate();
    char *text = wire_join(&holder);
    assert_string_equal(text, holder_sees);
    free(text);
}

static void REF_2_REF_3_PB_4_nobody_else_ends_what_is_held_by_secure_references(void **state)
{
    attacked(&secure, true, "ok " BOB " 0x80070005 0x80070005 ok " BOB, ALICE " 2 1");
}

static void REF_2_without_secure_references_anybody_does(void **state)
{
    attacked(&plain, false, "ok " BOB " 0x80070005 0x80070005 ok " GONE, GONE " 1 1");
}

/* A private reference is not handed on: who gets the object from alice holds it by himself. */
static void keep(FILE *out, void *digits)
{
    IWire *proxy = NULL;
    wire_say_result(out, take_reference(digits, &proxy));
    fputc('\n', out);
    fflush(out);
    wait_at_gate();
    wire_say(out, wire_who(proxy));
    wire_say_result(out, rem_release(proxy, 0, 1)); /* his own, taken when he took the reference */
    wire_say_result(out, rem_release(proxy, 0, 1)); /* there is no other */
    IWire_Release(proxy);
}

static void REF_2_each_holder_has_private_references_of_his_own(void **state)
{
    static const WireSide secure_bob = {
        .level = RPC_C_IMP_LEVEL_IMPERSONATE, .cloaking = EOAC_SECURE_REFS, .identity = "bob"};
    WireProcess holder, bob;
    bool survives = true;
    char digits[DIGITS], taken[8];
    wire_in_background(&holder, &secure, hold_on, &survives);
    read_line(holder.output, digits);
    wire_in_background(&bob, &secure_bob, keep, digits);
    assert_true(read(bob.output, taken, sizeof(taken)) > 0);
    open_gate(); /* for whoever of the two comes first */
    open_gate();
    char *text = wire_join(&bob);
    assert_string_equal(text, BOB " ok 0x80070005");
    free(text);
    text = wire_join(&holder);
    assert_string_equal(text, ALICE " 2 1");
    free(text);
}

static int setup(void **state)
{
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    wire_server_start(&on_b, "b", WIRE_NONE, "none", "mta");
    wire_server_start(&on_c, "c", WIRE_NONE, "none", "mta");
    return pipe(gate);
}

static int teardown(void **state)
{
    int left = wire_server_stop(&on_b) | wire_server_stop(&on_c);
    return left == WIRE_ALL_RELEASED ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(REF_a_reference_leads_to_the_object_that_it_names),
        cmocka_unit_test(REF_a_caller_cannot_steer_what_it_hands_on),
        cmocka_unit_test(REF_a_server_cannot_steer_what_it_answers),
        cmocka_unit_test(REF_who_does_not_know_the_exporter_is_not_recommended),
        cmocka_unit_test(REF_1_an_interface_is_one_of_the_object_that_was_asked),
        cmocka_unit_test(REF_what_an_exporter_signs_about_its_own_objects_needs_no_question),
        cmocka_unit_test(REF_2_REF_3_PB_4_nobody_else_ends_what_is_held_by_secure_references),
        cmocka_unit_test(REF_2_without_secure_references_anybody_does),
        cmocka_unit_test(REF_2_each_holder_has_private_references_of_his_own),
    };
    return cmocka_run_group_tests_name("com-foreign", tests, setup, teardown);
}
