/* SPDX-License-Identifier: Apache-2.0 */
/* What `./dev demo` runs inside a lab: one table over account, level and cloaking of whom three hosts saw. */
#include "terminal.h"
#include <libsmartcols.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOSTS         3
#define CELL          256
#define REASONS       16
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *const ACCOUNTS[] = {"alice", "sam"};
static const char *const LEVELS[] = {"anonymous", "identify", "impersonate", "delegate"};
static const char *const CLOAKINGS[] = {"none", "static", "dynamic"};

/* Runs `mantle whoami` as one account and returns its JSON; NULL when there is none. */
static json_t *ask(const char *lab, const char *account, const char *level, const char *cloaking)
{
    int ends[2];
    char cache[4096];
    if (snprintf(cache, sizeof(cache), "FILE:%s/users/%s.ccache", lab, account) >= (int)sizeof(cache) ||
        pipe(ends) < 0)
        return NULL;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        if (setenv("KRB5CCNAME", cache, 1) < 0 || dup2(ends[1], STDOUT_FILENO) < 0) _exit(1);
        close(ends[1]);
        execlp("mantle", "mantle", "whoami", "//a", "//b", "//c", "--format", "json", "--impersonation",
               level, "--cloaking", cloaking, (char *)NULL);
        fprintf(stderr, "mantle: %m\n");
        _exit(1);
    }
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    json_t *json = output ? json_loadf(output, 0, NULL) : NULL;
    if (output) fclose(output);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return json;
}

/* "alice@LAB.TEST" as "alice": the realm is the same everywhere in a lab. */
static void describe(const json_t *hop, char cell[CELL])
{
    char *identity = terminal_member(hop, "identity"), *code = terminal_member(hop, "hresult");
    if (identity)
        snprintf(cell, CELL, "%.*s", (int)strcspn(identity, "@"), identity);
    else
        snprintf(cell, CELL, "refused, %s", code ? code : "no answer");
    free(identity);
    free(code);
}

/* Every sentence once, in the order in which they came. */
static void keep_reason(const json_t *hop, char *reasons[REASONS])
{
    char *reason = terminal_member(hop, "reason"), *code = terminal_member(hop, "hresult"), *text = NULL;
    if (!reason || !code || asprintf(&text, "%s: %s", code, reason) < 0) text = NULL;
    free(reason);
    free(code);
    if (!text) return;
    for (size_t i = 0; i < REASONS; i++) {
        if (!reasons[i]) {
            reasons[i] = text;
            return;
        }
        if (strcmp(reasons[i], text) == 0) break;
    }
    free(text);
}

static bool add_row(struct libscols_table *table, const char *const words[3], const json_t *report,
                    char *reasons[REASONS])
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    bool ok = line != NULL;
    for (size_t c = 0; ok && c < 3; c++)
        ok = scols_line_set_data(line, c, words[c]) == 0;
    for (size_t h = 0; ok && h < HOSTS; h++) {
        char cell[CELL] = "";
        const json_t *hop = json_array_get(report, h);
        if (hop) {
            describe(hop, cell);
            keep_reason(hop, reasons);
        }
        ok = scols_line_set_data(line, 3 + h, cell) == 0;
    }
    return ok;
}

static bool fill(struct libscols_table *table, const char *lab, char *reasons[REASONS])
{
    for (size_t a = 0; a < LENGTH(ACCOUNTS); a++)
        for (size_t l = 0; l < LENGTH(LEVELS); l++)
            for (size_t c = 0; c < LENGTH(CLOAKINGS); c++) {
                json_t *report = ask(lab, ACCOUNTS[a], LEVELS[l], CLOAKINGS[c]);
                const char *const words[] = {ACCOUNTS[a], LEVELS[l], CLOAKINGS[c]};
                bool ok = json_array_size(report) > 0 && add_row(table, words, report, reasons);
                json_decref(report);
                if (!ok) return false;
            }
    return true;
}

int main(void)
{
    static const char *const columns[] = {"ACCOUNT", "LEVEL", "CLOAKING", "A SAW", "B SAW", "C SAW"};
    const char *lab = getenv("MANTLE_LAB");
    char *reasons[REASONS] = {NULL};
    struct libscols_table *table = scols_new_table();
    bool ok = lab && table;
    for (size_t c = 0; ok && c < sizeof(columns) / sizeof(columns[0]); c++)
        ok = scols_table_new_column(table, columns[c], 0, 0) != NULL;
    ok = ok && fill(table, lab, reasons);
    printf("The account calls a, a calls b, b calls c, each on behalf of its caller. sam is sensitive and "
           "cannot be delegated.\n\n");
    if (table && scols_print_table(table) != 0) ok = false;
    putchar('\n');
    for (size_t i = 0; i < REASONS; i++) {
        if (reasons[i]) printf("%s\n", reasons[i]);
        free(reasons[i]);
    }
    scols_unref_table(table);
    if (!ok) fprintf(stderr, "mantle lab demo: a chain gave no answer\n");
    return ok ? 0 : 1;
}
