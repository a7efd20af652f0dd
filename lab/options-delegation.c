/* SPDX-License-Identifier: Apache-2.0 */
/* --constrained and --resource-based: who may act for others, and where. */
#include "lab.h"
#include <stdio.h>
#include <string.h>

static int allow_pair(LabOptions *options, const char *from, const char *to, bool resource_based)
{
    LabHost *middle = lab_options_host(options, from), *target = lab_options_host(options, to);
    const char *option = resource_based ? "--resource-based names a host that --hosts does not"
                                        : "--constrained names a host that --hosts does not";
    if (!middle || !target) return lab_options_error(option, middle ? to : from);
    if (resource_based) {
        target->from[middle - options->hosts] = true;
    } else {
        /* An account is trusted for any service or for those listed, never for both. */
        middle->to[target - options->hosts] = true;
        middle->trusted = false;
    }
    return 0;
}

int lab_options_pairs(LabOptions *options, const char *list, bool resource_based)
{
    for (const char *rest = list; *rest;) {
        size_t length = strcspn(rest, ",");
        char pair[2 * LAB_NAME_MAX + 2] = "";
        if (length < sizeof(pair)) memcpy(pair, rest, length);
        char *colon = strchr(pair, ':');
        if (!colon) return lab_options_error("not a list of pairs like a:b", list);
        *colon = '\0';
        int r = allow_pair(options, pair, colon + 1, resource_based);
        if (r != 0) return r;
        rest += length + (rest[length] == ',');
    }
    return 0;
}
