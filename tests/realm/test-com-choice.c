/* SPDX-License-Identifier: Apache-2.0 */
/* By what calls were authenticated and why, as programs are told; and resolution and pings by a process that
 * has nothing to show but NTLM. The lab pings every second. */
#include "tests/realm/com-fixture.h"
#include <fnmatch.h>
#include <mantle_explain.h>
#include <mantle_log.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winerror.h>

#define SECRET_MAX       64
#define LINES_MAX        65536
#define RUN_DOWN_SECONDS 3  /* three pings missed */
#define PATIENCE         30 /* seconds until something must have happened */
#define INTEGRITY        RPC_C_AUTHN_LEVEL_PKT_INTEGRITY
#define PRIVACY          RPC_C_AUTHN_LEVEL_PKT_PRIVACY

/* Bodies choose the security of their process by themselves; alice is a user with tickets. */
static const WireSide unsaid = {.level = 0}, alice = {.level = RPC_C_IMP_LEVEL_IMPERSONATE};
static WireServer servers[2];

/* A password identity */

static void read_password(const char *user, char ret_password[SECRET_MAX])
{
    char *path = wire_path("users/%s.password", user);
    FILE *file = fopen(path, "re");
    free(path);
    if (!file || !fgets(ret_password, SECRET_MAX, file)) abort();
    ret_password[strcspn(ret_password, "\n")] = '\0';
    fclose(file);
}

/* bob's, for the life of the process. */
static SEC_WINNT_AUTH_IDENTITY_A *bob_of(const char *domain)
{
    static char password[SECRET_MAX];
    static SEC_WINNT_AUTH_IDENTITY_A identity;
    read_password("bob", password);
    identity = (SEC_WINNT_AUTH_IDENTITY_A){.User = (unsigned char *)"bob",
                                           .UserLength = 3,
                                           .Domain = (unsigned char *)domain,
                                           .DomainLength = (ULONG)strlen(domain),
                                           .Password = (unsigned char *)password,
                                           .PasswordLength = (ULONG)strlen(password),
                                           .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI};
    return &identity;
}

/* From here on this process finds no KDC. */
static void lose_the_kdc(void)
{
    char *path = wire_path("no-kdc-%d.conf", (int)getpid());
    FILE *file = fopen(path, "wxe");
    if (!file) abort();
    fputs("[libdefaults]\ndefault_realm = LAB.TEST\ndns_lookup_kdc = false\n"
          "[realms]\nLAB.TEST = {\nkdc = 127.0.0.1:1\n}\n",
          file);
    if (fclose(file) != 0 || setenv("KRB5_CONFIG", path, 1) < 0) abort();
    free(path);
}

/* The configuration of this process, without NTLM. */
static void switch_ntlm_off(void)
{
    char line[1024], *path = wire_path("no-ntlm-%d.conf", (int)getpid());
    FILE *from = fopen(getenv("MANTLE_CONFIG"), "re"), *to = fopen(path, "wxe");
    if (!from || !to) abort();
    while (fgets(line, sizeof(line), from))
        if (strncmp(line, "ntlm", 4) != 0) fputs(line, to);
    fclose(from);
    if (fclose(to) != 0 || setenv("MANTLE_CONFIG", path, 1) < 0) abort();
    free(path);
}

static HRESULT activate_as(const char *host, DWORD service, SEC_WINNT_AUTH_IDENTITY_A *identity,
                           IWire **ret_proxy)
{
    CLSID class = WIRE_CLSID(WIRE_NONE);
    MULTI_QI wanted = {.pIID = &IID_IWire};
    COAUTHINFO info = {.dwAuthnSvc = service,
                       .dwAuthzSvc = RPC_C_AUTHZ_NONE,
                       .dwAuthnLevel = INTEGRITY,
                       .dwImpersonationLevel = RPC_C_IMP_LEVEL_IMPERSONATE,
                       .pAuthIdentityData = (COAUTHIDENTITY *)identity};
    COSERVERINFO server = {.pwszName = wire_wide(host), .pAuthInfo = identity ? &info : NULL};
    HRESULT hr = CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);
    CoTaskMemFree(server.pwszName);
    if (SUCCEEDED(hr)) *ret_proxy = (IWire *)wanted.pItf;
    return hr;
}

static HRESULT blanket(IWire *proxy, DWORD service, DWORD level, SEC_WINNT_AUTH_IDENTITY_A *identity)
{
    return CoSetProxyBlanket((IUnknown *)proxy, service, RPC_C_AUTHZ_NONE, COLE_DEFAULT_PRINCIPAL, level,
                             RPC_C_IMP_LEVEL_IMPERSONATE, identity, EOAC_NONE);
}

/* The text matches a pattern of fnmatch(3): "ok", else the text. */
static void say_match(FILE *out, const char *text, const char *pattern)
{
    fprintf(out, "%s ", fnmatch(pattern, text, 0) == 0 ? "ok" : text);
}

static void say_explanation(FILE *out, void *proxy, const char *pattern)
{
    LPWSTR wide = NULL;
    HRESULT hr = MantleExplainProxy(proxy, &wide);
    if (FAILED(hr)) return wire_say_result(out, hr);
    char *text = wire_narrow(wide);
    say_match(out, text, pattern);
    free(text);
    CoTaskMemFree(wide);
}

/* Explanations */

static void ask_by_negotiate(FILE *out, void *without_kdc)
{
    IWire *proxy = NULL;
    if (without_kdc) lose_the_kdc();
    SEC_WINNT_AUTH_IDENTITY_A *bob = bob_of("LAB.TEST");
    wire_say_result(out, activate_as("a", RPC_C_AUTHN_GSS_NEGOTIATE, bob, &proxy));
    if (!proxy) return wire_say_why(out, "");
    wire_say_result(out, blanket(proxy, RPC_C_AUTHN_GSS_NEGOTIATE, PRIVACY, bob));
    say_explanation(out, proxy,
                    "No call was authenticated yet; calls are made by Negotiate at privacy, impersonate.");
    wire_say(out, wire_who(proxy));
    say_explanation(out, proxy,
                    without_kdc
                        ? "The last call was authenticated as LAB.TEST?bob to host/a.lab.test@LAB.TEST, "
                          "privacy, impersonate, by NTLM, chosen by Negotiate because * no KDC of the "
                          "realm can be reached *."
                        : "The last call was authenticated as bob@LAB.TEST to "
                          "host/a.lab.test@LAB.TEST, privacy, impersonate, by Kerberos, chosen by "
                          "Negotiate.");
    IWire_Release(proxy);
}

static void a_call_that_took_NTLM_says_why(void **state)
{
    wire_expect(&alice, ask_by_negotiate, "without", "ok ok ok bob/impersonate/privacy ok");
}

static void a_call_that_took_Kerberos_says_so(void **state)
{
    wire_expect(&alice, ask_by_negotiate, NULL, "ok ok ok bob/impersonate/privacy ok");
}

/* A mechanism by its own number was chosen by nobody; SetBlanket begins anew; copies speak for themselves. */
static void explain_each(FILE *out, void *argument)
{
    IWire *proxy = NULL, *copy = NULL;
    wire_say_result(out, activate_as("a", 0, NULL, &proxy));
    wire_say_result(out, blanket(proxy, RPC_C_AUTHN_GSS_KERBEROS, INTEGRITY, NULL));
    wire_say(out, wire_who(proxy));
    say_explanation(out, proxy, "* as alice@LAB.TEST to *, integrity, impersonate, by Kerberos.");
    wire_say_result(out, CoCopyProxy((IUnknown *)proxy, (IUnknown **)&copy));
    say_explanation(out, copy, "No call was authenticated yet*");
    wire_say_result(out, blanket(copy, RPC_C_AUTHN_WINNT, INTEGRITY, bob_of("LAB")));
    wire_say(out, wire_who(copy));
    say_explanation(out, copy, "* as LAB?bob to *, integrity, impersonate, by NTLM.");
    say_explanation(out, proxy, "* by Kerberos.");
    wire_say_result(out, blanket(proxy, RPC_C_AUTHN_WINNT, PRIVACY, bob_of("LAB")));
    say_explanation(out, proxy, "No call was authenticated yet; calls are made by NTLM at privacy*");
    IWire_Release(copy);
    IWire_Release(proxy);
}

static void each_proxy_speaks_for_itself(void **state)
{
    wire_expect(&alice, explain_each, NULL,
                "ok ok alice/impersonate/integrity ok ok ok ok LAB\\bob/impersonate/integrity ok ok ok ok");
}

static void explain_nothing(FILE *out, void *argument)
{
    IWire *own = wire_object_new(), *proxy = NULL;
    IClientSecurity *security = NULL;
    LPWSTR text = NULL;
    wire_say_result(out, activate_as("a", 0, NULL, &proxy));
    say_explanation(out, own, "");
    wire_say_why(out, "*no interface of a remote object*");
    say_explanation(out, NULL, "");
    wire_say_result(out, MantleExplainProxy((IUnknown *)proxy, NULL));
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IClientSecurity, (void **)&security));
    wire_say_result(out, MantleExplainProxy((IUnknown *)security, &text));
    IClientSecurity_Release(security);
    IWire_Release(proxy);
    IWire_Release(own);
}

static void what_is_no_proxy_has_no_explanation(void **state)
{
    wire_expect(&alice, explain_nothing, NULL, "ok 0x80070057 ok 0x80070057 0x80004003 ok 0x80070057");
}

/* What is refused says by what it was tried. */
static void refuse(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    SEC_WINNT_AUTH_IDENTITY_A *bob = bob_of("LAB");
    wire_say_result(out, activate_as("a", 0, NULL, &proxy));
    bob->Password = (unsigned char *)"wrong";
    bob->PasswordLength = 5;
    wire_say_result(out, blanket(proxy, RPC_C_AUTHN_GSS_NEGOTIATE, PRIVACY, bob));
    wire_say(out, wire_who(proxy));
    wire_say_why(out, "*NTLM, chosen by Negotiate because *");
    wire_say_result(out, blanket(proxy, RPC_C_AUTHN_WINNT, PRIVACY, bob));
    wire_say(out, wire_who(proxy));
    wire_say_why(out, "*authenticated by NTLM");
    IWire_Release(proxy);
}

static void a_refused_call_says_by_what_it_was_tried(void **state)
{
    wire_expect(&alice, refuse, NULL, "ok ok 0x80070005 ok ok 0x80070005 ok");
}

/* Trace */

static struct {
    pthread_mutex_t lock;
    char lines[LINES_MAX];
    size_t used;
} traced = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void take_line(void *context, int priority, const char *line)
{
    pthread_mutex_lock(&traced.lock);
    int length = snprintf(traced.lines + traced.used, LINES_MAX - traced.used, "%s\n", line);
    if (length > 0 && traced.used + (size_t)length < LINES_MAX) traced.used += (size_t)length;
    pthread_mutex_unlock(&traced.lock);
}

/* "ok" when a line matches, else all lines. */
static void say_line(FILE *out, const char *pattern)
{
    bool found = false;
    pthread_mutex_lock(&traced.lock);
    for (const char *line = traced.lines; *line && !found;) {
        size_t length = strcspn(line, "\n");
        char *one = strndup(line, length);
        found = one && fnmatch(pattern, one, 0) == 0;
        free(one);
        line += length + (line[length] == '\n');
    }
    fprintf(out, "%s ", found ? "ok" : traced.lines);
    pthread_mutex_unlock(&traced.lock);
}

/* As a process of a host: what it calls, and who calls it back. */
static void trace(FILE *out, void *argument)
{
    IWire *proxy = NULL, *own = wire_object_new();
    MantleSetLogger(take_line, NULL);
    wire_say_result(out, activate_as("a", 0, NULL, &proxy));
    wire_say(out, wire_run(proxy, "peer", own));
    say_line(
        out,
        "authenticated as alice@LAB.TEST to RPCSS/a at *, impersonate, by Kerberos, chosen by Negotiate");
    say_line(out, "authenticated as alice@LAB.TEST to host/a.lab.test@LAB.TEST at *, privacy, impersonate, "
                  "by Kerberos*");
    say_line(out, "authenticated host/a.lab.test@LAB.TEST from * to host/b.lab.test@LAB.TEST, privacy, "
                  "impersonate, by Kerberos*");
    IWire_Release(own);
    IWire_Release(proxy);
}

static void a_program_is_told_of_each_context(void **state)
{
    static const WireSide on_b = {
        .host = "b", .ccache = "users/alice.ccache", .level = RPC_C_IMP_LEVEL_IMPERSONATE};
    wire_expect(&on_b, trace, NULL, "ok host-a/impersonate/privacy ok ok ok");
}

/* Resolution and pings */

/* From here on this process has one identity: bob, by NTLM, as pAuthList says. */
static void be_bob(FILE *out, DWORD service, DWORD capabilities)
{
    SOLE_AUTHENTICATION_INFO entry = {service, RPC_C_AUTHZ_NONE, bob_of("LAB")};
    SOLE_AUTHENTICATION_LIST list = {1, &entry};
    if (unsetenv("KRB5CCNAME") < 0) abort();
    MantleSetLogger(take_line, NULL);
    HRESULT hr = CoInitializeSecurity(NULL, -1, NULL, NULL, PRIVACY, RPC_C_IMP_LEVEL_IMPERSONATE, &list,
                                      capabilities, NULL);
    if (FAILED(hr)) wire_say_result(out, hr);
}

static void be_bob_by_ntlm(FILE *out, DWORD service)
{
    be_bob(out, service, EOAC_NONE);
}

/* An object on a host that this process, which is bob, holds. */
static IWire *bobs_proxy(FILE *out, const char *host)
{
    IWire *proxy = NULL;
    HRESULT hr = activate_as(host, RPC_C_AUTHN_WINNT, bob_of("LAB"), &proxy);
    wire_say_result(out, hr);
    if (SUCCEEDED(hr)) wire_say_result(out, blanket(proxy, RPC_C_AUTHN_WINNT, PRIVACY, bob_of("LAB")));
    if (SUCCEEDED(hr)) wire_say(out, wire_who(proxy));
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

static int gate[2]; /* the holder holds until it is closed */

/* An object of b and its OBJREF in hexadecimal; pings it until it is killed or let go. */
static void hold(FILE *out, void *argument)
{
    const LARGE_INTEGER start = {.QuadPart = 0};
    IStream *stream;
    ULONG length;
    BYTE one;
    be_bob_by_ntlm(out, RPC_C_AUTHN_WINNT);
    IWire *proxy = bobs_proxy(out, "b");
    if (!proxy || FAILED(CreateStreamOnHGlobal(NULL, TRUE, &stream)) ||
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

typedef struct Holder {
    WireProcess process;
    char line[8192]; /* "ok ok LAB\bob/... " and the digits */
} Holder;

static void holder_start(Holder *holder)
{
    memset(holder->line, 0, sizeof(holder->line));
    assert_int_equal(pipe(gate), 0);
    wire_in_background(&holder->process, &unsaid, hold, NULL);
    close(gate[0]);
    for (size_t i = 0; i + 1 < sizeof(holder->line) && read(holder->process.output, &holder->line[i], 1) == 1;
         i++)
        if (holder->line[i] == '\n') break;
    static const char EXPECTED[] = "ok ok LAB\\bob/impersonate/privacy ";
    if (strncmp(holder->line, EXPECTED, strlen(EXPECTED)) != 0) fail_msg("seen: %s", holder->line);
    memmove(holder->line, holder->line + strlen(EXPECTED), strlen(holder->line + strlen(EXPECTED)) + 1);
}

static HRESULT unmarshal(const char *digits, IWire **ret_proxy)
{
    const LARGE_INTEGER start = {.QuadPart = 0};
    IStream *stream;
    unsigned one;
    HRESULT hr = CreateStreamOnHGlobal(NULL, TRUE, &stream);
    for (; SUCCEEDED(hr) && sscanf(digits, "%2x", &one) == 1; digits += 2)
        hr = IStream_Write(stream, &(BYTE){(BYTE)one}, 1, NULL);
    if (SUCCEEDED(hr)) hr = IStream_Seek(stream, start, STREAM_SEEK_SET, NULL);
    if (SUCCEEDED(hr)) hr = CoUnmarshalInterface(stream, &IID_IWire, (void **)ret_proxy);
    IStream_Release(stream);
    return hr;
}

static void resolve(FILE *out, DWORD service, const char *digits)
{
    IWire *proxy = NULL;
    be_bob_by_ntlm(out, service);
    HRESULT hr = unmarshal(digits, &proxy);
    /* A mantled that was started a moment ago. */
    for (unsigned tries = 0; hr == HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE) && tries < PATIENCE * 20;
         tries++) {
        usleep(50000);
        hr = unmarshal(digits, &proxy);
    }
    wire_say_result(out, hr);
    if (FAILED(hr)) return wire_say_why(out, "?*");
    wire_say_result(out, blanket(proxy, RPC_C_AUTHN_WINNT, PRIVACY, bob_of("LAB")));
    wire_say(out, wire_who(proxy));
    say_line(out, "authenticated as LAB?bob to RPCSS/b.lab.test at *, integrity, identify, by NTLM, chosen "
                  "by Negotiate because *");
    IWire_Release(proxy);
}

static void resolve_by_ntlm(FILE *out, void *digits)
{
    resolve(out, RPC_C_AUTHN_WINNT, digits);
}

static void resolve_by_negotiate(FILE *out, void *digits)
{
    resolve(out, RPC_C_AUTHN_GSS_NEGOTIATE, digits);
}

static void resolve_without_ntlm(FILE *out, void *digits)
{
    switch_ntlm_off();
    resolve(out, RPC_C_AUTHN_WINNT, digits);
}

static void negotiate_without_ntlm(FILE *out, void *digits)
{
    switch_ntlm_off();
    resolve(out, RPC_C_AUTHN_GSS_NEGOTIATE, digits);
}

/* RPC-6: nobody is resolved for by whom a resolver could not be proved to be. */
static void resolve_mutually(FILE *out, void *digits)
{
    IWire *proxy = NULL;
    be_bob(out, RPC_C_AUTHN_WINNT, EOAC_MUTUAL_AUTH);
    wire_say_result(out, unmarshal(digits, &proxy));
    wire_say_why(out, "*shown to RPCSS/*EOAC_MUTUAL_AUTH*"); /* the resolver, not the exporter after it */
}

/* It names a cache that cannot be read: that is who it is, and not the identity of pAuthList instead. */
static void resolve_with_a_bad_cache(FILE *out, void *digits)
{
    IWire *proxy = NULL;
    char *cache = wire_path("users/none.ccache");
    be_bob_by_ntlm(out, RPC_C_AUTHN_WINNT);
    if (setenv("KRB5CCNAME", cache, 1) < 0) abort();
    free(cache);
    wire_say_result(out, unmarshal(digits, &proxy));
}

static void with_reference(WireBody body, const char *expected)
{
    Holder holder;
    holder_start(&holder);
    wire_expect(&unsaid, body, holder.line, expected);
    close(gate[1]);
    free(wire_join(&holder.process));
}

static void REF_5_resolution_by_a_process_that_has_NTLM_only(void **state)
{
    with_reference(resolve_by_ntlm, "ok ok LAB\\bob/impersonate/privacy ok");
    with_reference(resolve_by_negotiate, "ok ok LAB\\bob/impersonate/privacy ok");
}

static void REF_5_no_resolution_by_NTLM_where_it_is_off(void **state)
{
    with_reference(resolve_without_ntlm, "0x8009030E ok");
    with_reference(negotiate_without_ntlm, "0x8007054B ok");
    with_reference(resolve_mutually, "0x80070721 ok");
}

static void REF_5_an_unusable_credential_is_not_replaced(void **state)
{
    with_reference(resolve_with_a_bad_cache, "0x8009030E");
}

static void watch(FILE *out, void *argument)
{
    Holder *holder = argument;
    IWire *watcher = NULL;
    wire_say_result(out, wire_open("b", WIRE_NONE, 0, &watcher));
    say_living(out, watcher, 2); /* what earlier tests left is gone */
    sleep(RUN_DOWN_SECONDS + 2); /* without pings it would be gone */
    fprintf(out, "%u ", living(watcher));
    kill(holder->process.pid, SIGKILL);
    say_living(out, watcher, 1);
    IWire_Release(watcher);
}

static void REF_5_pings_by_a_process_that_has_NTLM_only(void **state)
{
    Holder holder;
    holder_start(&holder);
    wire_expect(&alice, watch, &holder, "ok 2 2 1");
    close(gate[1]);
    wire_kill(&holder.process);
}

/* A host whose mantled takes no NTLM, and so resolves for nobody who has nothing else. */
/* b's server is there again for its new mantled. */
static void open_b(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    HRESULT hr = wire_open("b", WIRE_NONE, 0, &proxy);
    for (unsigned tries = 0; FAILED(hr) && tries < PATIENCE * 20; tries++) {
        usleep(50000);
        hr = wire_open("b", WIRE_NONE, 0, &proxy);
    }
    wire_say_result(out, hr);
    if (SUCCEEDED(hr)) IWire_Release(proxy);
}

/* A line of hosts/b/mantled.log matches. */
static bool was_logged(const char *pattern)
{
    char line[4096], *path = wire_path("hosts/b/mantled.log");
    FILE *file = fopen(path, "re");
    bool found = false;
    free(path);
    while (file && !found && fgets(line, sizeof(line), file))
        found = fnmatch(pattern, line, 0) == 0;
    if (file) fclose(file);
    return found;
}

/* b's mantled is to be its own authority, and one without NTLM. */
static void keep_ntlm_from_b(void)
{
    char line[1024], *path = wire_path("hosts/b/mantle.conf"), *saved = wire_path("hosts/b/saved.conf");
    assert_int_equal(rename(path, saved), 0);
    FILE *from = fopen(saved, "re"), *to = fopen(path, "wxe");
    assert_true(from && to);
    while (fgets(line, sizeof(line), from)) {
        if (strncmp(line, "ntlm", 4) != 0 && strncmp(line, "socket", 6) != 0) fputs(line, to);
        if (strcmp(line, "[security]\n") == 0)
            fprintf(to, "keytab = %s/hosts/b/keytab\n", getenv("MANTLE_LAB"));
    }
    fclose(from);
    assert_int_equal(fclose(to), 0);
    free(path);
    free(saved);
}

static void REF_5_a_resolver_that_takes_no_NTLM(void **state)
{
    Holder holder;
    WireServer mantled;
    holder_start(&holder);
    keep_ntlm_from_b();
    wire_mantled_stop("b");
    wire_mantled_start(&mantled, "b");
    wire_expect(&unsaid, resolve_by_ntlm, holder.line, "0x80070721 ok");
    wire_expect(&alice, open_b, NULL, "ok");
    assert_true(was_logged("*authenticated alice@LAB.TEST from * to RPCSS/b@LAB.TEST, *, impersonate, by "
                           "Kerberos, chosen by Negotiate\n"));
    assert_false(was_logged("*authenticated *NTLM*"));
    close(gate[1]);
    wire_kill(&holder.process);
    wire_server_kill(&mantled);
}

static int setup(void **state)
{
    wire_server_start(&servers[0], "a", WIRE_NONE, "none", "mta");
    wire_server_start(&servers[1], "b", WIRE_NONE, "none", "mta");
    return 0;
}

static int teardown(void **state)
{
    int a = wire_server_stop(&servers[0]);
    (void)wire_server_stop(&servers[1]); /* what the last test left is not run down yet */
    return a == WIRE_ALL_RELEASED ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_took_NTLM_says_why),
        cmocka_unit_test(a_call_that_took_Kerberos_says_so),
        cmocka_unit_test(each_proxy_speaks_for_itself),
        cmocka_unit_test(what_is_no_proxy_has_no_explanation),
        cmocka_unit_test(a_refused_call_says_by_what_it_was_tried),
        cmocka_unit_test(a_program_is_told_of_each_context),
        cmocka_unit_test(REF_5_resolution_by_a_process_that_has_NTLM_only),
        cmocka_unit_test(REF_5_no_resolution_by_NTLM_where_it_is_off),
        cmocka_unit_test(REF_5_an_unusable_credential_is_not_replaced),
        cmocka_unit_test(REF_5_pings_by_a_process_that_has_NTLM_only),
        cmocka_unit_test(REF_5_a_resolver_that_takes_no_NTLM),
    };
    return cmocka_run_group_tests_name("com-choice", tests, setup, teardown);
}
