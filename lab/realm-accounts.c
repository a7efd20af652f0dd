/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The realm's accounts. Every one has a random key, which only a keytab file knows; users of a lab with NTLM
 * have a random password instead, which is in a file, too, and in the file that hosts verify NTLM callers
 * with.
 */
#include "lab.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_USER      1104 /* RIDs */
#define FIRST_HOST      1504
#define DOMAIN_USERS    513
#define DOMAIN_MACHINES 515
#define LAB_PEOPLE      1103                                          /* a group of everybody in the lab */
#define ACCOUNT_MAX     (2 * (LAB_NAME_MAX + LAB_PASSWORD_SIZE + 16)) /* bytes of one user in the file of users \
                                                                       */
#define NAMES 4 /* of a host's account: two services, each by the short and by the long name */

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

static int choose_password(char ret_password[LAB_PASSWORD_SIZE])
{
    unsigned char bytes[(LAB_PASSWORD_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) return lab_error("no random numbers: %m");
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(ret_password + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

int lab_accounts_choose(Lab *lab)
{
    char path[LAB_PATH_MAX], text[LAB_PASSWORD_SIZE + 1], accounts[LAB_USERS_MAX * ACCOUNT_MAX] = "";
    size_t used = 0;
    if (!lab->options.ntlm) return 0;
    for (int i = 0; i < lab->options.n_users; i++) {
        LabUser *user = &lab->options.users[i];
        if (choose_password(user->password) < 0 ||
            lab_path(path, "%s/users/%s.password", lab->folder, user->name) < 0)
            return -1;
        snprintf(text, sizeof(text), "%s\n", user->password);
        if (lab_write_file(path, text) < 0) return -1;
        /* By the name that NTLM's clients have for the domain, and by the realm's. */
        used += (size_t)snprintf(accounts + used, sizeof(accounts) - used,
                                 LAB_NTLM_DOMAIN ":%s:%s\n" LAB_REALM ":%s:%s\n", user->name, user->password,
                                 user->name, user->password);
    }
    return lab_path(path, "%s/ntlm-users", lab->folder) < 0 ? -1 : lab_write_file(path, accounts);
}

/* "-pw" and the password go by kadmin.local's standard input. */
static void write_user(FILE *file, const LabUser *user)
{
    const char *has = user->password[0] ? "-pw " : "-randkey";
    fprintf(file, "addprinc %s%s +requires_preauth %s %s\n", has, user->password,
            user->sensitive ? "-allow_forwardable" : "", user->name);
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
        write_user(file, user);
        fprintf(file, "ktadd -k %s/users/%s.keytab -norandkey %s\n", lab->folder, user->name, user->name);
        write_sids(file, user->name, FIRST_USER + i, DOMAIN_USERS, LAB_PEOPLE);
    }
    return fclose(file) == 0 ? 0 : lab_error("cannot write %s: %m", path);
}
