/* SPDX-License-Identifier: Apache-2.0 */
/* mantle-authd: the process of a machine that holds its keys and tickets. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "authd/authd.h"
#include "io/log.h"
#include "io/socket.h"

#define EXIT_USAGE 2

static void print_usage(FILE *file)
{
    fprintf(file, "usage: mantle-authd [--account NAME] [--config FILE] [--verbose]\n"
                  "       mantle-authd --help | --version\n\n"
                  "  --account NAME       become that account, once what starts servers is running\n"
                  "  --config FILE        read FILE, not $MANTLE_CONFIG or " CONF_PATH_DEFAULT "\n"
                  "  --verbose            log what is only of interest when something is wrong\n");
}

/* Its memory is what nobody may see, so it leaves no core; and each token takes a descriptor. */
static void set_limits(void)
{
    struct rlimit none = {0}, files;
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        log_line(LOG_WARNING, "cannot turn core files off: %s", strerror(errno));
    if (getrlimit(RLIMIT_NOFILE, &files) < 0) return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        log_line(LOG_WARNING, "cannot raise the limit of descriptors: %s", strerror(errno));
}

/* SIGTERM and SIGINT are taken by sigwait() in the main thread only. */
static int block_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    return -pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

/* The socket that systemd handed over, else the one of [authority] socket. */
static int open_socket(const Conf *conf, int *ret_fd)
{
    const char *path = conf_string(conf, CONF_AUTHORITY_SOCKET);
    IoAddress address;
    int count = sd_listen_fds(1);
    if (count > 1 || count < 0) {
        log_line(LOG_ERR, "systemd handed over %d sockets; one is wanted", count);
        return -EINVAL;
    }
    if (count == 1) {
        *ret_fd = SD_LISTEN_FDS_START;
        return sd_is_socket_unix(*ret_fd, SOCK_STREAM, 1, NULL, 0) > 0 ? 0 : -ENOTSOCK;
    }
    if (!path) {
        log_line(LOG_ERR, "there is no socket to listen on; set socket in [authority] of mantle.conf");
        return -EINVAL;
    }
    int result = io_address_unix(path, &address);
    /* Anybody may connect: what a process is given is decided by who it is. */
    if (result == 0) result = io_listen(&address, 0666, ret_fd);
    if (result < 0)
        log_line(LOG_ERR, "cannot listen on %s: %s (set in %s)", path,
                 result == -EADDRINUSE ? "another mantle-authd does" : strerror(-result),
                 conf_origin(conf, CONF_AUTHORITY_SOCKET));
    return result;
}

/* mantle-host, beside this program where it was built, else where it was installed. */
static const char *host_program(char path[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof("mantle-host"));
    char *slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
    if (!slash) return INSTALLED_HOST;
    strcpy(slash + 1, "mantle-host");
    return access(path, X_OK) == 0 ? path : INSTALLED_HOST;
}

/* From here on this process is that account, and can become no other; the spawner stays what it is. `name`
 * NULL: it stays who it is, without capabilities. */
static int give_up_rights(const char *name)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    const struct passwd *account = name ? getpwnam(name) : NULL;
    if (name && !account) {
        log_line(LOG_ERR, "there is no account %s", name);
        return -ENOENT;
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* old kernels have none */
    if (account && (initgroups(name, account->pw_gid) < 0 ||
                    setresgid(account->pw_gid, account->pw_gid, account->pw_gid) < 0 ||
                    setresuid(account->pw_uid, account->pw_uid, account->pw_uid) < 0)) {
        int error = -errno;
        log_line(LOG_ERR, "cannot become %s: %s", name, strerror(-error));
        return error;
    }
    if (syscall(SYS_capset, &header, none) < 0) return -errno;
    return 0;
}

/* Before there are threads, and before a stranger's byte is read. */
static int start_spawner(Spawner **ret_spawner)
{
    int result = spawner_new(NULL, ret_spawner);
    if (result < 0) log_line(LOG_ERR, "cannot fork: %s", strerror(-result));
    return result;
}

static int load(const char *path, Conf **ret_conf)
{
    _cleanup_(freep) char *error = NULL;
    int result = conf_load(path, ret_conf, &error);
    if (result < 0) log_line(LOG_ERR, "%s", error ? error : strerror(-result));
    return result;
}

static int run(const char *path, const char *account)
{
    sigset_t signals;
    int received = 0, listener = -1;
    char host[PATH_MAX];
    _cleanup_(conf_freep) Conf *conf = NULL;
    _cleanup_(spawner_freep) Spawner *spawner = NULL;
    int result = start_spawner(&spawner);
    if (result == 0) result = give_up_rights(account);
    /* Only now: what this account may not read it does not read. */
    if (result == 0) result = load(path, &conf);
    if (result == 0) result = block_signals(&signals);
    if (result == 0) result = open_socket(conf, &listener);
    if (result < 0) return result;
    LaunchHouse launches = {
        .conf = conf, .source = &ACCOUNT_SOURCE_UNJUDGED, .host = host_program(host), .spawner = spawner};
    _cleanup_(authd_freep) Authd *authd = NULL;
    result = authd_new(conf, listener, &launches, &authd);
    if (result < 0) {
        log_line(LOG_ERR, "not started");
        return result;
    }
    /* sd_notify says 0 when there is nobody to notify: both are fine. */
    (void)sd_notify(0, "READY=1\nSTATUS=Serving.");
    while (sigwait(&signals, &received) != 0)
        ;
    log_line(LOG_INFO, "%s: stopping", strsignal(received));
    (void)sd_notify(0, "STOPPING=1");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"account", required_argument, NULL, 'a'}, {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},          {"verbose", no_argument, NULL, 'v'},
        {"version", no_argument, NULL, 'V'},       {0}};
    const char *path = NULL, *account = NULL;
    log_set_program("mantle-authd");
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        switch (option) {
        case 'a':
            account = optarg;
            break;
        case 'c':
            path = optarg;
            break;
        case 'h':
            print_usage(stdout);
            return 0;
        case 'v':
            log_set_verbose();
            break;
        case 'V':
            printf("mantle-authd %s\n", MANTLE_VERSION);
            return 0;
        default:
            print_usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "mantle-authd: it takes options only, not '%s'\n", argv[optind]);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    set_limits();
    return run(path, account) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
