/* SPDX-License-Identifier: Apache-2.0 */
/* mantled: the object resolver and activation service of a machine. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include "daemon/daemon.h"
#include "io/log.h"

#define EXIT_USAGE 2

static void print_usage(FILE *file)
{
    fprintf(file, "usage: mantled [--config FILE] [--verbose]\n"
                  "       mantled --help | --version | --describe-config\n\n"
                  "  --config FILE        read FILE, not $MANTLE_CONFIG or " CONF_PATH_DEFAULT "\n"
                  "  --verbose            log what is only of interest when something is wrong\n"
                  "  --describe-config    write the table of mantle.conf(5) and exit\n");
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

static int run(const Conf *conf)
{
    sigset_t signals;
    int received = 0;
    int r = block_signals(&signals);
    if (r < 0) return r;
    _cleanup_(daemon_freep) Daemon *daemon = NULL;
    r = daemon_new(conf, &daemon);
    if (r < 0) {
        log_line(LOG_ERR, "not started");
        return r;
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
        {"config", required_argument, NULL, 'c'}, {"describe-config", no_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},         {"verbose", no_argument, NULL, 'v'},
        {"version", no_argument, NULL, 'V'},      {0}};
    const char *path = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'd':
            conf_schema_describe(stdout);
            return 0;
        case 'h':
            print_usage(stdout);
            return 0;
        case 'v':
            log_set_verbose();
            break;
        case 'V':
            printf("mantled %s\n", MANTLE_VERSION);
            return 0;
        default:
            print_usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "mantled: it takes options only, not '%s'\n", argv[optind]);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    _cleanup_(conf_freep) Conf *conf = NULL;
    _cleanup_(freep) char *error = NULL;
    int r = conf_load(path, &conf, &error);
    if (r < 0) {
        log_line(LOG_ERR, "%s", error ? error : strerror(-r));
        return EXIT_FAILURE;
    }
    return run(conf) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
