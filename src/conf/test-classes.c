/* SPDX-License-Identifier: Apache-2.0 */
/* classes.d: who may serve what, and every mistake that must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include "conf/classes.h"

#define CLASS_A "{11111111-2222-3333-4444-555555555555}"
#define CLASS_B "{aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee}"

static char directory[64];

static int make_directory(void **state)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/mantle-classes-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    DIR *open_directory = opendir(directory);
    if (!open_directory) return 1;
    for (struct dirent *entry; (entry = readdir(open_directory));)
        if (entry->d_name[0] != '.') (void)unlinkat(dirfd(open_directory), entry->d_name, 0);
    (void)closedir(open_directory);
    return rmdir(directory);
}

static void put(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static Guid guid(const char *text)
{
    Guid value;
    assert_int_equal(guid_parse(text, &value), 0);
    return value;
}

static void test_good(void **state)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    char *error = NULL, expected[128];
    put("b.conf", "[" CLASS_A "]\nname = Sample Greeter\nusers = root, 1500\n  4294967294\n");
    put("a.conf", "# nothing but this\n[" CLASS_B "]\nusers = 0\n");
    put("c.conf.disabled", "nonsense");
    put("d.txt", "nonsense");
    assert_int_equal(conf_classes_load(directory, &classes, &error), 0);
    assert_int_equal(conf_classes_count(classes), 2);
    Guid a = guid(CLASS_A), b = guid(CLASS_B), other = guid("{00000000-0000-0000-0000-000000000001}");
    const ConfClass *item = conf_classes_find(classes, &a);
    assert_non_null(item);
    assert_string_equal(item->name, "Sample Greeter");
    (void)snprintf(expected, sizeof(expected), "%s/b.conf:1", directory);
    assert_string_equal(item->origin, expected);
    assert_int_equal(item->user_count, 3);
    assert_true(conf_classes_may_serve(classes, &a, 0));
    assert_true(conf_classes_may_serve(classes, &a, 1500));
    assert_true(conf_classes_may_serve(classes, &a, 4294967294u));
    assert_false(conf_classes_may_serve(classes, &a, 1501));
    assert_true(conf_classes_may_serve(classes, &b, 0));
    assert_false(conf_classes_may_serve(classes, &b, 1500));
    assert_null(conf_classes_find(classes, &b)->name);
    assert_null(conf_classes_find(classes, &other));
    assert_false(conf_classes_may_serve(classes, &other, 0));
    assert_non_null(conf_classes_at(classes, 1));
    assert_null(conf_classes_at(classes, 2));
}

static void test_none(void **state)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    char *error = NULL;
    Guid a = guid(CLASS_A);
    assert_int_equal(conf_classes_load("/nonexistent/classes.d", &classes, &error), 0);
    assert_int_equal(conf_classes_count(classes), 0);
    assert_false(conf_classes_may_serve(classes, &a, 0));
    classes = conf_classes_free(classes);
    assert_int_equal(conf_classes_load(directory, &classes, &error), 0);
    assert_int_equal(conf_classes_count(classes), 0);
    put("file", "");
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/file", directory);
    classes = conf_classes_free(classes);
    assert_int_equal(conf_classes_load(path, &classes, &error), -ENOTDIR);
    assert_non_null(strstr(error, "cannot be read: Not a directory."));
    free(error);
}

static void check_bad(const char *text, const char *sentence)
{
    ConfClasses *classes = NULL;
    _cleanup_(freep) char *error = NULL;
    put("x.conf", text);
    assert_int_equal(conf_classes_load(directory, &classes, &error), -EINVAL);
    assert_null(classes);
    if (!sentence) return;
    size_t prefix = strlen(directory) + strlen("/x.conf");
    assert_true(strlen(error) > prefix);
    assert_string_equal(error + prefix, sentence);
}

#define APPID "{4b9a2c10-8d7e-4f21-b0c6-0123456789ab}"

static void test_appids(void **state)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL, *appids = NULL;
    const char *origin;
    char *error = NULL;
    put("a.conf", "[" CLASS_A "]\nusers = 0\nappid = " APPID "\n"
                  "[" CLASS_B "]\nusers = no such account\nlaunch = D:(A;;CC;;;AU)\n");
    put("b.conf",
        "[appid " APPID "]\nname = Greeter\naccess = D:\nlaunch = D:(A;;CC;;;BA)\nauthn_level = privacy\n"
        "executables = greeterd /usr/libexec/greeter\n");
    /* Who only looks for AppIDs does not stumble over accounts. */
    assert_int_equal(conf_classes_load(directory, &classes, &error), -EINVAL);
    free(error);
    error = NULL;
    assert_int_equal(conf_classes_load_part(directory, CONF_CLASSES_APPIDS, &appids, &error), 0);
    Guid id = guid(APPID), a = guid(CLASS_A), b = guid(CLASS_B);
    const ConfAppId *appid = conf_classes_find_appid(appids, &id);
    assert_non_null(appid);
    assert_ptr_equal(conf_classes_appid_at(appids, 0), appid);
    assert_null(conf_classes_appid_at(appids, 1));
    assert_null(conf_classes_find_appid(appids, &a));
    assert_string_equal(appid->name, "Greeter");
    assert_string_equal(appid->access, "D:");
    assert_int_equal(appid->authn_level, 6);
    assert_ptr_equal(conf_classes_appid_of(appids, "/opt/greeterd"), appid);
    assert_ptr_equal(conf_classes_appid_of(appids, "/usr/libexec/greeter"), appid);
    assert_null(conf_classes_appid_of(appids, "/opt/greeter"));
    assert_null(conf_classes_appid_of(appids, "/opt/greeterd2"));
    assert_string_equal(conf_classes_launch(appids, conf_classes_find(appids, &a), &origin),
                        "D:(A;;CC;;;BA)");
    assert_ptr_equal(origin, appid->origin);
    assert_string_equal(conf_classes_launch(appids, conf_classes_find(appids, &b), &origin),
                        "D:(A;;CC;;;AU)");
    assert_false(conf_classes_may_serve(appids, &a, 0));
}

/* Who may call a process is one thing for all of it. */
static void test_appids_do_not_share_a_host(void **state)
{
    static const char library[] = "library = /a.so\ngroup = one\nrun_as = caller\n";
    static const char *const ids[] = {"10000000-0000-0000-0000-000000000000",
                                      "20000000-0000-0000-0000-000000000000",
                                      "30000000-0000-0000-0000-000000000000"};
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    const ConfClass *found[3];
    char *error = NULL, text[1024];
    (void)snprintf(text, sizeof(text),
                   "[appid " APPID "]\n[{%s}]\n%s[{%s}]\n%sappid = " APPID "\n[{%s}]\n%sappid = " APPID "\n",
                   ids[0], library, ids[1], library, ids[2], library);
    put("a.conf", text);
    assert_int_equal(conf_classes_load(directory, &classes, &error), 0);
    for (unsigned i = 0; i < 3; i++) {
        Guid id = guid(ids[i]);
        found[i] = conf_classes_find(classes, &id);
    }
    assert_false(conf_class_shares_host(found[0], found[1]));
    assert_true(conf_class_shares_host(found[1], found[2]));
}

static void test_bad_appids(void **state)
{
    check_bad("[appid x]\n",
              ":1: [appid x]: expected a class id such as [{01234567-89ab-cdef-0123-456789abcdef}], or an "
              "AppID such as [appid {01234567-89ab-cdef-0123-456789abcdef}].");
    check_bad("[appid " APPID "]\n[appid " APPID "]\n", NULL);
    check_bad("[appid " APPID "]\nusers = root\n",
              ":2: [appid " APPID
              "] has no key users; expected one of name, access, launch, authn_level, executables.");
    check_bad("[appid " APPID "]\nname = x\nname = y\n",
              ":3: name in [appid " APPID
              "] is set a second time; expected it once, it stands in line 2 already.");
    /* CIS-17: then the processes that need it get no security, and marshal nothing. */
    check_bad("[appid " APPID "]\nauthn_level = 7\n",
              ":2: authn_level = 7 in [appid " APPID
              "]: expected one of none, connect, call, packet, integrity, privacy.");
    check_bad("[" CLASS_A "]\nusers = root\nappid = x\n",
              ":3: appid = x in [" CLASS_A
              "]: expected an AppID such as {01234567-89ab-cdef-0123-456789abcdef}.");
    check_bad("[" CLASS_A "]\nusers = root\nappid = " APPID "\n",
              ":1: appid = " APPID ": expected a section [appid " APPID "] in one of the files.");
    check_bad("[" CLASS_A "]\nusers = root\nlaunch = a\nlaunch = b\n",
              ":4: launch in [" CLASS_A
              "] is set a second time; expected it once, it stands in line 3 already.");
}

static void test_bad(void **state)
{
    check_bad("users = root\n",
              ":1: the key users stands before the first section; expected a `[{CLSID}]` line above it.");
    check_bad("[class]\nusers = root\n", ":1: [class]: expected a class id such as "
                                         "[{01234567-89ab-cdef-0123-456789abcdef}], or an AppID such as "
                                         "[appid {01234567-89ab-cdef-0123-456789abcdef}].");
    /* longer than inih keeps, with a valid id in front */
    check_bad("[" CLASS_A "                                        x]\nusers = root\n",
              ":1: [" CLASS_A "                                        x]: expected a class id such as "
              "[{01234567-89ab-cdef-0123-456789abcdef}], or an AppID such as "
              "[appid {01234567-89ab-cdef-0123-456789abcdef}].");
    check_bad(
        "[" CLASS_A "]\nuser = root\n",
        ":2: [" CLASS_A
        "] has no key user; expected one of name, users, command, library, group, run_as, launch, appid.");
    check_bad("[" CLASS_A "]\nname = x\n",
              ":1: expected `users =` with at least one account: without it nobody may serve this class.");
    check_bad("[" CLASS_A "]\n[" CLASS_B "]\nusers = 1\n",
              ":1: expected `users =` with at least one account: without it nobody may serve this class.");
    check_bad("[" CLASS_A "]\nusers = ,\n",
              ":1: expected `users =` with at least one account: without it nobody may serve this class.");
    check_bad(
        "[" CLASS_A "]\nusers = root no-such-account-here\n",
        ":2: users = root no-such-account-here in [" CLASS_A
        "]: expected local accounts or their numbers, and this machine has no account no-such-account-here.");
    check_bad("[" CLASS_A "]\nusers = 4294967295\n",
              ":2: users = 4294967295 in [" CLASS_A
              "]: expected local accounts or their numbers, and this machine has no account 4294967295.");
    check_bad("[" CLASS_A "]\nusers = 1\nusers = 2\n",
              ":3: users in [" CLASS_A
              "] is set a second time; expected it once, it stands in line 2 already.");
    check_bad("[" CLASS_A "]\nname = a\nname = b\n",
              ":3: name in [" CLASS_A
              "] is set a second time; expected it once, it stands in line 2 already.");
}

static void test_started(void **state)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    char *error = NULL;
    put("a.conf", "[" CLASS_A "]\ncommand = /usr/libexec/greeter  --words=a,b\t$HOME\nrun_as = nobody\n");
    put("b.conf", "[" CLASS_B "]\nlibrary = /usr/lib/my greeter.so\nrun_as = caller\n");
    put("c.conf", "[{00000000-0000-0000-0000-000000000001}]\ncommand = /x\nrun_as = activator\n"
                  "[{00000000-0000-0000-0000-000000000002}]\ncommand = /x\nrun_as = nobody\nusers = 1500\n");
    assert_int_equal(conf_classes_load(directory, &classes, &error), 0);
    Guid a = guid(CLASS_A), b = guid(CLASS_B), c = guid("{00000000-0000-0000-0000-000000000001}"),
         d = guid("{00000000-0000-0000-0000-000000000002}");
    const ConfClass *item = conf_classes_find(classes, &a);
    uid_t nobody = getpwnam("nobody")->pw_uid;
    assert_int_equal(item->run_as, CONF_RUN_AS_ACCOUNT);
    assert_string_equal(item->account, "nobody");
    assert_int_equal(item->account_uid, nobody);
    assert_string_equal(item->command[0], "/usr/libexec/greeter");
    assert_string_equal(item->command[1], "--words=a,b");
    assert_string_equal(item->command[2], "$HOME");
    assert_null(item->command[3]);
    assert_true(conf_class_serves_all(item));
    assert_true(conf_classes_may_serve(classes, &a, nobody));
    assert_false(conf_classes_may_serve(classes, &a, 1500));
    assert_false(conf_classes_may_serve(classes, &a, 0));
    item = conf_classes_find(classes, &b);
    assert_int_equal(item->run_as, CONF_RUN_AS_CALLER);
    assert_string_equal(item->library, "/usr/lib/my greeter.so");
    assert_false(conf_class_serves_all(item));
    assert_true(conf_classes_may_serve(classes, &b, 1500));
    assert_false(conf_classes_may_serve(classes, &b, 0));
    assert_int_equal(conf_classes_find(classes, &c)->run_as, CONF_RUN_AS_ACTIVATOR);
    assert_false(conf_classes_may_serve(classes, &c, 0));
    assert_true(conf_classes_may_serve(classes, &d, 1500));
    assert_true(conf_classes_may_serve(classes, &d, nobody));
}

static void test_started_badly(void **state)
{
    check_bad("[" CLASS_A "]\ncommand = greeter\nrun_as = nobody\n",
              ":2: command = greeter in [" CLASS_A "]: expected an absolute path, and at most 64 words.");
    check_bad("[" CLASS_A "]\nlibrary = greeter.so\nrun_as = nobody\n",
              ":2: library = greeter.so in [" CLASS_A "]: expected an absolute path.");
    check_bad("[" CLASS_A "]\ncommand = /x\nrun_as = root\n",
              ":3: run_as = root in [" CLASS_A
              "]: expected a local account that is not root, caller or activator.");
    check_bad("[" CLASS_A "]\ncommand = /x\nrun_as = no-such-account-here\n",
              ":3: run_as = no-such-account-here in [" CLASS_A
              "]: expected a local account that is not root, caller or activator.");
    check_bad("[" CLASS_A "]\ncommand = /x\n",
              ":1: expected `run_as =`: it says as whom the command is started.");
    check_bad("[" CLASS_A "]\nrun_as = nobody\nusers = 1\n",
              ":1: expected `command =` or `library =`, which is what run_as starts.");
    check_bad("[" CLASS_A "]\nrun_as = nobody\ncommand = /x\nlibrary = /y\n",
              ":1: expected command or library, not both.");
    check_bad("[" CLASS_A "]\nrun_as = caller\ncommand = /x\nusers = 1\n",
              ":1: expected no `users =`: who runs as its caller serves nobody else.");
    char text[1024] = "[" CLASS_A "]\nrun_as = nobody\ncommand = /x";
    for (unsigned i = 0; i < CONF_CLASS_WORDS_MAX; i++)
        strcat(text, " y");
    ConfClasses *classes = NULL;
    _cleanup_(freep) char *error = NULL;
    put("x.conf", text);
    assert_int_equal(conf_classes_load(directory, &classes, &error), -EINVAL);
    text[strlen(text) - 2] = 0;
    put("x.conf", text);
    assert_int_equal(conf_classes_load(directory, &classes, &error), 0);
    conf_classes_free(classes);
}

static void test_groups(void **state)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    char *error = NULL;
    static const char *const sections[] = {
        "library = /a.so\ngroup = one\nrun_as = caller\n",
        "library = /b.so\ngroup = one\nrun_as = caller\n",
        "library = /b.so\ngroup = two\nrun_as = caller\n",
        "library = /b.so\ngroup = one\nrun_as = nobody\n",
        "library = /b.so\nrun_as = caller\n",
        "command = /b.so\nrun_as = caller\n",
    };
    char text[2048] = "";
    Guid ids[6];
    for (unsigned i = 0; i < 6; i++) {
        char id[GUID_STRING_SIZE];
        (void)snprintf(id, sizeof(id), "0000000%u-0000-0000-0000-000000000000", i);
        ids[i] = guid(id);
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "[{%s}]\n%s", id, sections[i]);
    }
    put("a.conf", text);
    assert_int_equal(conf_classes_load(directory, &classes, &error), 0);
    for (unsigned i = 0; i < 6; i++)
        for (unsigned j = 0; j < 6; j++) {
            bool expected = i == j ? i != 5 : i < 2 && j < 2;
            assert_int_equal(conf_class_shares_host(conf_classes_find(classes, &ids[i]),
                                                    conf_classes_find(classes, &ids[j])),
                             expected);
        }
    check_bad("[" CLASS_A "]\ncommand = /x\ngroup = g\nrun_as = nobody\n",
              ":1: expected `library =`: a group is of libraries that share a process.");
}

static void test_described_twice(void **state)
{
    ConfClasses *classes = NULL;
    _cleanup_(freep) char *error = NULL;
    char expected[300];
    put("a.conf", "\n[" CLASS_A "]\nusers = 1\n");
    put("b.conf", "[" CLASS_A "]\nusers = 2\n");
    assert_int_equal(conf_classes_load(directory, &classes, &error), -EINVAL);
    (void)snprintf(expected, sizeof(expected),
                   "%s/b.conf:1: the class " CLASS_A
                   " is described a second time; expected it once, it stands at %s/a.conf:2 already.",
                   directory, directory);
    assert_string_equal(error, expected);
    assert_null(classes);
}

static void test_user_limit(void **state)
{
    for (unsigned users = CONF_CLASS_USERS_MAX; users <= CONF_CLASS_USERS_MAX + 1; users++) {
        _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
        _cleanup_(freep) char *error = NULL;
        char text[2000];
        int n = snprintf(text, sizeof(text), "[" CLASS_A "]\nusers =\n");
        for (unsigned i = 0; i < users; i++)
            n += snprintf(text + n, sizeof(text) - (size_t)n, "  %u\n", 2000 + i);
        put("x.conf", text);
        int r = conf_classes_load(directory, &classes, &error);
        assert_int_equal(r, users > CONF_CLASS_USERS_MAX ? -EINVAL : 0);
        if (r == 0) assert_int_equal(conf_classes_at(classes, 0)->user_count, users);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_none, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_bad, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_appids, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_bad_appids, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_appids_do_not_share_a_host, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_groups, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_started, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_started_badly, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_described_twice, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_user_limit, make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
