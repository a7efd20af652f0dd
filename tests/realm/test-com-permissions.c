/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access and launch permissions over the wire, in pairs of who is admitted and who is refused: each form of
 * CoInitializeSecurity's pSecDesc, the implicit default, AppIDs, the machine's limits, launch permissions.
 */
#include "tests/realm/com-fixture.h"
#include <sddl.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <windows.h>
#include <winerror.h>

#define APPID  "{4b9a2c10-8d7e-4f21-b0c6-0123456789ab}"
#define ALICE  "alice/impersonate/privacy"
#define BOB    "bob/impersonate/privacy"
#define CAROL  "carol/impersonate/privacy"
#define DENIED "0x80070005"

enum { DESCRIPTOR, DENIES, SILENT, DEFAULT, LIMITED, BY_APPID, CONTROL, LAUNCH, SERVERS };

static WireServer servers[SERVERS], mantled;
static const WireSide by_static = {.level = RPC_C_IMP_LEVEL_IMPERSONATE, .cloaking = EOAC_STATIC_CLOAKING},
                      host = {.host = "a", .level = RPC_C_IMP_LEVEL_IMPERSONATE};

/* Files of the lab */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, 65536);
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, file) > 0);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void write_file(const char *path, const char *first, int length, const char *more, const char *rest)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "%.*s%s%s", length, first, more, rest) > 0);
    assert_int_equal(fclose(file), 0);
}

/* A copy of one of host a's files, or the file itself, with `more` behind the line that begins with
 * `heading`. */
static void insert(const char *source, const char *target, const char *heading, const char *more)
{
    char *from = wire_path("hosts/a/%s", source), *to = wire_path("hosts/a/%s", target),
         *text = read_file(from);
    char *place = strcasestr(text, heading);
    assert_non_null(place);
    place = strchr(place, '\n') + 1;
    write_file(to, text, (int)(place - text), more, place);
    free(text);
    free(from);
    free(to);
}

/* Clients */

typedef struct Case {
    const char *user; /* NULL: the process */
    unsigned server;
} Case;

static void ask(FILE *out, void *argument)
{
    const Case *given = argument;
    IWire *proxy = NULL;
    wire_become(given->user);
    HRESULT hr = wire_open("a", given->server, 0, &proxy);
    if (FAILED(hr)) {
        wire_say_result(out, hr);
        return;
    }
    wire_say(out, wire_who(proxy));
    /* And asking IUnknown is a call like others, which goes as the process: alice, or the host (PB-6). */
    IWireAside *aside = NULL;
    hr = IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside);
    wire_say_result(out, hr);
    if (SUCCEEDED(hr)) IWireAside_Release(aside);
    IWire_Release(proxy);
}

static void expect(const char *user, unsigned server, const char *expected)
{
    Case given = {user, server};
    wire_expect(user ? &by_static : &host, ask, &given, expected);
}

#define REFUSED DENIED " " DENIED

static void CIS_14_SRV_14_a_descriptor_admits_whom_it_names(void **state)
{
    expect("alice", DESCRIPTOR, ALICE " ok");
    expect("bob", DESCRIPTOR, DENIED " ok");
    expect(NULL, DESCRIPTOR, REFUSED);
    expect("alice", DENIES, ALICE " ok");
    expect("bob", DENIES, DENIED " ok");
}

static void CIS_14_SRV_13_an_access_control_is_asked(void **state)
{
    expect("alice", CONTROL, ALICE " ok");
    expect("bob", CONTROL, DENIED " ok");
    expect("alice", CONTROL, ALICE " ok");
}

static void CIS_14_an_appid_s_permission(void **state)
{
    expect("bob", BY_APPID, BOB " " DENIED);
    expect("alice", BY_APPID, REFUSED);
}

static void CIS_18_who_does_not_call_it_admits_himself(void **state)
{
    expect("alice", SILENT, REFUSED);
    expect("bob", SILENT, REFUSED);
    expect(NULL, SILENT, "host-a/impersonate/privacy ok");
}

static void CIS_18_or_whom_the_default_names(void **state)
{
    expect("alice", DEFAULT, ALICE " ok");
    expect("bob", DEFAULT, DENIED " ok");
    expect(NULL, DEFAULT, REFUSED);
}

static void CIS_16_the_machine_s_limit_goes_before_everybody(void **state)
{
    expect("alice", LIMITED, ALICE " ok");
    expect("bob", LIMITED, DENIED " ok");
}

static void CIS_16_launch_permissions_and_their_limit(void **state)
{
    expect("alice", LAUNCH, ALICE " ok");
    expect("bob", LAUNCH, DENIED);
    /* The limit is on all classes; this one's own permission admits everybody. */
    expect("carol", DENIES, DENIED);
}

/* Whether the class is served by now. */
static void wait_for_class(FILE *out, void *argument)
{
    const Case *given = argument;
    IWire *proxy = NULL;
    HRESULT hr = E_FAIL;
    wire_become(given->user);
    for (unsigned tries = 0; FAILED(hr) && tries < 3000; tries++) {
        hr = wire_open("a", given->server, 0, &proxy);
        if (FAILED(hr)) usleep(10000);
    }
    wire_say_result(out, hr);
    if (SUCCEEDED(hr)) IWire_Release(proxy);
}

/* Libraries have nothing of their own to say who may call them. */
static void CIS_14_a_hosted_library_has_its_class_s_appid(void **state)
{
    Case bob = {"bob", CONTROL};
    char self[4096], class[4400], *slash;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(length > 0);
    self[length] = '\0';
    slash = strrchr(self, '/');
    assert_non_null(slash);
    snprintf(class, sizeof(class), "{4D616E74-6C65-0001-9B1E-5769726540%02X}=%.*s/com-library.so", CONTROL,
             (int)(slash - self), self);
    char *argv[] = {"../../mantle-host", "--appid", APPID, class, NULL};
    (void)wire_server_stop(&servers[CONTROL]);
    wire_program_start(&servers[CONTROL], "a", "appid.conf", argv);
    wire_expect(&by_static, wait_for_class, &bob, "ok");
    expect("bob", CONTROL, BOB " " DENIED);
    expect("alice", CONTROL, REFUSED);
    wire_server_kill(&servers[CONTROL]);
    servers[CONTROL].pid = 0;
}

/* The SID that a user's logon has. */
static void say_sid(FILE *out, void *argument)
{
    BYTE user[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    HANDLE token;
    LPWSTR text;
    DWORD size;
    wire_become(argument);
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) ||
        !GetTokenInformation(token, TokenUser, user, sizeof(user), &size) ||
        !ConvertSidToStringSid(((TOKEN_USER *)user)->User.Sid, &text))
        abort();
    wire_say(out, wire_narrow(text));
    LocalFree(text);
    CloseHandle(token);
}

static void start(unsigned index, const char *config, const char *access)
{
    const WireServerSpec spec = {"a", config, index, "none", "mta", "impersonate", access};
    wire_server_start_as(&servers[index], &spec);
}

/* Its resolver's port is what mantled opens last. */
static void await_mantled(void)
{
    char *path = wire_path("hosts/a/mantle.conf"), *conf = read_file(path), port[8], address[64];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
    bool up = false;
    assert_int_equal(sscanf(conf, "[resolver] port = %7[0-9] listen = %63s", port, address), 2);
    assert_int_equal(getaddrinfo(address, port, &hints, &found), 0);
    for (unsigned tries = 0; !up && tries < 3000; tries++) {
        int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        up = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
        close(fd);
        if (!up) usleep(10000);
    }
    assert_true(up);
    freeaddrinfo(found);
    free(conf);
    free(path);
}

static void configure(void)
{
    char class[64], *folder = wire_path("hosts/a/appids.d"), *text = wire_path("hosts/a/appids.d/a.conf"),
                    *line;
    insert("mantle.conf", "default.conf", "[security]",
           "default_access = D:(A;;CCLC;;;alice@" WIRE_REALM ")\n");
    insert("mantle.conf", "limited.conf", "[security]",
           "machine_access_limit = D:(D;;CC;;;bob@" WIRE_REALM ")(A;;CC;;;WD)\n");
    assert_int_equal(mkdir(folder, 0700), 0);
    write_file(text, "", 0, "[appid " APPID "]\nauthn_level = privacy\n",
               "access = D:(A;;CCDCLC;;;bob@" WIRE_REALM ")\n");
    /* The place of classes_dir, which may stand once only. */
    char *from = wire_path("hosts/a/mantle.conf"), *to = wire_path("hosts/a/appid.conf");
    char *conf = read_file(from), *place = strstr(conf, "classes_dir = ");
    assert_non_null(place);
    assert_true(asprintf(&line, "classes_dir = %s\n", folder) > 0);
    write_file(to, conf, (int)(place - conf), line, strchr(place, '\n') + 1);
    free(line);
    free(conf);
    free(from);
    free(to);
    free(text);
    free(folder);
    /* mantled reads these when it starts. */
    snprintf(class, sizeof(class), "[{4D616E74-6C65-0001-9B1E-5769726540%02X}]", LAUNCH);
    insert("classes.d/lab.conf", "classes.d/lab.conf", class,
           "launch = D:(A;;CCSWRP;;;alice@" WIRE_REALM ")(A;;CCDCLC;;;AU)\n");
    wire_mantled_stop("a");
    insert("mantle.conf", "mantle.conf", "[security]",
           "machine_launch_limit = D:(D;;CCRP;;;carol@" WIRE_REALM ")(A;;CCDCLCSWRP;;;AU)\n");
    wire_mantled_start(&mantled, "a");
    await_mantled();
}

static int setup(void **state)
{
    char *alice, *bob, *sddl;
    wire_users((const char *const[]){"carol"}, 1);
    wire_admin("cpw -pw " WIRE_PASSWORD " alice");
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    alice = wire_in_process(&by_static, say_sid, (void *)"alice");
    bob = wire_in_process(&by_static, say_sid, (void *)"bob");
    configure();
    assert_true(asprintf(&sddl, "O:SYG:SYD:(A;;CCLC;;;%s)", alice) > 0);
    start(DESCRIPTOR, "mantle.conf", sddl);
    free(sddl);
    assert_true(asprintf(&sddl, "O:SYG:SYD:(D;;CCLC;;;%s)(A;;CCDCLC;;;AU)", bob) > 0);
    start(DENIES, "mantle.conf", sddl);
    free(sddl);
    free(alice);
    free(bob);
    start(SILENT, "mantle.conf", "none");
    start(DEFAULT, "default.conf", "none");
    start(LIMITED, "limited.conf", "all");
    start(BY_APPID, "appid.conf", "appid:" APPID);
    start(CONTROL, "mantle.conf", "control:" WIRE_REALM "\\alice");
    start(LAUNCH, "mantle.conf", "all");
    return 0;
}

/* Those who were refused could not release anything either, so what servers end with says nothing. */
static int teardown(void **state)
{
    for (unsigned i = 0; i < SERVERS; i++)
        if (servers[i].pid > 0) (void)wire_server_stop(&servers[i]);
    if (mantled.pid <= 0) return -1;
    kill(mantled.pid, SIGTERM);
    return wire_server_stop(&mantled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CIS_14_SRV_14_a_descriptor_admits_whom_it_names),
        cmocka_unit_test(CIS_14_SRV_13_an_access_control_is_asked),
        cmocka_unit_test(CIS_14_an_appid_s_permission),
        cmocka_unit_test(CIS_14_a_hosted_library_has_its_class_s_appid),
        cmocka_unit_test(CIS_18_who_does_not_call_it_admits_himself),
        cmocka_unit_test(CIS_18_or_whom_the_default_names),
        cmocka_unit_test(CIS_16_the_machine_s_limit_goes_before_everybody),
        cmocka_unit_test(CIS_16_launch_permissions_and_their_limit),
    };
    return cmocka_run_group_tests_name("com-permissions", tests, setup, teardown);
}
