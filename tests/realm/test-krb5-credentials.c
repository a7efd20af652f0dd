/* SPDX-License-Identifier: Apache-2.0 */
/* Where credentials come from, how long they last, and what a KDC that does not answer costs. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <cmocka.h>
#include <winerror.h>
#include "sec/krb5-turn.h"
#include "tests/realm/krb5-fixture.h"

static void wait_seconds(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&time, NULL);
}

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    assert_int_equal(system(command), 0);
}

/* A cache of its own with a ticket of this life. */
static char *kinit(const char *name, const char *user, int seconds)
{
    char *cache = realm_path("%s.ccache", name);
    run("kinit -l %ds -c FILE:%s -k -t '%s/users/%s.keytab' %s >/dev/null", seconds, cache, realm.folder,
        user, user);
    return cache;
}

/* KDCs */

/* A KDC that takes connections and says nothing: 127.0.0.1 and a port. With `refuse` nobody listens there. */
static int dead_kdc(bool refuse, int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    if (!refuse) assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* A krb5.conf with other KDCs before the real one, or instead of it. */
static char *other_config(const char *name, const char *kdcs, bool real)
{
    _cleanup_(freep) char *from = realm_path("krb5.conf");
    char *path = realm_path("%s.conf", name), line[512];
    FILE *in = fopen(from, "r"), *out = fopen(path, "w");
    while (fgets(line, sizeof(line), in)) {
        bool kdc = strstr(line, "kdc = ") != NULL;
        if (kdc) fputs(kdcs, out);
        if (!kdc || real) fputs(line, out);
    }
    fclose(in);
    fclose(out);
    return path;
}

/* How long getting a ticket for host a takes with these KDCs, in ms, and with which code. */
static int64_t time_initiate(Authority *authority, uint32_t *ret_code)
{
    _cleanup_(freep) char *cache = realm_path("users/alice.ccache");
    _cleanup_(token_unrefp) Token *alice = realm_logon(authority, LOGON_CCACHE, cache, NULL, NULL);
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    uint64_t start = time_monotonic();
    int result = converse_leg1(&talk, alice, HOST_A, IMPERSONATE);
    assert_true(result == 0 || result == SEC_FAILED);
    *ret_code = result ? talk.failure.code : 0;
    if (result) assert_non_null(strstr(talk.failure.sentence, "127.0.0.1"));
    return (int64_t)((time_monotonic() - start) / NS_PER_MS);
}

static void test_silent_kdc(void **state)
{
    int port;
    uint32_t code;
    _cleanup_(closep) int fd = dead_kdc(false, &port);
    assert_true(fd >= 0);
    char kdcs[64];
    (void)snprintf(kdcs, sizeof(kdcs), "kdc = 127.0.0.1:%d\n", port);
    _cleanup_(freep) char *config = other_config("silent", kdcs, false);
    _cleanup_(authority_unrefp) Authority *authority = realm_authority(config, NULL, 400 * NS_PER_MS);
    int64_t took = time_initiate(authority, &code);
    assert_int_equal(code, (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY);
    assert_in_range(took, 390, 900);
}

static void test_refusing_kdc(void **state)
{
    int port;
    uint32_t code;
    _cleanup_(closep) int fd = dead_kdc(true, &port);
    assert_true(fd >= 0);
    char kdcs[64];
    (void)snprintf(kdcs, sizeof(kdcs), "kdc = 127.0.0.1:%d\n", port);
    _cleanup_(freep) char *config = other_config("refusing", kdcs, false);
    _cleanup_(authority_unrefp) Authority *authority = realm_authority(config, NULL, 0);
    int64_t took = time_initiate(authority, &code);
    assert_int_equal(code, (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY);
    assert_in_range(took, 0, 1000);
}

/* Others are tried in order; the one that answered comes first next time. */
static void test_several_kdcs(void **state)
{
    int silent_port, refusing_port;
    uint32_t code;
    _cleanup_(closep) int silent = dead_kdc(false, &silent_port);
    _cleanup_(closep) int refusing = dead_kdc(true, &refusing_port);
    assert_true(silent >= 0 && refusing >= 0);
    char kdcs[200];
    (void)snprintf(kdcs, sizeof(kdcs), "kdc = not a host\nkdc = 127.0.0.1:%d\nkdc = 127.0.0.1:%d\n",
                   refusing_port, silent_port);
    _cleanup_(freep) char *config = other_config("several", kdcs, true);
    _cleanup_(authority_unrefp) Authority *authority = realm_authority(config, NULL, 1000 * NS_PER_MS);
    int64_t first = time_initiate(authority, &code);
    assert_int_equal(code, 0);
    assert_in_range(first, 450, 950); /* half of the time was the silent one's */
    int64_t second = time_initiate(authority, &code);
    assert_int_equal(code, 0);
    assert_in_range(second, 0, 300);
}

static void test_no_kdc(void **state)
{
    _cleanup_(freep) char *config = other_config("none", "", false),
                          *cache = realm_path("users/alice.ccache");
    _cleanup_(authority_unrefp) Authority *authority = realm_authority(config, NULL, 0);
    _cleanup_(token_unrefp) Token *alice = realm_logon(authority, LOGON_CCACHE, cache, NULL, NULL);
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse_leg1(&talk, alice, HOST_A, IMPERSONATE), SEC_FAILED);
    assert_int_equal(talk.failure.code, (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY);
    assert_non_null(strstr(talk.failure.sentence, "kdc entry"));
}

/* A profile that names the KDC and nothing else: no default realm, no domain's realm, DNS as the library has
 * it. The KDC of the client's realm decides where a host belongs. */
static void test_bare_profile(void **state)
{
    _cleanup_(freep) char *from = realm_path("krb5.conf"), *bare = realm_path("bare.conf");
    run("{ echo '[realms]'; echo 'LAB.TEST = {'; grep 'kdc = ' %s; echo '}'; } > %s", from, bare);
    _cleanup_(authority_unrefp) Authority *authority = realm_authority(bare, NULL, 0);
    uint32_t code;
    int64_t took = time_initiate(authority, &code);
    assert_int_equal(code, 0);
    assert_in_range(took, 0, 1000);
}

/* Logons */

static int try_logon(const LogonSpec *spec, SecFailure *ret_failure, Token **ret_token)
{
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    int result = logon_new(realm.user, spec, &logon);
    if (result != 0) return result;
    while ((result = logon_step(logon, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait);
    if (result == SEC_FAILED) *ret_failure = *logon_failure(logon);
    if (result == 0) *ret_token = logon_take_token(logon);
    return result;
}

static void test_password(void **state)
{
    static const struct {
        const char *principal, *password;
        uint32_t code;
    } rows[] = {
        {"paula@LAB.TEST", "correct horse", 0},           {"paula", "correct horse", 0},
        {"paula@LAB.TEST", "wrong", ERROR_LOGON_FAILURE}, {"paula@LAB.TEST", "", ERROR_LOGON_FAILURE},
        {"nobody@LAB.TEST", "x", ERROR_LOGON_FAILURE},    {"paula@NO.SUCH.REALM", "x", ERROR_NO_SUCH_DOMAIN},
    };
    realm_admin("addprinc -pw \"correct horse\" paula");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        LogonSpec spec = {.source = LOGON_PASSWORD,
                          .principal = rows[i].principal,
                          .password = rows[i].password,
                          .forwardable = true,
                          .deadline = TIME_NEVER};
        SecFailure failure = {0};
        _cleanup_(token_unrefp) Token *token = NULL;
        assert_int_equal(try_logon(&spec, &failure, &token), rows[i].code ? SEC_FAILED : 0);
        if (failure.code != rows[i].code) print_error("%s\n", failure.sentence);
        assert_int_equal(failure.code, rows[i].code);
        if (rows[i].code) continue;
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_string_equal(token_principal(token), "paula@LAB.TEST");
        assert_int_equal(converse(&talk, token, HOST_A, DELEGATE, realm.a), 0);
        assert_string_equal(token_principal(talk.token), "paula@LAB.TEST");
    }
}

static void test_logon_sources(void **state)
{
    _cleanup_(freep) char *keytab = realm_path("hosts/a/keytab"), *missing = realm_path("no-such-file");
    const struct {
        LogonSource source;
        const char *path, *principal;
        bool fine;
    } rows[] = {
        {LOGON_KEYTAB, keytab, NULL, true},
        {LOGON_KEYTAB, keytab, "RPCSS/a@LAB.TEST", true},
        {LOGON_KEYTAB, keytab, "RPCSS/a", true},
        {LOGON_KEYTAB, keytab, "host/b.lab.test", false},
        {LOGON_KEYTAB, missing, NULL, false},
        {LOGON_CCACHE, missing, NULL, false},
        {LOGON_CCACHE, "FILE:/dev/null", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        LogonSpec spec = {.source = rows[i].source,
                          .path = rows[i].path,
                          .principal = rows[i].principal,
                          .deadline = TIME_NEVER};
        SecFailure failure = {0};
        _cleanup_(token_unrefp) Token *token = NULL;
        assert_int_equal(try_logon(&spec, &failure, &token), rows[i].fine ? 0 : SEC_FAILED);
        if (!rows[i].fine) assert_int_equal(failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
    }
}

/* Lifetimes */

static void test_expired_cache(void **state)
{
    _cleanup_(freep) char *cache = kinit("short", "alice", 2);
    _cleanup_(token_unrefp) Token *alice = realm_logon(realm.user, LOGON_CCACHE, cache, NULL, NULL);
    _cleanup_(conversation_deinitp) Conversation fresh = {0}, expired = {0}, renewed = {0}, stranger = {0};
    assert_int_equal(converse(&fresh, alice, HOST_A, IMPERSONATE, realm.a), 0);
    assert_true(sec_context_expires(fresh.client) <= time_wall() + 2);
    wait_seconds(2.1);
    assert_int_equal(converse(&expired, alice, HOST_A, IMPERSONATE, realm.a), SEC_FAILED);
    assert_int_equal(expired.failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
    assert_non_null(strstr(expired.failure.sentence, "expired"));
    /* The user ran kinit: the same token works again. */
    free(kinit("short", "alice", 60));
    assert_int_equal(converse(&renewed, alice, HOST_A, IMPERSONATE, realm.a), 0);
    /* Somebody else did: alice's token does not become bob's. */
    free(kinit("short", "bob", 60));
    assert_int_equal(converse(&stranger, alice, HOST_A, IMPERSONATE, realm.a), SEC_FAILED);
    assert_int_equal(stranger.failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
    assert_non_null(strstr(stranger.failure.sentence, "somebody else"));
}

static void test_expired_delegation(void **state)
{
    _cleanup_(freep) char *cache = kinit("brief", "alice", 3);
    _cleanup_(token_unrefp) Token *alice = realm_logon(realm.user, LOGON_CCACHE, cache, NULL, NULL);
    _cleanup_(conversation_deinitp) Conversation at_a = {0}, in_time = {0}, late = {0};
    assert_int_equal(converse(&at_a, alice, HOST_A, DELEGATE, realm.a), 0);
    assert_true(token_expires(at_a.token) <= time_wall() + 3);
    assert_int_equal(converse(&in_time, at_a.token, HOST_C, IMPERSONATE, realm.c), 0);
    wait_seconds(3.1);
    assert_int_equal(converse(&late, at_a.token, HOST_C, IMPERSONATE, realm.c), SEC_FAILED);
    assert_int_equal(late.failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
    assert_non_null(strstr(late.failure.sentence, "expired"));
}

/* A service outlives its tickets: those of its own account and those it gets for others live 3 seconds here.
 */
static void test_keytab_outlives_tickets(void **state)
{
    _cleanup_(freep) char *keytab = realm_path("daemon.keytab");
    realm_admin("addprinc -randkey -maxlife \"3 seconds\" daemon");
    char command[256];
    (void)snprintf(command, sizeof(command), "ktadd -k %s daemon", keytab);
    realm_admin(command);
    _cleanup_(token_unrefp) Token *daemon = realm_logon(realm.user, LOGON_KEYTAB, keytab, NULL, NULL);
    int64_t end = time_wall() + 9, first = 0, last = 0;
    int conversations = 0;
    while (time_wall() < end) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_int_equal(converse(&talk, daemon, HOST_A, DELEGATE, realm.a), 0);
        assert_string_equal(token_principal(talk.token), "daemon@LAB.TEST");
        last = sec_context_expires(talk.client);
        assert_true(last > time_wall());
        assert_true(last <= time_wall() + 3);
        if (!first) first = last;
        conversations++;
        wait_seconds(0.3);
    }
    assert_true(last >= first + 6);
    assert_true(conversations > 15);
}

/* While the KDC is down a ticket is used to its end, not only to the two thirds after which a new one is
 * wanted. */
static void test_stale_is_used(void **state)
{
    _cleanup_(freep) char *keytab = realm_path("stale.keytab");
    char command[256];
    realm_admin("addprinc -randkey -maxlife \"6 seconds\" stale");
    (void)snprintf(command, sizeof(command), "ktadd -k %s stale", keytab);
    realm_admin(command);
    _cleanup_(freep) char *config = other_config("stale", "", true);
    _cleanup_(authority_unrefp) Authority *authority = realm_authority(config, NULL, 0);
    _cleanup_(token_unrefp) Token *token = realm_logon(authority, LOGON_KEYTAB, keytab, NULL, NULL);
    _cleanup_(conversation_deinitp) Conversation fresh = {0}, stale = {0}, gone = {0};
    assert_int_equal(converse(&fresh, token, HOST_A, IMPERSONATE, realm.a), 0);
    int64_t expires = sec_context_expires(fresh.client);
    /* The profile is read again when it changes: the realm's KDC is now one that refuses. */
    free(other_config("stale", "kdc = 127.0.0.1:1\n", false));
    wait_seconds(4.5);
    assert_int_equal(converse(&stale, token, HOST_A, IMPERSONATE, realm.a), 0);
    assert_int_equal(sec_context_expires(stale.client), expires);
    wait_seconds(1.8);
    assert_int_equal(converse(&gone, token, HOST_A, IMPERSONATE, realm.a), SEC_FAILED);
    assert_int_equal(gone.failure.code, (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY);
}

/* A service that got a new key: the ticket for the old one is refused once, then a new one is got. */
static void test_new_key(void **state)
{
    _cleanup_(freep) char *keytab = realm_path("d.keytab");
    char command[256];
    (void)snprintf(command, sizeof(command), "ktadd -k %s host/d.lab.test", keytab);
    realm_admin("addprinc -randkey host/d.lab.test");
    realm_admin(command);
    _cleanup_(authority_unrefp) Authority *d = realm_authority(NULL, keytab, 0);
    _cleanup_(conversation_deinitp) Conversation before = {0}, refused = {0}, after = {0};
    assert_int_equal(converse(&before, realm.alice, "host/d.lab.test", IMPERSONATE, d), 0);
    (void)remove(keytab);
    realm_admin(command); /* ktadd makes a new key */
    assert_int_equal(converse(&refused, realm.alice, "host/d.lab.test", IMPERSONATE, d), SEC_FAILED);
    assert_int_equal(initiator_feed(refused.initiator, refused.leg2, refused.leg2_length, &refused.leg3,
                                    &refused.leg3_length),
                     SEC_FAILED);
    assert_int_equal(sec_initiator_failure(refused.initiator)->code, (uint32_t)SEC_E_WRONG_PRINCIPAL);
    assert_int_equal(converse(&after, realm.alice, "host/d.lab.test", IMPERSONATE, d), 0);
    assert_string_equal(token_principal(after.token), "alice@LAB.TEST");
}

/* Threads */

#define THREADS    64
#define PER_THREAD 25

typedef struct Worker {
    pthread_t thread;
    Token *token;
    const char *principal;
    uint8_t level;
    int wrong;
} Worker;

static void *work(void *data)
{
    Worker *worker = data;
    for (int i = 0; i < PER_THREAD; i++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0}, onward = {0};
        bool fine = converse(&talk, worker->token, i % 2 ? HOST_A : HOST_C, worker->level,
                             i % 2 ? realm.a : realm.c) == 0 &&
                    strcmp(token_principal(talk.token), worker->principal) == 0 && sealed_both_ways(&talk);
        if (fine && worker->level == DELEGATE)
            fine = converse(&onward, talk.token, HOST_B, IMPERSONATE, realm.b) == 0 &&
                   strcmp(token_principal(onward.token), worker->principal) == 0;
        if (!fine)
            print_error("%s %d: %s %s\n", worker->principal, worker->level, talk.failure.sentence,
                        onward.failure.sentence);
        worker->wrong += !fine;
    }
    return NULL;
}

static void test_threads(void **state)
{
    static Worker workers[THREADS];
    Token *const tokens[] = {realm.alice, realm.bob, realm.sam, realm.host_a};
    for (int i = 0; i < THREADS; i++) {
        Token *token = tokens[i % 4];
        workers[i] = (Worker){.token = token,
                              .principal = token_principal(token),
                              .level = token == realm.sam || i % 8 < 4 ? IMPERSONATE : DELEGATE};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].wrong, 0);
}

/* Many tickets at once from one thread: 20 logons times 12 services, none of which waits for another. */

#define LOGONS  20
#define TARGETS 12

static void test_fan_out(void **state)
{
    static SecInitiator *initiators[LOGONS * TARGETS];
    static struct pollfd waits[LOGONS * TARGETS];
    _cleanup_(freep) char *cache = realm_path("users/alice.ccache");
    for (int i = 0; i < LOGONS * TARGETS; i++) {
        static Token *token;
        char target[64];
        if (i % TARGETS == 0) {
            token_unref(token);
            token = realm_logon(realm.user, LOGON_CCACHE, cache, NULL, NULL);
        }
        (void)snprintf(target, sizeof(target), "%s/%c%s", i % 2 ? "host" : "RPCSS", 'a' + i / 2 % 3,
                       i / 6 % 2 ? ".lab.test" : "");
        SecInitiatorSpec spec = {.target = target,
                                 .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                                 .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                 .impersonation = IMPERSONATE,
                                 .deadline = time_after(10 * NS_PER_SECOND)};
        assert_int_equal(sec_initiator_new(token, &spec, &initiators[i]), 0);
        if (i == LOGONS * TARGETS - 1) token = token_unref(token);
    }
    int done = 0, most = 0;
    bool over[LOGONS * TARGETS] = {false};
    while (done < LOGONS * TARGETS) {
        int waiting = 0;
        for (int i = 0; i < LOGONS * TARGETS; i++) {
            IoWait wait;
            if (over[i]) continue;
            int result = sec_initiator_step(initiators[i], &wait);
            if (result == SEC_WAIT) {
                waits[waiting++] = (struct pollfd){.fd = wait.fd, .events = wait.events};
                continue;
            }
            assert_int_equal(result, 0);
            over[i] = true;
            done++;
        }
        if (waiting > most) most = waiting;
        if (waiting > 0) assert_true(poll(waits, (nfds_t)waiting, 5000) > 0);
    }
    assert_true(most > (int)KDC_TURNS_MAX); /* those that wait for their turn wait, too */
    for (int i = 0; i < LOGONS * TARGETS; i++)
        sec_initiator_free(initiators[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_kdc),
        cmocka_unit_test(test_refusing_kdc),
        cmocka_unit_test(test_several_kdcs),
        cmocka_unit_test(test_no_kdc),
        cmocka_unit_test(test_bare_profile),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_logon_sources),
        cmocka_unit_test(test_expired_cache),
        cmocka_unit_test(test_expired_delegation),
        cmocka_unit_test(test_keytab_outlives_tickets),
        cmocka_unit_test(test_stale_is_used),
        cmocka_unit_test(test_new_key),
        cmocka_unit_test(test_fan_out),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("krb5-credentials", tests, realm_setup, realm_teardown);
}
