/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a chain as JSON in ASCII, so that it goes through WCHAR strings unchanged. */
#include "chain.h"
#include <stdlib.h>
#include <string.h>

#define PLAN_TEXT_MAX 8192

const ChainWord CHAIN_IMPERSONATION[] = {{"anonymous", RPC_C_IMP_LEVEL_ANONYMOUS},
                                         {"identify", RPC_C_IMP_LEVEL_IDENTIFY},
                                         {"impersonate", RPC_C_IMP_LEVEL_IMPERSONATE},
                                         {"delegate", RPC_C_IMP_LEVEL_DELEGATE},
                                         {NULL, 0}};
const ChainWord CHAIN_CLOAKING[] = {{"none", MANTLE_LAB_CLOAKING_NONE},
                                    {"static", MANTLE_LAB_CLOAKING_STATIC},
                                    {"dynamic", MANTLE_LAB_CLOAKING_DYNAMIC},
                                    {NULL, 0}};
const ChainWord CHAIN_AUTHN[] = {{"connect", RPC_C_AUTHN_LEVEL_CONNECT},
                                 {"pkt", RPC_C_AUTHN_LEVEL_PKT},
                                 {"integrity", RPC_C_AUTHN_LEVEL_PKT_INTEGRITY},
                                 {"privacy", RPC_C_AUTHN_LEVEL_PKT_PRIVACY},
                                 {NULL, 0}};

const ChainWord CHAIN_SERVICE[] = {
    {"kerberos", RPC_C_AUTHN_GSS_KERBEROS}, {"negotiate", RPC_C_AUTHN_GSS_NEGOTIATE}, {NULL, 0}};

bool chain_word_value(const ChainWord *words, const char *word, DWORD *ret_value)
{
    for (; words->word; words++)
        if (strcmp(words->word, word) == 0) {
            *ret_value = words->value;
            return true;
        }
    return false;
}

const char *chain_word_of(const ChainWord *words, DWORD value)
{
    while (words->word && words->value != value)
        words++;
    return words->word;
}

LPWSTR chain_plan_write(const ChainPlan *plan)
{
    json_t *hosts = json_array();
    for (unsigned i = 0; i < plan->n_hosts; i++)
        json_array_append_new(hosts, json_string(plan->hosts[i]));
    json_t *json = json_pack("{s:o, s:s, s:s, s:s, s:s, s:b, s:b}", "hosts", hosts, "impersonation",
                             chain_word_of(CHAIN_IMPERSONATION, plan->impersonation), "authn",
                             chain_word_of(CHAIN_AUTHN, plan->authn), "service",
                             chain_word_of(CHAIN_SERVICE, plan->service), "cloaking",
                             chain_word_of(CHAIN_CLOAKING, plan->cloaking), "by_process", plan->by_process,
                             "warm_up", plan->warm_up);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    LPWSTR result = text ? chain_text_wide(text) : NULL;
    free(text);
    json_decref(json);
    return result;
}

static bool read_hosts(json_t *hosts, ChainPlan *plan)
{
    size_t count = json_array_size(hosts);
    if (count == 0 || count > CHAIN_HOSTS_MAX) return false;
    for (size_t i = 0; i < count; i++) {
        const char *host = json_string_value(json_array_get(hosts, i));
        if (!host || strlen(host) > CHAIN_HOST_MAX) return false;
        strcpy(plan->hosts[i], host);
    }
    plan->n_hosts = (unsigned)count;
    return true;
}

bool chain_plan_read(LPCWSTR text, ChainPlan *ret_plan)
{
    char ascii[PLAN_TEXT_MAX];
    size_t length = 0;
    for (; text[length]; length++) {
        if (length == sizeof(ascii) || text[length] >= 0x80) return false;
        ascii[length] = (char)text[length];
    }
    ChainPlan plan = {.n_hosts = 0};
    const char *impersonation, *authn, *service = "kerberos", *cloaking;
    int by_process, warm_up;
    json_t *hosts, *json = json_loadb(ascii, length, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json && json_unpack(json, "{s:o, s:s, s:s, s?s, s:s, s:b, s:b !}", "hosts", &hosts,
                                  "impersonation", &impersonation, "authn", &authn, "service", &service,
                                  "cloaking", &cloaking, "by_process", &by_process, "warm_up", &warm_up) == 0;
    ok = ok && read_hosts(hosts, &plan) &&
         chain_word_value(CHAIN_IMPERSONATION, impersonation, &plan.impersonation) &&
         chain_word_value(CHAIN_AUTHN, authn, &plan.authn) &&
         chain_word_value(CHAIN_SERVICE, service, &plan.service) &&
         chain_word_value(CHAIN_CLOAKING, cloaking, &plan.cloaking);
    if (ok) {
        plan.by_process = by_process;
        plan.warm_up = warm_up;
        *ret_plan = plan;
    }
    json_decref(json);
    return ok;
}
