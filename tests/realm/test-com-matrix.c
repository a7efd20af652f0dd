/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the server sees: every kind of cloaking, chosen by CoInitializeSecurity or SetBlanket, and every
 * history of the thread's token at SetBlanket, the first call and the second (facts CLK-1 to CLK-6; 36 rows).
 * The rows of SetBlanket run in processes of each process-wide cloaking, because a blanket overrules it.
 */
#include "tests/realm/com-fixture.h"
#include <stdlib.h>
#include <string.h>

#define ROW_MAX 128

/* Users, or NULL where the thread has no token; the process is alice. */
typedef struct Row {
    const char *name;
    DWORD cloaking;
    bool by_blanket;
    const char *at_set, *at_first, *at_second;
    const char *first, *second; /* whom the server sees */
} Row;

#define NONE    EOAC_NONE
#define STATIC  EOAC_STATIC_CLOAKING
#define DYNAMIC EOAC_DYNAMIC_CLOAKING

static const Row rows[] = {
    {"CLK_1_none_process___", NONE, false, NULL, NULL, NULL, "alice", "alice"},
    {"CLK_1_none_process__2", NONE, false, NULL, NULL, "dave", "alice", "alice"},
    {"CLK_1_none_process_1_", NONE, false, NULL, "carol", NULL, "alice", "alice"},
    {"CLK_1_none_process_12", NONE, false, NULL, "carol", "dave", "alice", "alice"},
    {"CLK_2_static_process___", STATIC, false, NULL, NULL, NULL, "alice", "alice"},
    {"CLK_2_static_process__2", STATIC, false, NULL, NULL, "dave", "alice", "alice"},
    {"CLK_2_static_process_1_", STATIC, false, NULL, "carol", NULL, "carol", "carol"},
    {"CLK_2_static_process_12", STATIC, false, NULL, "carol", "dave", "carol", "carol"},
    {"CLK_4_dynamic_process___", DYNAMIC, false, NULL, NULL, NULL, "alice", "alice"},
    {"CLK_4_dynamic_process__2", DYNAMIC, false, NULL, NULL, "dave", "alice", "dave"},
    {"CLK_4_dynamic_process_1_", DYNAMIC, false, NULL, "carol", NULL, "carol", "alice"},
    {"CLK_4_dynamic_process_12", DYNAMIC, false, NULL, "carol", "dave", "carol", "dave"},
    {"CLK_5_none_blanket____", NONE, true, NULL, NULL, NULL, "alice", "alice"},
    {"CLK_5_none_blanket___2", NONE, true, NULL, NULL, "dave", "alice", "alice"},
    {"CLK_5_none_blanket__1_", NONE, true, NULL, "carol", NULL, "alice", "alice"},
    {"CLK_5_none_blanket__12", NONE, true, NULL, "carol", "dave", "alice", "alice"},
    {"CLK_5_none_blanket_S__", NONE, true, "bob", NULL, NULL, "alice", "alice"},
    {"CLK_5_none_blanket_S_2", NONE, true, "bob", NULL, "dave", "alice", "alice"},
    {"CLK_5_none_blanket_S1_", NONE, true, "bob", "carol", NULL, "alice", "alice"},
    {"CLK_5_none_blanket_S12", NONE, true, "bob", "carol", "dave", "alice", "alice"},
    {"CLK_3_static_blanket____", STATIC, true, NULL, NULL, NULL, "alice", "alice"},
    {"CLK_3_static_blanket___2", STATIC, true, NULL, NULL, "dave", "alice", "alice"},
    {"CLK_3_static_blanket__1_", STATIC, true, NULL, "carol", NULL, "alice", "alice"},
    {"CLK_3_static_blanket__12", STATIC, true, NULL, "carol", "dave", "alice", "alice"},
    {"CLK_3_static_blanket_S__", STATIC, true, "bob", NULL, NULL, "bob", "bob"},
    {"CLK_3_static_blanket_S_2", STATIC, true, "bob", NULL, "dave", "bob", "bob"},
    {"CLK_3_static_blanket_S1_", STATIC, true, "bob", "carol", NULL, "bob", "bob"},
    {"CLK_3_static_blanket_S12", STATIC, true, "bob", "carol", "dave", "bob", "bob"},
    {"CLK_4_dynamic_blanket____", DYNAMIC, true, NULL, NULL, NULL, "alice", "alice"},
    {"CLK_4_dynamic_blanket___2", DYNAMIC, true, NULL, NULL, "dave", "alice", "dave"},
    {"CLK_4_dynamic_blanket__1_", DYNAMIC, true, NULL, "carol", NULL, "carol", "alice"},
    {"CLK_4_dynamic_blanket__12", DYNAMIC, true, NULL, "carol", "dave", "carol", "dave"},
    {"CLK_4_dynamic_blanket_S__", DYNAMIC, true, "bob", NULL, NULL, "alice", "alice"},
    {"CLK_4_dynamic_blanket_S_2", DYNAMIC, true, "bob", NULL, "dave", "alice", "dave"},
    {"CLK_4_dynamic_blanket_S1_", DYNAMIC, true, "bob", "carol", NULL, "carol", "alice"},
    {"CLK_4_dynamic_blanket_S12", DYNAMIC, true, "bob", "carol", "dave", "carol", "dave"},
};

#define ROWS      (sizeof(rows) / sizeof(*rows))
#define PROCESSES 3 /* none, static, dynamic */

static const DWORD process_cloakings[PROCESSES] = {NONE, STATIC, DYNAMIC};
/* What process `p` saw in row `r`: written by one process for each p, before the tests. */
static char results[PROCESSES][ROWS][ROW_MAX];

static bool belongs(const Row *row, DWORD process_cloaking)
{
    return row->by_blanket || row->cloaking == process_cloaking;
}

static void play(FILE *out, const Row *row)
{
    IWire *proxy = NULL;
    HRESULT hr = wire_open("a", WIRE_NONE, 0, &proxy);
    wire_become(row->at_set);
    if (SUCCEEDED(hr) && row->by_blanket)
        hr = wire_blanket(proxy, RPC_C_IMP_LEVEL_IMPERSONATE, row->cloaking);
    if (FAILED(hr)) return wire_say_result(out, hr);
    wire_become(row->at_first);
    wire_say(out, wire_who(proxy));
    wire_become(row->at_second);
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    IWire_Release(proxy);
}

static void play_all(FILE *out, void *argument)
{
    const DWORD *process_cloaking = argument;
    for (size_t i = 0; i < ROWS; i++) {
        if (!belongs(&rows[i], *process_cloaking)) continue;
        fprintf(out, "%s ", rows[i].name);
        play(out, &rows[i]);
        fputc('\n', out);
    }
}

/* "name first second" of every line into the process's results. */
static void sort_out(char *text, unsigned process)
{
    for (char *line; (line = strsep(&text, "\n"));) {
        char *name = strsep(&line, " ");
        for (size_t i = 0; line && i < ROWS; i++)
            if (strcmp(rows[i].name, name) == 0) snprintf(results[process][i], ROW_MAX, "%s", line);
    }
}

static WireServer server;

static int setup(void **state)
{
    wire_users((const char *const[]){"carol", "dave"}, 2);
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    wire_server_start(&server, "a", WIRE_NONE, "none", "mta");
    for (unsigned p = 0; p < PROCESSES; p++) {
        WireSide side = {.cloaking = process_cloakings[p], .level = RPC_C_IMP_LEVEL_IMPERSONATE};
        char *text = wire_in_process(&side, play_all, (void *)&process_cloakings[p]);
        sort_out(text, p);
        free(text);
    }
    return 0;
}

static int teardown(void **state)
{
    return wire_server_stop(&server);
}

static void compare(void **state)
{
    const Row *row = *state;
    char expected[ROW_MAX];
    unsigned processes = 0;
    snprintf(expected, sizeof(expected), "%s/impersonate/privacy %s/impersonate/privacy ", row->first,
             row->second);
    for (unsigned p = 0; p < PROCESSES; p++) {
        if (!belongs(row, process_cloakings[p])) continue;
        if (strcmp(results[p][row - rows], expected) != 0)
            fail_msg("in a process of %s cloaking:\n  seen:     %s\n  expected: %s",
                     wire_word(wire_cloakings, process_cloakings[p]), results[p][row - rows], expected);
        processes++;
    }
    assert_int_equal(processes, row->by_blanket ? PROCESSES : 1);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name, .test_func = compare, .initial_state = (void *)&rows[i]};
    return cmocka_run_group_tests_name("com-matrix", tests, setup, teardown);
}
