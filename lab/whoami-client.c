/* SPDX-License-Identifier: Apache-2.0 */
/* What `mantle whoami` runs: walks a chain of hosts and prints whom each of them saw. */
#define COBJMACROS
#include "chain.h"
#include "report.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

typedef enum ReportFormat { TABLE, JSON, DETAILS } ReportFormat;

static void print_usage(FILE *file)
{
    fprintf(
        file,
        "usage: mantle whoami //HOST [//HOST ...] [--impersonation anonymous|identify|impersonate|delegate]\n"
        "                     [--cloaking none|static|dynamic] [--cloaking-by process|blanket]\n"
        "                     [--authn connect|pkt|integrity|privacy] [--service kerberos|negotiate]\n"
        "                     [--warm-up-as-self] [--format table|json|details]\n"
        "       mantle whoami --help\n");
}

static int usage_error(const char *text, const char *what)
{
    fprintf(stderr, "mantle whoami: %s%s%s\n", text, what ? ": " : "", what ? what : "");
    print_usage(stderr);
    return EXIT_USAGE;
}

static int add_host(ChainPlan *plan, const char *text)
{
    if (strncmp(text, "//", 2) != 0 || !text[2] || strchr(text + 2, '/'))
        return usage_error("a host is written //HOST", text);
    if (strlen(text + 2) > CHAIN_HOST_MAX) return usage_error("the name of a host is too long", text);
    if (plan->n_hosts == CHAIN_HOSTS_MAX) return usage_error("too many hosts", text);
    strcpy(plan->hosts[plan->n_hosts++], text + 2);
    return 0;
}

static int choose(const ChainWord *words, const char *option, DWORD *ret_value)
{
    return chain_word_value(words, optarg, ret_value) ? 0 : usage_error(option, optarg);
}

static int check(const ChainPlan *plan)
{
    if (plan->n_hosts == 0) return usage_error("no host", NULL);
    if (plan->by_process && plan->n_hosts != 2)
        return usage_error(
            "--cloaking-by process takes exactly two hosts: a server's process-wide level is IMPERSONATE,"
            " which reaches one host further and no more",
            NULL);
    return 0;
}

static int parse(int argc, char **argv, ChainPlan *plan, DWORD *ret_format)
{
    enum { IMPERSONATION = 1, CLOAKING, CLOAKING_BY, AUTHN, SERVICE, WARM_UP, FORMAT, HELP };
    static const struct option known[] = {{"impersonation", required_argument, NULL, IMPERSONATION},
                                          {"cloaking", required_argument, NULL, CLOAKING},
                                          {"cloaking-by", required_argument, NULL, CLOAKING_BY},
                                          {"authn", required_argument, NULL, AUTHN},
                                          {"service", required_argument, NULL, SERVICE},
                                          {"warm-up-as-self", no_argument, NULL, WARM_UP},
                                          {"format", required_argument, NULL, FORMAT},
                                          {"help", no_argument, NULL, HELP},
                                          {NULL, 0, NULL, 0}};
    static const ChainWord by[] = {{"blanket", false}, {"process", true}, {NULL, 0}};
    static const ChainWord formats[] = {{"table", TABLE}, {"json", JSON}, {"details", DETAILS}, {NULL, 0}};
    DWORD by_process = false;
    int option, r = 0;
    opterr = 0;
    while (r == 0 && (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case IMPERSONATION:
            r = choose(CHAIN_IMPERSONATION, "no such impersonation level", &plan->impersonation);
            break;
        case CLOAKING:
            r = choose(CHAIN_CLOAKING, "no such cloaking", &plan->cloaking);
            break;
        case CLOAKING_BY:
            r = choose(by, "cloaking is set by process or blanket, not by", &by_process);
            break;
        case AUTHN:
            r = choose(CHAIN_AUTHN, "no such authentication level", &plan->authn);
            break;
        case SERVICE:
            r = choose(CHAIN_SERVICE, "no such authentication service", &plan->service);
            break;
        case WARM_UP:
            plan->warm_up = true;
            break;
        case FORMAT:
            r = choose(formats, "no such format", ret_format);
            break;
        case HELP:
            print_usage(stdout);
            exit(EXIT_SUCCESS);
        default:
            r = usage_error("unknown option, or one without its value", argv[optind - 1]);
        }
    }
    while (r == 0 && optind < argc)
        r = add_host(plan, argv[optind++]);
    plan->by_process = by_process;
    return r == 0 ? check(plan) : r;
}

/* The client's own call, to the first host; where the servers' processes cloak, that server is chosen here.
 */
static void walk(const ChainPlan *plan, json_t *report)
{
    ChainTarget target = {.index = 0,
                          .process_cloaking = plan->by_process ? plan->cloaking : MANTLE_LAB_CLOAKING_NONE,
                          .impersonation = plan->impersonation,
                          .cloaking = MANTLE_LAB_CLOAKING_NONE};
    IMantleWhoami *proxy = NULL;
    HRESULT hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT,
                                      RPC_C_IMP_LEVEL_IDENTIFY, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr)) hr = chain_open(plan, &target, &proxy);
    if (SUCCEEDED(hr)) hr = chain_call(plan, 0, proxy, report);
    if (FAILED(hr)) json_array_append_new(report, chain_refusal_json(plan->hosts[0], hr));
    if (proxy) IMantleWhoami_Release(proxy);
}

/* Did every hop of the plan answer? */
static bool complete(const ChainPlan *plan, const json_t *report)
{
    const json_t *last = json_array_get(report, json_array_size(report) - 1);
    const char *code = json_string_value(json_object_get(last, "hresult"));
    return json_array_size(report) == plan->n_hosts && code && strcmp(code, "0x00000000") == 0;
}

static bool print_json(json_t *report, bool details)
{
    size_t index;
    json_t *hop;
    json_array_foreach(report, index, hop)
    {
        if (details) continue;
        (void)json_object_del(hop, "sid");
        (void)json_object_del(hop, "mechanism");
        (void)json_object_del(hop, "security");
    }
    return json_dumpf(report, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0 && putchar('\n') != EOF;
}

int main(int argc, char **argv)
{
    ChainPlan plan = {.impersonation = RPC_C_IMP_LEVEL_IMPERSONATE,
                      .authn = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                      .service = RPC_C_AUTHN_GSS_KERBEROS,
                      .cloaking = MANTLE_LAB_CLOAKING_NONE};
    DWORD format = TABLE;
    int r = parse(argc, argv, &plan, &format);
    if (r != 0) return r;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr)) {
        fprintf(stderr, "mantle whoami: COM does not start: 0x%08X\n", (unsigned)hr);
        return 1;
    }
    json_t *report = json_array();
    walk(&plan, report);
    CoUninitialize();
    bool printed = format == TABLE ? report_print(report, stdout) : print_json(report, format == DETAILS);
    r = printed && complete(&plan, report) ? 0 : 1;
    json_decref(report);
    return r;
}
