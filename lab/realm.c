/* SPDX-License-Identifier: Apache-2.0 */
/* The realm: an MIT KDC with random keys, a keytab per host, a ticket cache per user. */
#include "lab.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* "[::1]" or "127.1.2.3": what stands before a colon and a port. */
static void kdc_text(const Lab *lab, char ret_text[80])
{
    snprintf(ret_text, 80, lab->options.ipv6 ? "[%s]:%d" : "%s:%d", lab->kdc_address, lab->kdc_port);
}

/* No name is ever looked up, and whatever a library would fall back to by itself does not exist. */
static int write_krb5_conf(const Lab *lab, const char *kdc)
{
    char path[LAB_PATH_MAX], text[4096];
    const char *folder = lab->folder;
    int length = snprintf(text, sizeof(text),
                          "[libdefaults]\n"
                          "    default_realm = " LAB_REALM "\n"
                          "    dns_lookup_kdc = false\n"
                          "    dns_lookup_realm = false\n"
                          "    dns_canonicalize_hostname = false\n"
                          "    rdns = false\n"
                          "    qualify_shortname = \"\"\n"
                          "    udp_preference_limit = 1\n"
                          "    kdc_timesync = 0\n"
                          "    forwardable = true\n"
                          "    default_ccache_name = FILE:%s/none.ccache\n"
                          "    default_keytab_name = FILE:%s/none.keytab\n"
                          "    default_client_keytab_name = FILE:%s/none.keytab\n"
                          "    default_rcache_name = file2:%s/replay-cache\n"
                          "[realms]\n"
                          "    " LAB_REALM " = {\n"
                          "        kdc = %s\n"
                          "    }\n"
                          "[domain_realm]\n"
                          "    ." LAB_DOMAIN " = " LAB_REALM "\n"
                          "    " LAB_DOMAIN " = " LAB_REALM "\n"
                          "[plugins]\n"
                          "    ccselect = {\n"
                          "        disable = k5identity\n"
                          "    }\n",
                          folder, folder, folder, folder, kdc);
    if (length >= (int)sizeof(text)) return lab_error("the path of the lab's folder is too long");
    return lab_path(path, "%s/krb5.conf", folder) < 0 ? -1 : lab_write_file(path, text);
}

static int write_kdc_conf(const Lab *lab, const char *kdc)
{
    char path[LAB_PATH_MAX], text[4096];
    const char *folder = lab->folder;
    int length =
        snprintf(text, sizeof(text),
                 "[kdcdefaults]\n"
                 "    kdc_listen = %s\n"
                 "    kdc_tcp_listen = %s\n"
                 "[realms]\n"
                 "    " LAB_REALM " = {\n"
                 "        key_stash_file = %s/kdc/stash\n"
                 "        acl_file = %s/kdc/acl\n"
                 "        database_module = lab\n"
                 "        default_principal_flags = +preauth\n"
                 "        max_life = %s\n"
                 "        max_renewable_life = 7d\n"
                 "    }\n"
                 "[dbmodules]\n"
                 "    db_module_dir = %s\n"
                 "    lab = {\n"
                 "        db_library = mantle-lab-kdb\n"
                 "        database_name = %s/kdc/principal\n"
                 "        disable_last_success = true\n"
                 "        disable_lockout = true\n"
                 "    }\n"
                 "[logging]\n"
                 "    kdc = FILE:%s/kdc.log\n"
                 "    admin_server = FILE:%s/kdc/admin.log\n"
                 "    default = FILE:%s/kdc/other.log\n",
                 kdc, kdc, folder, folder, lab->options.ticket_life ? lab->options.ticket_life : "10h",
                 lab->samples, folder, folder, folder, folder);
    if (length >= (int)sizeof(text)) return lab_error("the path of the lab's folder is too long");
    return lab_path(path, "%s/kdc.conf", folder) < 0 ? -1 : lab_write_file(path, text);
}

/* kadmin.local exits with 0 whatever became of its commands; a failed one leaves "... while doing this"
 * behind. */
static int check_filled(const char *log)
{
    char line[1024];
    FILE *file = fopen(log, "re");
    if (!file) return lab_error("cannot read %s: %m", log);
    int r = 0;
    while (r == 0 && fgets(line, sizeof(line), file))
        if (strstr(line, " while ")) r = lab_error("kadmin.local: %s", line);
    fclose(file);
    return r;
}

static int create_database(Lab *lab)
{
    unsigned char bytes[24];
    char key[2 * sizeof(bytes) + 1], script[LAB_PATH_MAX], log[LAB_PATH_MAX];
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) return lab_error("no random numbers: %m");
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(key + 2 * i, 3, "%02x", bytes[i]);
    if (lab_path(script, "%s/kdc/principals", lab->folder) < 0 ||
        lab_path(log, "%s/kdc/create.log", lab->folder) < 0)
        return -1;
    /* The password goes by standard input: command lines can be read by everybody. */
    char answers[2 * sizeof(key) + 4];
    snprintf(answers, sizeof(answers), "%s\n%s\n", key, key);
    if (lab_write_file(script, answers) < 0) return -1;
    const char *const create[] = {"kdb5_util", "create", "-s", "-r", LAB_REALM, NULL};
    int r =
        lab_process_run(lab, &(LabCommand){.argv = create, .input = script, .log = log}, "kdb5_util create");
    unlink(script);
    explicit_bzero(key, sizeof(key));
    explicit_bzero(answers, sizeof(answers));
    if (r < 0 || lab_accounts_write(lab, script) < 0) return -1;
    const char *const fill[] = {"kadmin.local", "-r", LAB_REALM, NULL};
    if (lab_process_run(lab, &(LabCommand){.argv = fill, .input = script, .log = log}, "kadmin.local") < 0)
        return -1;
    return check_filled(log);
}

static bool answers(const Lab *lab)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)lab->kdc_port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)lab->kdc_port)};
    bool is_six = inet_pton(AF_INET6, lab->kdc_address, &six.sin6_addr) == 1;
    (void)inet_pton(AF_INET, lab->kdc_address, &four.sin_addr);
    int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    struct sockaddr *name = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    bool ok = connect(fd, name, is_six ? sizeof(six) : sizeof(four)) == 0;
    close(fd);
    return ok;
}

static int start_kdc(Lab *lab)
{
    char log[LAB_PATH_MAX], pid_file[LAB_PATH_MAX];
    if (lab_path(log, "%s/kdc/output.log", lab->folder) < 0 ||
        lab_path(pid_file, "%s/kdc.pid", lab->folder) < 0)
        return -1;
    const char *const argv[] = {"krb5kdc", "-n", "-r", LAB_REALM, "-P", pid_file, NULL};
    if (lab_process_start(lab, &(LabCommand){.argv = argv, .log = log}, "krb5kdc") < 0) return -1;
    LabProcess *kdc = &lab->processes[lab->n_processes - 1];
    for (int waited = 0; waited < LAB_STEP_MS; waited += 2) {
        struct pollfd front = {.fd = lab->front_fd, .events = POLLIN};
        if (answers(lab)) {
            kdc->ready = true;
            return 0;
        }
        if (poll(&front, 1, 2) > 0) return -1;
        lab_process_reap(lab);
        if (!kdc->pid) break;
    }
    lab_print_log(log);
    return lab_error("krb5kdc does not answer on %s port %d", lab->kdc_address, lab->kdc_port);
}

static int log_in(Lab *lab, const LabUser *user)
{
    char keytab[LAB_PATH_MAX], cache[LAB_PATH_MAX], log[LAB_PATH_MAX];
    if (lab_path(keytab, "FILE:%s/users/%s.keytab", lab->folder, user->name) < 0 ||
        lab_path(cache, "FILE:%s/users/%s.ccache", lab->folder, user->name) < 0 ||
        lab_path(log, "%s/users/%s.log", lab->folder, user->name) < 0)
        return -1;
    const char *const argv[] = {"kinit", "-f", "-k", "-t", keytab, "-c", cache, user->name, NULL};
    return lab_process_run(lab, &(LabCommand){.argv = argv, .log = log}, "kinit");
}

/* The tools of Kerberos find the lab by these two, which the supervisor's environment carries from here on.
 */
static int set_environment(const Lab *lab)
{
    char path[LAB_PATH_MAX];
    if (lab_path(path, "%s/krb5.conf", lab->folder) < 0 || setenv("KRB5_CONFIG", path, 1) < 0) return -1;
    if (lab_path(path, "%s/kdc.conf", lab->folder) < 0 || setenv("KRB5_KDC_PROFILE", path, 1) < 0) return -1;
    static const char *const foreign[] = {"KRB5CCNAME",     "KRB5_KTNAME",   "KRB5_CLIENT_KTNAME",
                                          "KRB5RCACHENAME", "KRB5RCACHEDIR", "KRB5RCACHETYPE",
                                          "KRB5_TRACE",     "LISTEN_FDS",    "LISTEN_PID"};
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        unsetenv(foreign[i]);
    return 0;
}

int lab_realm_start(Lab *lab)
{
    char kdc[80], path[LAB_PATH_MAX];
    static const char *const folders[] = {"kdc", "hosts", "users"};
    kdc_text(lab, kdc);
    for (size_t i = 0; i < 3; i++)
        if (lab_path(path, "%s/%s", lab->folder, folders[i]) < 0 || mkdir(path, 0700) < 0) return -1;
    for (int i = 0; i < lab->options.n_hosts; i++)
        if (lab_path(path, "%s/hosts/%s", lab->folder, lab->options.hosts[i].name) < 0 ||
            mkdir(path, 0700) < 0)
            return -1;
    if (lab_path(path, "%s/kdc/acl", lab->folder) < 0 || lab_write_file(path, "") < 0) return -1;
    if (set_environment(lab) < 0 || write_krb5_conf(lab, kdc) < 0 || write_kdc_conf(lab, kdc) < 0) return -1;
    if (lab_accounts_choose(lab) < 0 || create_database(lab) < 0 || start_kdc(lab) < 0) return -1;
    for (int i = 0; i < lab->options.n_users; i++)
        if (log_in(lab, &lab->options.users[i]) < 0) return -1;
    return 0;
}
