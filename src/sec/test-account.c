/* SPDX-License-Identifier: Apache-2.0 */
/* The account map: who becomes which account, and who does not, for the rules and for the machine's own
 * accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <winerror.h>
#include "sec/account.h"

#define DOMAIN_SID(rid)                                                                                      \
    {                                                                                                        \
        .count = 5, .authority = 5, .subauthorities = { 21, 1, 2, 3, (rid) }                                 \
    }

/* A machine's accounts and directory */

static const LocalAccount ACCOUNTS[] = {
    {.uid = 0, .gid = 0, .name = "root", .home = "/root"},
    {.uid = 2, .gid = 2, .name = "daemon", .home = "/"},
    {.uid = 1000, .gid = 1000, .name = "alice", .home = "/home/alice"},
    {.uid = 1001, .gid = 1001, .name = "lena", .home = "/home/lena", .locked = true},
    {.uid = 1002, .gid = 1002, .name = "erik", .home = "/home/erik", .expired = true},
    {.uid = 1003, .gid = 0, .name = "wheel", .home = "/home/wheel"},
    {.uid = 1004, .gid = 1004, .name = "bob", .home = "/home/bob"},
    {.uid = 65534, .gid = 65534, .name = "nobody", .home = "/", .locked = true},
};

static int directory_answer; /* what asking for a SID returns; 0: uid 1000 + RID - 500 */

static int fake_uid_of_sid(const Sid *sid, uid_t *ret_uid)
{
    if (directory_answer < 0) return directory_answer;
    *ret_uid = 1000 + sid->subauthorities[4] - 500;
    return 0;
}

static int fake_by_uid(uid_t uid, LocalAccount *ret_account)
{
    for (size_t i = 0; i < sizeof(ACCOUNTS) / sizeof(ACCOUNTS[0]); i++)
        if (ACCOUNTS[i].uid == uid) {
            *ret_account = ACCOUNTS[i];
            return 0;
        }
    return -ENOENT;
}

/* Without regard to case, as some name services do. */
static int fake_by_name(const char *name, LocalAccount *ret_account)
{
    if (strcmp(name, "secret") == 0) return -EACCES;
    if (strcmp(name, "offline") == 0) return -EIO;
    for (size_t i = 0; i < sizeof(ACCOUNTS) / sizeof(ACCOUNTS[0]); i++)
        if (strcasecmp(ACCOUNTS[i].name, name) == 0) {
            *ret_account = ACCOUNTS[i];
            return 0;
        }
    return -ENOENT;
}

static const AccountSource SOURCE = {
    .uid_of_sid = fake_uid_of_sid, .by_name = fake_by_name, .by_uid = fake_by_uid};
static const char *const REALMS[] = {"LAB.TEST", NULL};
static const AccountMap MAP = {.realms = REALMS, .min_uid = 1000, .unmapped = "nobody", .source = &SOURCE};

typedef struct Caller {
    const char *principal;
    Sid sid;
    bool local;
    uint32_t flags;
    TokenLevel level;
} Caller;

static int find(const AccountMap *map, const Caller *caller, LocalAccount *ret_account, SecFailure *failure)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = caller->level ? caller->level : TOKEN_LEVEL_IMPERSONATION,
                      .principal = caller->principal,
                      .user = caller->sid,
                      .from_network = !caller->local,
                      .account_flags = caller->flags,
                      .expires = INT64_MAX};
    if (!spec.user.count) assert_int_equal(sid_from_principal(caller->principal, &spec.user), 0);
    assert_int_equal(token_new(&spec, &token), 0);
    return account_map_find(map, token, ret_account, failure);
}

static void is_account(const Caller *caller, const char *name)
{
    LocalAccount account = {0};
    SecFailure failure = {0};
    assert_int_equal(find(&MAP, caller, &account, &failure), 0);
    assert_string_equal(account.name, name);
}

static void is_none(const Caller *caller)
{
    LocalAccount account = {.uid = 77};
    SecFailure failure = {0};
    assert_int_equal(find(&MAP, caller, &account, &failure), ACCOUNT_NONE);
    assert_int_equal(account.uid, 77);
}

static void is_refused(const Caller *caller, const char *why)
{
    LocalAccount account = {.uid = 77};
    SecFailure failure = {0};
    assert_int_equal(find(&MAP, caller, &account, &failure), ACCOUNT_REFUSED);
    assert_int_equal(account.uid, 77);
    assert_int_equal(failure.code, ERROR_ACCESS_DENIED);
    assert_non_null(strstr(failure.sentence, why));
}

static void test_by_name(void **state)
{
    is_account(&(Caller){.principal = "alice@LAB.TEST"}, "alice");
    is_none(&(Caller){.principal = "alice@OTHER.TEST"});
    is_none(&(Caller){.principal = "alice@lab.test"});
    is_none(&(Caller){.principal = "zoe@LAB.TEST"});
    is_none(&(Caller){.principal = "alice/admin@LAB.TEST"});
    is_none(&(Caller){.principal = "host/alice@LAB.TEST"});
    is_none(&(Caller){.principal = "LAB\\alice"});
    is_none(&(Caller){.principal = "LAB\\alice@LAB.TEST"});
    is_none(&(Caller){.principal = "@LAB.TEST"});
    is_none(&(Caller){.principal = "alice"});
    is_none(&(Caller){.principal = "alice@OTHER.TEST@LAB.TEST"});
    is_none(&(Caller){.principal = "alice@LAB.TEST@OTHER.TEST"});
    /* the name service says "alice" to that, and he is not */
    is_none(&(Caller){.principal = "ALICE@LAB.TEST"});
}

static void test_long_names(void **state)
{
    char name[ACCOUNT_NAME_SIZE + 16];
    memset(name, 'a', ACCOUNT_NAME_SIZE);
    strcpy(name + ACCOUNT_NAME_SIZE, "@LAB.TEST");
    is_none(&(Caller){.principal = name});
}

static void test_who_may_not_be_used(void **state)
{
    is_refused(&(Caller){.principal = "root@LAB.TEST"}, "nobody becomes by a name");
    is_refused(&(Caller){.principal = "daemon@LAB.TEST"}, "min_uid=1000");
    is_refused(&(Caller){.principal = "lena@LAB.TEST"}, "locked");
    is_refused(&(Caller){.principal = "erik@LAB.TEST"}, "expired");
    is_refused(&(Caller){.principal = "wheel@LAB.TEST"}, "uid or gid");
    is_refused(&(Caller){.principal = "alice@LAB.TEST", .flags = 0x1}, "domain has disabled");
    is_refused(&(Caller){.principal = "alice@LAB.TEST", .flags = 0x400}, "domain has disabled");
    is_account(&(Caller){.principal = "alice@LAB.TEST", .flags = 0x10}, "alice");
}

static void test_root_is_never_reached(void **state)
{
    AccountMap open = MAP;
    LocalAccount account;
    SecFailure failure = {0};
    open.min_uid = 0;
    assert_int_equal(find(&open, &(Caller){.principal = "root@LAB.TEST"}, &account, &failure),
                     ACCOUNT_REFUSED);
    assert_int_equal(find(&open, &(Caller){.principal = "root", .sid = account_sid_user(0), .local = true},
                          &account, &failure),
                     ACCOUNT_REFUSED);
    assert_int_equal(find(&open, &(Caller){.principal = "daemon@LAB.TEST"}, &account, &failure), 0);
}

static void test_by_sid(void **state)
{
    directory_answer = 0;
    /* the SID decides, also where the name is somebody else's */
    is_account(&(Caller){.principal = "alice@LAB.TEST", .sid = DOMAIN_SID(504)}, "bob");
    is_account(&(Caller){.principal = "anybody@ELSE", .sid = DOMAIN_SID(500)}, "alice");
    is_refused(&(Caller){.principal = "anybody@ELSE", .sid = DOMAIN_SID(501)}, "locked");
    is_none(&(Caller){.principal = "zoe@ELSE", .sid = DOMAIN_SID(600)});
    directory_answer = -EIO;
    LocalAccount account;
    SecFailure failure = {0};
    assert_int_equal(
        find(&MAP, &(Caller){.principal = "alice@LAB.TEST", .sid = DOMAIN_SID(500)}, &account, &failure),
        -EIO);
    assert_non_null(strstr(failure.sentence, "cannot be said"));
    /* nobody knows SIDs, or this one: the name's turn, where the realm is listed */
    directory_answer = -EOPNOTSUPP;
    is_account(&(Caller){.principal = "alice@LAB.TEST", .sid = DOMAIN_SID(500)}, "alice");
    is_none(&(Caller){.principal = "alice@OTHER.TEST", .sid = DOMAIN_SID(500)});
    directory_answer = -ENOENT;
    is_account(&(Caller){.principal = "alice@LAB.TEST", .sid = DOMAIN_SID(500)}, "alice");
    directory_answer = 0;
    /* not a user of a domain */
    is_none(
        &(Caller){.principal = "zoe@ELSE", .sid = {.count = 2, .authority = 5, .subauthorities = {32, 544}}});
}

static void test_unix_sids(void **state)
{
    uid_t uid = 0;
    gid_t gid = 0;
    Sid user = account_sid_user(1000), group = account_sid_group(7);
    is_account(&(Caller){.principal = "alice", .sid = user, .local = true}, "alice");
    is_refused(&(Caller){.principal = "daemon", .sid = account_sid_user(2), .local = true}, "min_uid");
    /* another machine's word for a uid is not this machine's uid */
    is_none(&(Caller){.principal = "mallory@OTHER.TEST", .sid = user});
    is_none(&(Caller){.principal = "alice", .sid = group, .local = true});
    assert_true(account_sid_is_user(&user, &uid) && uid == 1000);
    assert_true(account_sid_is_group(&group, &gid) && gid == 7);
    assert_false(account_sid_is_user(&group, &uid));
    assert_false(account_sid_is_group(&user, &gid));
    user.count = 3;
    assert_false(account_sid_is_user(&user, &uid));
    user = account_sid_user(1000);
    user.authority = 5;
    assert_false(account_sid_is_user(&user, &uid));
}

static void test_anonymous(void **state)
{
    LocalAccount account;
    SecFailure failure;
    _cleanup_(token_unrefp) Token *token = NULL;
    assert_int_equal(token_new_anonymous(&token), 0);
    assert_int_equal(account_map_find(&MAP, token, &account, &failure), ACCOUNT_NONE);
}

static void test_who_knows_cannot_be_asked(void **state)
{
    LocalAccount account;
    SecFailure failure = {0};
    assert_int_equal(find(&MAP, &(Caller){.principal = "secret@LAB.TEST"}, &account, &failure), -EIO);
    assert_non_null(strstr(failure.sentence, "only mantle-authd may"));
    assert_int_equal(find(&MAP, &(Caller){.principal = "offline@LAB.TEST"}, &account, &failure), -EIO);
}

static void test_unmapped_account(void **state)
{
    LocalAccount account;
    SecFailure failure = {0};
    AccountMap map = MAP;
    assert_int_equal(account_map_unmapped(&map, &account, &failure), 0);
    assert_int_equal(account.uid, 65534);
    map.unmapped = NULL;
    assert_int_equal(account_map_unmapped(&map, &account, &failure), ACCOUNT_NONE);
    map.unmapped = "noone";
    assert_int_equal(account_map_unmapped(&map, &account, &failure), ACCOUNT_REFUSED);
    assert_non_null(strstr(failure.sentence, "unmapped_account=noone"));
    map.unmapped = "root";
    assert_int_equal(account_map_unmapped(&map, &account, &failure), ACCOUNT_REFUSED);
}

/* The machine that this runs on. */
static void test_system(void **state)
{
    LocalAccount account = {.uid = 77};
    uid_t uid;
    assert_int_equal(ACCOUNT_SOURCE_SYSTEM.by_name("nobody-of-that-name", &account), -ENOENT);
    assert_int_equal(ACCOUNT_SOURCE_SYSTEM.by_uid(0x7ffffff0, &account), -ENOENT);
    assert_int_equal(account.uid, 77);
    int r = ACCOUNT_SOURCE_SYSTEM.by_uid(0, &account);
    if (geteuid() == 0) {
        assert_int_equal(r, 0);
        assert_string_equal(account.name, "root");
        assert_string_equal(account.home, "/root");
        assert_int_equal(ACCOUNT_SOURCE_SYSTEM.by_name("root", &account), 0);
        assert_int_equal(account.uid, 0);
        assert_false(account.expired);
    } else {
        assert_int_equal(r, -EACCES); /* who is locked is not for everybody to know */
    }
    assert_int_equal(ACCOUNT_SOURCE_UNJUDGED.by_uid(0, &account), 0);
    assert_string_equal(account.name, "root");
    assert_int_equal(ACCOUNT_SOURCE_UNJUDGED.by_name("root", &account), 0);
    assert_false(account.locked || account.expired);
    assert_int_equal(ACCOUNT_SOURCE_UNJUDGED.by_name("nobody-of-that-name", &account), -ENOENT);
    Sid stranger = DOMAIN_SID(500);
    r = ACCOUNT_SOURCE_SYSTEM.uid_of_sid(&stranger, &uid);
    assert_true(r == -ENOENT || r == -EOPNOTSUPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_who_may_not_be_used),
        cmocka_unit_test(test_root_is_never_reached),
        cmocka_unit_test(test_by_sid),
        cmocka_unit_test(test_unix_sids),
        cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_who_knows_cannot_be_asked),
        cmocka_unit_test(test_unmapped_account),
        cmocka_unit_test(test_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
