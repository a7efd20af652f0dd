/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <winerror.h>
#include "authd/spawner.h"
#include "sec/account.h"

#define GROUPS_MAX     65536
#define CAPABILITY_END 64 /* more than there are; the kernel says where they end */
#define DEFAULT_PATH   "PATH=/usr/local/bin:/usr/bin:/bin"

static bool refuse(SecFailure *failure, const char *account, const char *why)
{
    char quoted[SEC_QUOTE_SIZE];
    sec_failure_set(failure, ERROR_ACCESS_DENIED, "nothing is started as %s: %s", sec_quote(account, quoted),
                    why);
    return false;
}

/* PAM */

/* Nobody is there to be asked; modules that want an answer refuse then. */
static int no_conversation(int count, const struct pam_message **messages,
                           struct pam_response **ret_responses, void *user)
{
    (void)count, (void)messages, (void)ret_responses, (void)user;
    return PAM_CONV_ERR;
}

static bool may_use_account(const Spawn *spawn, SecFailure *failure)
{
    const struct pam_conv conversation = {.conv = no_conversation};
    char why[256];
    pam_handle_t *pam = NULL;
    int result = pam_start(spawn->pam_service, spawn->account, &conversation, &pam);
    if (result == PAM_SUCCESS) result = pam_acct_mgmt(pam, PAM_SILENT);
    if (result != PAM_SUCCESS)
        (void)snprintf(why, sizeof(why), "the account phase of PAM's service %s says: %s", spawn->pam_service,
                       pam ? pam_strerror(pam, result) : "it cannot be started");
    if (pam) (void)pam_end(pam, result);
    return result == PAM_SUCCESS || refuse(failure, spawn->account, why);
}

/* Becoming somebody */

static bool find_account(const Spawn *spawn, LocalAccount *account, SecFailure *failure)
{
    int r = ACCOUNT_SOURCE_SYSTEM.by_name(spawn->account, account);
    if (r == -EACCES && spawn->uid != 0 &&
        spawn->uid == geteuid()) { /* itself, which needs no right and no shadow */
        account->uid = spawn->uid;
        account->gid = getegid();
        return true;
    }
    if (r == -ENOENT) return refuse(failure, spawn->account, "there is no such account");
    if (r < 0) return refuse(failure, spawn->account, "whoever knows about accounts cannot be asked");
    if (account->uid != spawn->uid)
        return refuse(failure, spawn->account, "the account's uid is another one now");
    if (account->uid == 0 || account->gid == 0)
        return refuse(failure, spawn->account, "root is nobody's account");
    if (account->uid == geteuid()) return true;
    if (account->locked) return refuse(failure, spawn->account, "the account is locked");
    if (account->expired) return refuse(failure, spawn->account, "the account has expired");
    return true;
}

/* By raw system calls, which are this thread's alone, as there is no other. */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}}, now[2];
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* old kernels have none */
    if (syscall(SYS_capset, &header, none) < 0) return -errno;
    if (syscall(SYS_capget, &header, now) < 0) return -errno;
    return memcmp(none, now, sizeof(none)) == 0 ? 0 : -EPERM;
}

static int become(const LocalAccount *account)
{
    gid_t *groups = calloc(GROUPS_MAX, sizeof(*groups));
    int count = GROUPS_MAX;
    uid_t uids[3];
    gid_t gids[3];
    if (!groups) return -ENOMEM;
    if (getgrouplist(account->name, account->gid, groups, &count) < 0) return -E2BIG;
    /* The bounding set too: a file with capabilities gives none back. Only who may set capabilities may. */
    for (int i = 0; i < CAPABILITY_END; i++)
        (void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    if (setgroups((size_t)count, groups) < 0) return -errno;
    if (setresgid(account->gid, account->gid, account->gid) < 0) return -errno;
    if (setresuid(account->uid, account->uid, account->uid) < 0) return -errno;
    if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]) < 0)
        return -errno;
    for (int i = 0; i < 3; i++)
        if (uids[i] != account->uid || gids[i] != account->gid) return -EPERM;
    free(groups);
    return 0;
}

static bool become_account(const LocalAccount *account, const char *name, SecFailure *failure)
{
    char why[128];
    int r = account->uid == geteuid() ? 0 : become(account);
    if (r == 0) r = drop_capabilities();
    if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) r = -errno;
    if (r == 0) return true;
    (void)snprintf(
        why, sizeof(why), "%s%s", strerror(-r),
        r == -EPERM ? "; mantle-authd runs without the right to become others (CAP_SETUID, CAP_SETGID)" : "");
    return refuse(failure, name, why);
}

/* The program */

/* Those passed go where the program expects them, above all others first, so that none is overwritten. */
static int place_descriptors(Spawn *spawn)
{
    int above = SPAWNER_FIRST_FD + SPAWNER_FDS_MAX;
    spawn->keep = fcntl(spawn->keep, F_DUPFD_CLOEXEC, above);
    if (spawn->keep < 0) return -errno;
    for (size_t i = 0; i < spawn->fd_count; i++) {
        spawn->fds[i] = fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, above);
        if (spawn->fds[i] < 0) return -errno;
    }
    for (size_t i = 0; i < spawn->fd_count; i++)
        if (dup2(spawn->fds[i], SPAWNER_FIRST_FD + (int)i) < 0) return -errno;
    int next = SPAWNER_FIRST_FD + (int)spawn->fd_count;
    return syscall(SYS_close_range, next, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */) < 0 ? -errno : 0;
}

static int reset_process(const LocalAccount *account)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL); /* those that there are */
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0) return -errno;
    (void)umask(022);
    (void)setsid(); /* a fresh child is no group's leader */
    int input = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (input < 0 || dup2(input, STDIN_FILENO) < 0) return -errno;
    if (!account->home[0] || chdir(account->home) < 0) return chdir("/") < 0 ? -errno : 0;
    return 0;
}

/* Room for these was left at the end of the environment. */
static int add_environment(Spawn *spawn, const LocalAccount *account)
{
    size_t n = 0;
    while (spawn->environment[n])
        n++;
    if (asprintf(&spawn->environment[n], "HOME=%s", account->home[0] ? account->home : "/") < 0 ||
        asprintf(&spawn->environment[n + 1], "USER=%s", spawn->account) < 0 ||
        asprintf(&spawn->environment[n + 2], "LOGNAME=%s", spawn->account) < 0)
        return -ENOMEM;
    spawn->environment[n + 3] = (char *)"SHELL=/bin/sh";
    spawn->environment[n + 4] = (char *)DEFAULT_PATH;
    spawn->environment[n + 5] = NULL;
    return 0;
}

void spawn_become(Spawn *spawn, SecFailure *failure)
{
    LocalAccount account = {0};
    if (!find_account(spawn, &account, failure) || !may_use_account(spawn, failure)) return;
    int r = place_descriptors(spawn);
    if (r == 0) r = add_environment(spawn, &account);
    if (r == 0 && !become_account(&account, spawn->account, failure)) return;
    if (r == 0) r = reset_process(&account);
    if (r == 0) {
        execve(spawn->command[0], spawn->command, spawn->environment);
        r = -errno;
    }
    sec_failure_set(failure, (uint32_t)CO_E_SERVER_EXEC_FAILURE, "%s cannot be started as %s: %s",
                    spawn->command[0], spawn->account, strerror(-r));
}
