/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts: configuration, mantle-authd, mantled and the sample servers of each. */
#include "lab.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_NUMBER 2
/* The longest name mantled gives a socket in its runtime folder, with room to spare. */
#define SOCKET_NAME_MAX 24

/* As in <mantle_lab.h>, which a program without COM cannot read. */
static const char *const CLASSES =
    "[{4D616E74-6C65-0000-9B1E-57686F416D40}]\nname = Lab: no cloaking\nusers = %u\n\n"
    "[{4D616E74-6C65-0000-9B1E-57686F416D41}]\nname = Lab: static cloaking\nusers = %u\n\n"
    "[{4D616E74-6C65-0000-9B1E-57686F416D42}]\nname = Lab: dynamic cloaking\nusers = %u\n";
static const char *const CLOAKINGS[] = {"none", "static", "dynamic"};

/* What [resolver] of everybody's configuration has only where the command line asks for it. */
static void ping_period_text(const Lab *lab, char ret_text[64])
{
    ret_text[0] = '\0';
    if (lab->options.ping_period) snprintf(ret_text, 64, "ping_period = %s\n", lab->options.ping_period);
}

/* The names exist in this file and nowhere else. */
static int write_hosts_file(const Lab *lab)
{
    char path[LAB_PATH_MAX];
    if (lab_path(path, "%s/hosts.txt", lab->folder) < 0) return -1;
    FILE *file = fopen(path, "wxe");
    if (!file) return lab_error("cannot create %s: %m", path);
    fprintf(file, "# address and port of the resolver, names\n");
    for (int i = 0; i < lab->options.n_hosts; i++) {
        const LabHost *host = &lab->options.hosts[i];
        fprintf(file, lab->options.ipv6 ? "[%s]:%d %s." LAB_DOMAIN " %s\n" : "%s:%d %s." LAB_DOMAIN " %s\n",
                host->address, host->resolver_port, host->name, host->name);
    }
    return fclose(file) == 0 ? 0 : lab_error("cannot write %s: %m", path);
}

static int write_classes(const Lab *lab, const LabHost *host)
{
    char path[LAB_PATH_MAX], text[1024 + LAB_CLASSES_MAX * 128];
    if (lab_path(path, "%s/hosts/%s/classes.d", lab->folder, host->name) < 0) return -1;
    if (mkdir(path, 0700) < 0) return lab_error("cannot create %s: %m", path);
    if (lab_path(path, "%s/hosts/%s/classes.d/lab.conf", lab->folder, host->name) < 0) return -1;
    unsigned uid = getuid();
    int n = snprintf(text, sizeof(text), CLASSES, uid, uid, uid);
    for (int i = 0; i < lab->options.n_classes; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "\n[{%s}]\nname = Lab: --classes\nusers = %u\n",
                      lab->options.classes[i], uid);
    return lab_write_file(path, text);
}

/* Lines of [security] for everybody, and for those who accept calls. */
static void ntlm_text(const Lab *lab, bool accepts, char ret_text[2 * LAB_PATH_MAX])
{
    ret_text[0] = '\0';
    if (!lab->options.ntlm) return;
    int used = snprintf(ret_text, 2 * LAB_PATH_MAX, "ntlm = yes\n");
    if (accepts)
        snprintf(ret_text + used, 2 * LAB_PATH_MAX - (size_t)used, "ntlm_users = %s/ntlm-users\n",
                 lab->folder);
}

/* What mantle-authd of a host knows and nobody else there: where its keytab is. */
static int write_authority_conf(const Lab *lab, const LabHost *host)
{
    char path[LAB_PATH_MAX], text[8 * LAB_PATH_MAX], ntlm[2 * LAB_PATH_MAX];
    unsigned uid = getuid();
    ntlm_text(lab, true, ntlm);
    snprintf(text, sizeof(text),
             "[security]\n"
             "keytab = %s/hosts/%s/keytab\n"
             "principal = host/%s." LAB_DOMAIN "@" LAB_REALM "\n"
             "protocol_transition = %s\n"
             "impersonate = %u\n"
             "machine_identity = %u\n"
             "%s"
             "[authority]\n"
             "socket = %s/hosts/%s/run/authd.socket\n",
             lab->folder, host->name, host->name, host->transition ? "yes" : "no", uid, uid, ntlm,
             lab->folder, host->name);
    return lab_path(path, "%s/hosts/%s/authd.conf", lab->folder, host->name) < 0 ? -1
                                                                                 : lab_write_file(path, text);
}

static int write_host_conf(const Lab *lab, const LabHost *host)
{
    char path[LAB_PATH_MAX], text[8 * LAB_PATH_MAX], ping_period[64], ntlm[2 * LAB_PATH_MAX];
    ping_period_text(lab, ping_period);
    ntlm_text(lab, false, ntlm);
    const char *folder = lab->folder, *name = host->name;
    snprintf(text, sizeof(text),
             "[resolver]\n"
             "port = %d\n"
             "listen = %s\n"
             "hosts_file = %s/hosts.txt\n"
             "%s"
             "[exporter]\n"
             "port = %d\n"
             "name = %s." LAB_DOMAIN "\n"
             "addresses = %s\n"
             "local = no\n" /* whoever plays in a lab does so as one account: the kernel tells nobody apart */
             "[security]\n"
             "principal = host/%s." LAB_DOMAIN "@" LAB_REALM "\n"
             "%s"
             "[authority]\n"
             "socket = %s/hosts/%s/run/authd.socket\n"
             "[paths]\n"
             "runtime = %s/hosts/%s/run\n"
             "classes_dir = %s/hosts/%s/classes.d\n",
             host->resolver_port, host->address, folder, ping_period, host->exporter_port, name,
             host->address, name, ntlm, folder, name, folder, name, folder, name);
    if (lab_path(path, "%s/hosts/%s/run", folder, name) < 0) return -1;
    if (strlen(path) + SOCKET_NAME_MAX >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return lab_error("%s is too long for the path of a socket; set TMPDIR to a shorter one", path);
    if (mkdir(path, 0700) < 0) return lab_error("cannot create %s: %m", path);
    return lab_path(path, "%s/hosts/%s/mantle.conf", folder, name) < 0 ? -1 : lab_write_file(path, text);
}

/* The client is on a machine of its own, where no mantled runs; its ticket cache is KRB5CCNAME's. */
static int write_client_conf(const Lab *lab)
{
    char path[LAB_PATH_MAX], text[4 * LAB_PATH_MAX], address[48], ping_period[64];
    char ntlm[2 * LAB_PATH_MAX];
    ping_period_text(lab, ping_period);
    ntlm_text(lab, false, ntlm);
    if (lab->options.ipv6)
        strcpy(address, "::1");
    else
        snprintf(address, sizeof(address), "%.*s.%d",
                 (int)(strrchr(lab->kdc_address, '.') - lab->kdc_address), lab->kdc_address, CLIENT_NUMBER);
    snprintf(text, sizeof(text),
             "[resolver]\n"
             "port = %d\n"
             "hosts_file = %s/hosts.txt\n"
             "%s"
             "[exporter]\n"
             "port = 0\n"
             "name = client." LAB_DOMAIN "\n"
             "addresses = %s\n"
             "local = no\n"
             "[security]\n"
             "%s"
             "[paths]\n"
             "runtime = %s/run\n",
             lab->options.hosts[0].resolver_port, lab->folder, ping_period, address, ntlm, lab->folder);
    if (lab_path(path, "%s/run", lab->folder) < 0) return -1;
    if (mkdir(path, 0700) < 0) return lab_error("cannot create %s: %m", path);
    return lab_path(path, "%s/mantle.conf", lab->folder) < 0 ? -1 : lab_write_file(path, text);
}

int lab_hosts_configure(Lab *lab)
{
    if (write_hosts_file(lab) < 0 || write_client_conf(lab) < 0) return -1;
    for (int i = 0; i < lab->options.n_hosts; i++)
        if (write_host_conf(lab, &lab->options.hosts[i]) < 0 ||
            write_authority_conf(lab, &lab->options.hosts[i]) < 0 ||
            write_classes(lab, &lab->options.hosts[i]) < 0)
            return -1;
    return 0;
}

/* A process of one host, which finds nothing but that host's configuration; `name` is that of its log and pid
 * file. */
static int start_on(Lab *lab, const LabHost *host, const char *const argv[], const char *name)
{
    char log[LAB_PATH_MAX], pid_file[LAB_PATH_MAX], pid[32], what[LAB_NAME_MAX + 32];
    char config[LAB_PATH_MAX], notify[96];
    if (lab_path(log, "%s/hosts/%s/%s.log", lab->folder, host->name, name) < 0 ||
        lab_path(pid_file, "%s/hosts/%s/%s.pid", lab->folder, host->name, name) < 0 ||
        lab_path(config, "MANTLE_CONFIG=%s/hosts/%s/mantle.conf", lab->folder, host->name) < 0)
        return -1;
    snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=@%s", lab->notify_name);
    snprintf(what, sizeof(what), "%s on %s", name, host->name);
    const char *const environment[] = {config, notify, NULL};
    if (lab_process_start(lab, &(LabCommand){.argv = argv, .environment = environment, .log = log}, what) < 0)
        return -1;
    snprintf(pid, sizeof(pid), "%d\n", (int)lab->processes[lab->n_processes - 1].pid);
    return lab_write_file(pid_file, pid);
}

static int start_authorities(Lab *lab)
{
    char program[LAB_PATH_MAX], config[LAB_PATH_MAX];
    int first = lab->n_processes;
    if (lab_path(program, "%s/mantle-authd", lab->daemons) < 0) return -1;
    const char *const argv[] = {program, "--config", config, NULL};
    for (int i = 0; i < lab->options.n_hosts; i++)
        if (lab_path(config, "%s/hosts/%s/authd.conf", lab->folder, lab->options.hosts[i].name) < 0 ||
            start_on(lab, &lab->options.hosts[i], argv, "authd") < 0)
            return -1;
    return lab_process_wait_ready(lab, first);
}

static int start_mantled(Lab *lab)
{
    char program[LAB_PATH_MAX];
    int first = lab->n_processes;
    if (lab_path(program, "%s/mantled", lab->daemons) < 0) return -1;
    const char *const argv[] = {program, NULL};
    for (int i = 0; i < lab->options.n_hosts; i++)
        if (start_on(lab, &lab->options.hosts[i], argv, "mantled") < 0) return -1;
    return lab_process_wait_ready(lab, first);
}

static int start_samples(Lab *lab)
{
    char program[LAB_PATH_MAX], name[32];
    int first = lab->n_processes;
    if (lab_path(program, "%s/whoami-server", lab->samples) < 0) return -1;
    for (int i = 0; i < lab->options.n_hosts; i++)
        for (size_t c = 0; c < sizeof(CLOAKINGS) / sizeof(CLOAKINGS[0]); c++) {
            const char *const argv[] = {program, CLOAKINGS[c], NULL};
            snprintf(name, sizeof(name), "whoami-%s", CLOAKINGS[c]);
            if (start_on(lab, &lab->options.hosts[i], argv, name) < 0) return -1;
        }
    return lab_process_wait_ready(lab, first);
}

int lab_hosts_start(Lab *lab)
{
    return start_authorities(lab) < 0 || start_mantled(lab) < 0 ? -1 : start_samples(lab);
}
