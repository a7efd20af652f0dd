/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include "terminal.h"

static const char *const KEYS[] = {"host",          "identity",  "authn_service", "mechanism", "authn_level",
                                   "impersonation", "delegated", "local_account", "hresult"};
enum { COLUMNS = sizeof(KEYS) / sizeof(KEYS[0]) };

static bool add_line(struct libscols_table *table, const json_t *hop)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    bool ok = line != NULL;
    for (size_t c = 0; ok && c < COLUMNS; c++) {
        const json_t *value = json_object_get(hop, KEYS[c]);
        char *text = json_is_string(value) ? terminal_member(hop, KEYS[c])
                                           : terminal_text(json_is_true(value) ? "yes" : "-");
        ok = text && scols_line_set_data(line, c, text) == 0;
        free(text);
    }
    return ok;
}

static bool print_reason(const json_t *hop, FILE *file)
{
    char *reason = terminal_member(hop, "reason"), *host = terminal_member(hop, "host");
    bool ok = !reason || fprintf(file, "%s: %s\n", host ? host : "-", reason) > 0;
    free(reason);
    free(host);
    return ok;
}

/* Negotiate may have ended with another mechanism than its user expects: it is said which, and why. */
static bool print_security(const json_t *hop, FILE *file)
{
    const char *said = json_string_value(json_object_get(hop, "security"));
    if (!said || !strstr(said, "chosen by Negotiate")) return true;
    char *security = terminal_member(hop, "security"), *host = terminal_member(hop, "host");
    bool ok = fprintf(file, "%s: %s\n", host ? host : "-", security ? security : "-") > 0;
    free(security);
    free(host);
    return ok;
}

bool report_print(const json_t *report, FILE *file)
{
    struct libscols_table *table = scols_new_table();
    bool ok = table != NULL;
    for (size_t c = 0; ok && c < COLUMNS; c++)
        ok = scols_table_new_column(table, KEYS[c], 0, 0) != NULL;
    size_t index;
    json_t *hop;
    json_array_foreach(report, index, hop) ok = ok && add_line(table, hop);
    ok = ok && scols_table_set_stream(table, file) == 0 && scols_print_table(table) == 0;
    scols_unref_table(table);
    json_array_foreach(report, index, hop) ok = ok && print_reason(hop, file) && print_security(hop, file);
    return ok;
}
