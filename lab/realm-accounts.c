/* SPDX-License-Identifier: Apache-2.0 */
/* The realm's accounts. Every one has a random key, which only a keytab file knows. */
#include "lab.h"
#include <stdio.h>

#define FIRST_USER      1104 /* RIDs */
#define FIRST_HOST      1504
#define DOMAIN_USERS    513
#define DOMAIN_MACHINES 515
#define LAB_PEOPLE      1103 /* a group of everybody in the lab */
#define NAMES           4    /* of a host's account: two services, each by the short and by the long name */

static void host_name(const LabHost *host, int number, char ret_name[128])
{
    static const char *const services[] = {"host", "RPCSS"};
    snprintf(ret_name, 128, "%s/%s%s", services[number / 2], host->name, number % 2 ? "." LAB_DOMAIN : "");
}

/* All names of the hosts that `chosen` marks, as one attribute of `name`; none when nobody is marked. */
static void write_list(const LabOptions *options, FILE *file, const char *name, const char *attribute,
                       const bool chosen[LAB_HOSTS_MAX])
{
    bool any = false;
    for (int i = 0; i < options->n_hosts; i++)
        for (int number = 0; chosen[i] && number < NAMES; number++) {
            char other[128];
            host_name(&options->hosts[i], number, other);
            if (!any) fprintf(file, "setstr %s %s \"", name, attribute);
            fprintf(file, any ? " %s" : "%s", other);
            any = true;
        }
    if (any) fputs("\"\n", file);
}

static void write_sids(FILE *file, const char *name, int rid, int group, int other_group)
{
    fprintf(file, "setstr %s sid " LAB_DOMAIN_SID "-%d\n", name, rid);
    if (other_group)
        fprintf(file, "setstr %s groups \"%d %d\"\n", name, group, other_group);
    else
        fprintf(file, "setstr %s groups %d\n", name, group);
}

/* One account of a domain is four principals here, with the same SID. */
static void write_host(const Lab *lab, FILE *file, int index)
{
    const LabHost *host = &lab->options.hosts[index];
    for (int number = 0; number < NAMES; number++) {
        char name[128];
        host_name(host, number, name);
        fprintf(file, "addprinc -randkey +requires_preauth %s %s %s\n",
                host->trusted ? "+ok_as_delegate" : "", host->transition ? "+ok_to_auth_as_delegate" : "",
                name);
        fprintf(file, "ktadd -k %s/hosts/%s/keytab -norandkey %s\n", lab->folder, host->name, name);
        write_sids(file, name, FIRST_HOST + index, DOMAIN_MACHINES, 0);
        write_list(&lab->options, file, name, "delegate_to", host->to);
        write_list(&lab->options, file, name, "delegate_from", host->from);
    }
}

int lab_accounts_write(const Lab *lab, const char *path)
{
    const LabOptions *options = &lab->options;
    FILE *file = fopen(path, "wxe");
    if (!file) return lab_error("cannot create %s: %m", path);
    for (int i = 0; i < options->n_hosts; i++)
        write_host(lab, file, i);
    for (int i = 0; i < options->n_users; i++) {
        const LabUser *user = &options->users[i];
        fprintf(file, "addprinc -randkey +requires_preauth %s %s\n",
                user->sensitive ? "-allow_forwardable" : "", user->name);
        fprintf(file, "ktadd -k %s/users/%s.keytab -norandkey %s\n", lab->folder, user->name, user->name);
        write_sids(file, user->name, FIRST_USER + i, DOMAIN_USERS, LAB_PEOPLE);
    }
    return fclose(file) == 0 ? 0 : lab_error("cannot write %s: %m", path);
}
