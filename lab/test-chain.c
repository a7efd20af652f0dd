/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include "chain.h"
#include "report.h"
#include "terminal.h"

static const char GOOD[] = "{\"hosts\":[\"a\",\"b\"],\"impersonation\":\"delegate\",\"authn\":\"privacy\","
                           "\"cloaking\":\"static\",\"by_process\":false,\"warm_up\":true}";

static bool reads(const char *text)
{
    ChainPlan plan;
    LPWSTR wide = chain_text_wide(text);
    assert_non_null(wide);
    bool ok = chain_plan_read(wide, &plan);
    CoTaskMemFree(wide);
    return ok;
}

static void test_round_trip(void **state)
{
    ChainPlan plan = {.hosts = {"a", "[::1]:20001", "quo\"te"},
                      .n_hosts = 3,
                      .impersonation = RPC_C_IMP_LEVEL_DELEGATE,
                      .authn = RPC_C_AUTHN_LEVEL_PKT,
                      .service = RPC_C_AUTHN_GSS_NEGOTIATE,
                      .cloaking = MANTLE_LAB_CLOAKING_DYNAMIC,
                      .by_process = true};
    ChainPlan again;
    LPWSTR text = chain_plan_write(&plan);
    assert_non_null(text);
    assert_true(chain_plan_read(text, &again));
    CoTaskMemFree(text);
    assert_int_equal(again.n_hosts, 3);
    assert_string_equal(again.hosts[2], "quo\"te");
    assert_int_equal(again.impersonation, plan.impersonation);
    assert_int_equal(again.authn, plan.authn);
    assert_int_equal(again.service, plan.service);
    assert_int_equal(again.cloaking, plan.cloaking);
    assert_true(again.by_process);
    assert_false(again.warm_up);
}

/* Every prefix is refused, and so is whatever else a caller may think of. */
static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "null",
        "{\"hosts\":[],\"impersonation\":\"delegate\",\"authn\":\"privacy\",\"cloaking\":\"static\",\"by_"
        "process\":false,"
        "\"warm_up\":true}",
        "{\"hosts\":[1],\"impersonation\":\"delegate\",\"authn\":\"privacy\",\"cloaking\":\"static\",\"by_"
        "process\":false,"
        "\"warm_up\":true}",
        "{\"hosts\":[\"a\"],\"impersonation\":\"more\",\"authn\":\"privacy\",\"cloaking\":\"static\",\"by_"
        "process\":false,"
        "\"warm_up\":true}",
        "{\"hosts\":[\"a\"],\"impersonation\":\"delegate\",\"authn\":\"none\",\"cloaking\":\"static\",\"by_"
        "process\":false,"
        "\"warm_up\":true}",
        "{\"hosts\":[\"a\"],\"impersonation\":\"delegate\",\"authn\":\"privacy\",\"cloaking\":\"static\","
        "\"by_process\":1,"
        "\"warm_up\":true}",
        "{\"hosts\":[\"a\"],\"impersonation\":\"delegate\",\"authn\":\"privacy\",\"cloaking\":\"static\","
        "\"by_process\":false,"
        "\"warm_up\":true,\"more\":1}",
    };
    assert_true(reads(GOOD));
    char text[sizeof(GOOD)];
    for (size_t length = 0; length < sizeof(GOOD) - 1; length++) {
        memcpy(text, GOOD, length);
        text[length] = '\0';
        assert_false(reads(text));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(reads(bad[i]));
    WCHAR wide[] = {'{', 0x20AC, '}', 0};
    ChainPlan plan;
    assert_false(chain_plan_read(wide, &plan));
}

/* As many hosts, and names as long, as fit; one more is refused. */
static void test_limits(void **state)
{
    for (unsigned over = 0; over < 2; over++) {
        char text[8192] = "{\"hosts\":[", name[CHAIN_HOST_MAX + 2];
        for (unsigned i = 0; i < CHAIN_HOSTS_MAX + over; i++)
            strcat(text, i ? ",\"h\"" : "\"h\"");
        strcat(text, strchr(GOOD, ']'));
        assert_int_equal(reads(text), !over);
        memset(name, 'x', sizeof(name));
        name[CHAIN_HOST_MAX + over] = '\0';
        strcpy(text, "{\"hosts\":[\"");
        strcat(text, name);
        strcat(text, "\"");
        strcat(text, strchr(GOOD, ']'));
        assert_int_equal(reads(text), !over);
    }
    static WCHAR endless[1 << 16];
    for (size_t i = 0; i + 1 < sizeof(endless) / sizeof(endless[0]); i++)
        endless[i] = ' ';
    ChainPlan plan;
    assert_false(chain_plan_read(endless, &plan));
}

static void test_text(void **state)
{
    static const WCHAR wide[] = {'a', 0xE9, 0x20AC, 0xD83D, 0xDE00, 0xD800, 'z', 0xDC00, 0};
    char *text = chain_text_utf8(wide);
    assert_string_equal(text, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xEF\xBF\xBDz\xEF\xBF\xBD");
    free(text);
    assert_null(chain_text_utf8(NULL));
    assert_null(chain_text_wide("\xC3\xA9"));
}

static void test_terminal_text(void **state)
{
    static const struct {
        const char *said, *shown;
    } cases[] = {
        {"gr\xC3\xBC\xC3\x9F, \xE2\x82\xAC \xF0\x9F\x98\x80",
         "gr\xC3\xBC\xC3\x9F, \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"\x1b[2Jgone\r\n\tx\x7f", "?[2Jgone???x?"},
        {"\xC2\x9B"
         "31m",
         "?31m"}, /* CSI as one character */
        {"a\xE2\x80\xAE"
         "b\xE2\x81\xA6"
         "c",
         "a?b?c"},                          /* right to left */
        {"\xE2\x80\x8B\xEF\xBB\xBF", "??"}, /* nothing to see */
        {"\xC0\x9B \xED\xA0\x80 \xE2\x82 \xFF", "?? ??? ?? ?"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = terminal_text(cases[i].said);
        assert_string_equal(text, cases[i].shown);
        free(text);
    }
    assert_null(terminal_text(NULL));
}

/* Each member that a hop may fill as it likes, and one of another type. */
static void test_a_hop_cannot_write_to_the_terminal(void **state)
{
    static const char *const keys[] = {"host",          "identity",      "authn_service", "authn_level",
                                       "impersonation", "local_account", "hresult",       "reason"};
    json_t *report = json_array(), *hop = json_object();
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        json_object_set_new(hop, keys[i],
                            json_string("fine\x1b]0;title\x07\xC2\x9B"
                                        "2K\ntwo"));
    json_array_append_new(report, hop);
    json_array_append_new(report, json_pack("{s:i, s:s}", "host", 1, "reason", "only a \x1b[31mreason"));
    json_array_append_new(report, json_string("not an object"));
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_true(report_print(report, file));
    fclose(file);
    assert_null(strchr(text, 0x1b));
    assert_null(strchr(text, 0x07));
    assert_null(strstr(text, "\xC2\x9B"));
    assert_non_null(strstr(text, "fine?]0;title??2K?two: fine"));
    assert_non_null(strstr(text, "-: only a ?[31mreason"));
    free(text);
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_text),
        cmocka_unit_test(test_terminal_text), cmocka_unit_test(test_a_hop_cannot_write_to_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
