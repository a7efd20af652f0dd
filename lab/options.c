/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mantle lab exec`. */
#include "lab.h"
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

static void print_usage(FILE *file)
{
    fprintf(
        file,
        "usage: mantle lab exec [--hosts a,b,c] [--untrusted H,..] [--users alice,bob] [--sensitive sam]\n"
        "                       [--constrained A:B,..] [--resource-based A:B,..] [--protocol-transition "
        "H,..]\n"
        "                       [--as alice] [--classes CLSID,..] [--ping-period TIME] [--ticket-life TIME]\n"
        "                       [--ntlm]\n"
        "                       [--ipv6] [--resolver-port N] [--keep] [--realm-only] -- COMMAND ...\n"
        "       mantle lab exec --help\n");
}

int lab_options_error(const char *text, const char *what)
{
    fprintf(stderr, "mantle lab exec: %s%s%s\n", text, what ? ": " : "", what ? what : "");
    print_usage(stderr);
    return EXIT_USAGE;
}

/* Names become files, principals and lines of scripts: letters, digits and inner dashes only. */
static bool is_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > LAB_NAME_MAX || name[0] == '-' || name[length - 1] == '-') return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

LabHost *lab_options_host(LabOptions *options, const char *name)
{
    for (int i = 0; i < options->n_hosts; i++)
        if (strcmp(options->hosts[i].name, name) == 0) return &options->hosts[i];
    return NULL;
}

static LabUser *find_user(LabOptions *options, const char *name)
{
    for (int i = 0; i < options->n_users; i++)
        if (strcmp(options->users[i].name, name) == 0) return &options->users[i];
    return NULL;
}

static int add_host(LabOptions *options, const char *name)
{
    if (lab_options_host(options, name)) return lab_options_error("a host is named twice", name);
    if (options->n_hosts == LAB_HOSTS_MAX) return lab_options_error("too many hosts", name);
    LabHost *host = &options->hosts[options->n_hosts++];
    strcpy(host->name, name);
    host->trusted = true;
    return 0;
}

static int distrust_host(LabOptions *options, const char *name)
{
    LabHost *host = lab_options_host(options, name);
    if (!host) return lab_options_error("--untrusted names a host that --hosts does not", name);
    host->trusted = false;
    return 0;
}

static int allow_transition(LabOptions *options, const char *name)
{
    LabHost *host = lab_options_host(options, name);
    if (!host) return lab_options_error("--protocol-transition names a host that --hosts does not", name);
    host->transition = true;
    return 0;
}

static int add_user(LabOptions *options, const char *name)
{
    if (find_user(options, name)) return lab_options_error("a user is named twice", name);
    if (options->n_users == LAB_USERS_MAX) return lab_options_error("too many users", name);
    strcpy(options->users[options->n_users++].name, name);
    return 0;
}

static int add_sensitive_user(LabOptions *options, const char *name)
{
    int r = find_user(options, name) ? 0 : add_user(options, name);
    if (r == 0) find_user(options, name)->sensitive = true;
    return r;
}

/* Calls `each` for the names of a comma-separated list. */
static int each_name(LabOptions *options, const char *list, int (*each)(LabOptions *, const char *))
{
    for (const char *rest = list; *rest;) {
        size_t length = strcspn(rest, ",");
        char name[LAB_NAME_MAX + 1] = "";
        if (length <= LAB_NAME_MAX) memcpy(name, rest, length);
        if (!is_name(name)) return lab_options_error("not a list of names", list);
        int r = each(options, name);
        if (r != 0) return r;
        rest += length + (rest[length] == ',');
    }
    return 0;
}

/* "01234567-89ab-cdef-0123-456789abcdef", with braces or without, as it will stand in classes.d. */
static int add_class(LabOptions *options, const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t length = strlen(text), braces = text[0] == '{' && text[length - 1] == '}';
    const char *digits = text + braces;
    if (length != LAB_CLASS_LENGTH + 2 * braces) return lab_options_error("not a class", text);
    for (size_t i = 0; i < LAB_CLASS_LENGTH; i++)
        if (form[i] == '-' ? digits[i] != '-' : !isxdigit((unsigned char)digits[i]))
            return lab_options_error("not a class", text);
    if (options->n_classes == LAB_CLASSES_MAX) return lab_options_error("too many classes", text);
    memcpy(options->classes[options->n_classes++], digits, LAB_CLASS_LENGTH);
    return 0;
}

static int add_classes(LabOptions *options, const char *list)
{
    int r = 0;
    for (const char *rest = list; r == 0 && *rest;) {
        size_t length = strcspn(rest, ",");
        char text[LAB_CLASS_LENGTH + 3] = "";
        if (length < sizeof(text)) memcpy(text, rest, length);
        r = *text ? add_class(options, text) : lab_options_error("not a list of classes", list);
        rest += length + (rest[length] == ',');
    }
    return r;
}

/* A number and its unit, as mantle.conf has them; mantled knows which of them it accepts. */
static const char *parse_time(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    bool is_time =
        digits > 0 && strlen(text) <= LAB_NAME_MAX && strspn(text + digits, "hmins") == strlen(text + digits);
    return is_time ? text : NULL;
}

/* 0 for what is no port. */
static int parse_port(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);
    return *text && !*end && port > 0 && port <= 65535 ? (int)port : 0;
}

typedef struct Lists {
    const char *hosts, *untrusted, *constrained, *resource_based, *transition, *users, *sensitive, *as;
} Lists;

/* Lists depend on each other, so they are applied in this order whatever order they were given in. */
static int apply_lists(LabOptions *options, const Lists *lists)
{
    int r = each_name(options, lists->hosts, add_host);
    if (r == 0) r = each_name(options, lists->untrusted, distrust_host);
    if (r == 0) r = lab_options_pairs(options, lists->constrained, false);
    if (r == 0) r = lab_options_pairs(options, lists->resource_based, true);
    if (r == 0) r = each_name(options, lists->transition, allow_transition);
    if (r == 0) r = each_name(options, lists->users, add_user);
    if (r == 0) r = each_name(options, lists->sensitive, add_sensitive_user);
    if (r != 0) return r;
    if (options->n_hosts == 0) return lab_options_error("--hosts names nobody", NULL);
    options->as = find_user(options, lists->as);
    if (!options->as) return lab_options_error("--as names nobody of --users or --sensitive", lists->as);
    return 0;
}

enum {
    HOSTS = 1,
    UNTRUSTED,
    CONSTRAINED,
    RESOURCE_BASED,
    TRANSITION,
    USERS,
    SENSITIVE,
    AS,
    CLASSES,
    PING_PERIOD,
    TICKET_LIFE,
    NTLM,
    IPV6,
    KEEP,
    REALM_ONLY,
    RESOLVER_PORT,
    HELP
};
static const struct option known[] = {
    {"hosts", required_argument, NULL, HOSTS},
    {"untrusted", required_argument, NULL, UNTRUSTED},
    {"constrained", required_argument, NULL, CONSTRAINED},
    {"resource-based", required_argument, NULL, RESOURCE_BASED},
    {"protocol-transition", required_argument, NULL, TRANSITION},
    {"users", required_argument, NULL, USERS},
    {"sensitive", required_argument, NULL, SENSITIVE},
    {"as", required_argument, NULL, AS},
    {"classes", required_argument, NULL, CLASSES},
    {"ping-period", required_argument, NULL, PING_PERIOD},
    {"ticket-life", required_argument, NULL, TICKET_LIFE},
    {"ntlm", no_argument, NULL, NTLM},
    {"ipv6", no_argument, NULL, IPV6},
    {"keep", no_argument, NULL, KEEP},
    {"realm-only", no_argument, NULL, REALM_ONLY},
    {"resolver-port", required_argument, NULL, RESOLVER_PORT},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

int lab_options_parse(int argc, char **argv, LabOptions *ret_options)
{
    LabOptions options = {.n_hosts = 0};
    Lists lists = {.hosts = "a,b,c",
                   .untrusted = "",
                   .constrained = "",
                   .resource_based = "",
                   .transition = "",
                   .users = "alice,bob",
                   .sensitive = "",
                   .as = "alice"};
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
        switch (option) {
        case HOSTS:
            lists.hosts = optarg;
            break;
        case UNTRUSTED:
            lists.untrusted = optarg;
            break;
        case CONSTRAINED:
            lists.constrained = optarg;
            break;
        case RESOURCE_BASED:
            lists.resource_based = optarg;
            break;
        case TRANSITION:
            lists.transition = optarg;
            break;
        case USERS:
            lists.users = optarg;
            break;
        case SENSITIVE:
            lists.sensitive = optarg;
            break;
        case AS:
            lists.as = optarg;
            break;
        case CLASSES:
            if (add_classes(&options, optarg) != 0) return EXIT_USAGE;
            break;
        case PING_PERIOD:
            options.ping_period = parse_time(optarg);
            if (!options.ping_period) return lab_options_error("not a time like 2s", optarg);
            break;
        case NTLM:
            options.ntlm = true;
            break;
        case TICKET_LIFE:
            options.ticket_life = parse_time(optarg);
            if (!options.ticket_life) return lab_options_error("not a time like 20s", optarg);
            break;
        case IPV6:
            options.ipv6 = true;
            break;
        case KEEP:
            options.keep = true;
            break;
        case REALM_ONLY:
            options.realm_only = true;
            break;
        case RESOLVER_PORT:
            options.resolver_port = parse_port(optarg);
            if (!options.resolver_port) return lab_options_error("not a port", optarg);
            break;
        case HELP:
            print_usage(stdout);
            return LAB_OPTIONS_HELP;
        default:
            return lab_options_error("unknown option, or one without its value", argv[optind - 1]);
        }
    }
    if (optind >= argc) return lab_options_error("no command", NULL);
    if (options.ipv6 && options.resolver_port)
        return lab_options_error("on ::1 every host has a port of its own", NULL);
    options.command = argv + optind;
    /* `as` points into the structure, so it is set in the caller's. */
    *ret_options = options;
    return apply_lists(ret_options, &lists);
}
