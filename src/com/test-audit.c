/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal is told of a call, by a journal of the test's own: a socket where the journal's would be,
 * in a mount namespace. */
#include "combaseapi.h" /* before <fcntl.h>, whose macros have names of its constants */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "com/audit.h"
#include "com/callcontext.h"
#include "io/audit.h"

static int journal = -1; /* -1: this account may not have a mount namespace of its own */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A mount namespace of the test's own, as root of a user namespace where it is not root already. False: it
 * may not have one, or it is in a chroot, whose mounts are not its own to change. */
static bool own_mounts(void)
{
    char map[64];
    uid_t uid = geteuid();
    if (uid != 0) {
        (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
        if (unshare(CLONE_NEWUSER) < 0) return false;
        write_file("/proc/self/uid_map", map);
    }
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
    if (!own_mounts()) return 0;
    assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
    assert_int_equal(mkdir("/run/systemd", 0755), 0);
    assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
    journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(journal, (struct sockaddr *)&address, sizeof(address)), 0);
    return 0;
}

/* The next record; "" when there is none. */
static const char *record(void)
{
    static char text[65536];
    ssize_t length = recv(journal, text, sizeof(text) - 1, 0);
    text[length > 0 ? length : 0] = 0;
    return text;
}

static void has(const char *text, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && at[length] == '\n') return;
    print_error("no line %s in:\n%s\n", line, text);
    fail();
}

static Token *token_of(const char *principal, TokenLevel level, bool delegated)
{
    Token *token;
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = level,
                      .principal = principal,
                      .from_network = true,
                      .delegated = delegated,
                      .expires = INT64_MAX};
    assert_int_equal(sid_from_principal(principal, &spec.user), 0);
    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static const Guid chain = {0x11223344, 0x5566, 0x7788, {1, 2, 3, 4, 5, 6, 7, 8}};

static void enter(Token *caller, CallScope *scope)
{
    CallContextSpec spec = {.client = caller, .authn_service = 16, .authn_level = 6, .causality = chain};
    assert_int_equal(call_context_enter(&spec, scope), S_OK);
}

static void test_nothing_happened(void **state)
{
    if (journal < 0) skip();
    _cleanup_(token_unrefp) Token *alice = token_of("alice@LAB.TEST", TOKEN_LEVEL_DELEGATION, true);
    CallScope scope;
    enter(alice, &scope);
    call_context_set_result(&scope, S_OK);
    call_context_leave(&scope);
    assert_string_equal(record(), "");
}

static void test_identity_changed(void **state)
{
    if (journal < 0) skip();
    _cleanup_(token_unrefp) Token *alice = token_of("alice@LAB.TEST", TOKEN_LEVEL_DELEGATION, true);
    CallScope scope;
    enter(alice, &scope);
    assert_int_equal(CoImpersonateClient(), S_OK);
    call_context_note_cloaked("alice@LAB.TEST", "RPCSS/b");
    call_context_note_cloaked("alice@LAB.TEST", "RPCSS/b");
    call_context_note_cloaked("alice@LAB.TEST", "RPCSS/c");
    call_context_set_result(&scope, (HRESULT)0x800706BA);
    call_context_leave(&scope);
    const char *text = record();
    has(text, "MANTLE_EVENT=call");
    has(text, "MANTLE_CAUSALITY=11223344-5566-7788-0102-030405060708");
    has(text, "MANTLE_CALLER=alice@LAB.TEST");
    has(text, "MANTLE_AUTHN_LEVEL=privacy");
    has(text, "MANTLE_IMPERSONATION_LEVEL=delegate");
    has(text, "MANTLE_IMPERSONATED=yes");
    has(text, "MANTLE_CLOAKED=alice@LAB.TEST to RPCSS/b");
    has(text, "MANTLE_CLOAKED=alice@LAB.TEST to RPCSS/c");
    has(text, "MANTLE_RESULT=0x800706BA");
    has(text, "PRIORITY=6");
    assert_null(strstr(text, "FURTHER"));
    assert_string_equal(record(), ""); /* one call, one record */
}

static void test_strangers_names(void **state)
{
    if (journal < 0) skip();
    _cleanup_(token_unrefp) Token *mallory =
        token_of("m\nMANTLE_CALLER=root\x1b[2J\xff@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, false);
    CallScope scope;
    enter(mallory, &scope);
    assert_int_equal(CoImpersonateClient(), S_OK);
    call_context_leave(&scope);
    const char *text = record();
    has(text, "MANTLE_CALLER=m\\x0aMANTLE_CALLER=root\\x1b[2J\\xff@LAB.TEST");
    has(text, "MANTLE_DELEGATED=no");
    has(text, "MANTLE_IMPERSONATION_LEVEL=impersonate");
}

static void test_many_servers(void **state)
{
    if (journal < 0) skip();
    _cleanup_(token_unrefp) Token *alice = token_of("alice@LAB.TEST", TOKEN_LEVEL_DELEGATION, true);
    CallScope scope;
    enter(alice, &scope);
    for (unsigned i = 0; i < AUDIT_CLOAKED_MAX + 5; i++) {
        char to[16];
        (void)snprintf(to, sizeof(to), "RPCSS/h%u", i);
        call_context_note_cloaked("alice@LAB.TEST", to);
    }
    call_context_leave(&scope);
    const char *text = record();
    has(text, "MANTLE_IMPERSONATED=no");
    has(text, "MANTLE_CLOAKED=alice@LAB.TEST to RPCSS/h7");
    has(text, "MANTLE_CLOAKED_FURTHER=5");
    assert_null(strstr(text, "RPCSS/h8"));
}

static void test_switched_off(void **state)
{
    if (journal < 0) skip();
    _cleanup_(token_unrefp) Token *alice = token_of("alice@LAB.TEST", TOKEN_LEVEL_DELEGATION, true);
    CallScope scope;
    audit_switch(false);
    enter(alice, &scope);
    assert_int_equal(CoImpersonateClient(), S_OK);
    call_context_leave(&scope);
    assert_string_equal(record(), "");
    audit_switch(true);
    call_context_note_cloaked("alice@LAB.TEST", "RPCSS/b"); /* answers no call */
    assert_string_equal(record(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_happened), cmocka_unit_test(test_identity_changed),
        cmocka_unit_test(test_strangers_names),  cmocka_unit_test(test_many_servers),
        cmocka_unit_test(test_switched_off),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
