/* SPDX-License-Identifier: Apache-2.0 */
/* A disposable realm LAB.TEST with hosts on loopback addresses: what its parts share. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define must_use          __attribute__((warn_unused_result))
#define LAB_REALM         "LAB.TEST"
#define LAB_DOMAIN        "lab.test"
#define LAB_NTLM_DOMAIN   "LAB"
#define LAB_PASSWORD_SIZE 33
#define LAB_DOMAIN_SID    "S-1-5-21-1296126536-1279345236-1414091604" /* the same in every lab */
#define LAB_HOSTS_MAX     32
#define LAB_USERS_MAX     64
#define LAB_NAME_MAX      32
#define LAB_CLASSES_MAX   32
#define LAB_CLASS_LENGTH  36 /* of a GUID's text without braces */
#define LAB_PROCESSES_MAX (LAB_HOSTS_MAX * 8)
#define LAB_PATH_MAX      512
#define LAB_STEP_MS       10000 /* one tool of Kerberos, or all hosts together, may take this long to be ready */
#define LAB_STOP_MS       2000 /* between asking the processes to end and ending them */
#define LAB_EXIT_FAILED   125  /* the lab itself failed; everything else is the command's status */

/* What the command line asks for. */
typedef struct LabHost {
    char name[LAB_NAME_MAX + 1];
    bool trusted;             /* for delegation: +ok_as_delegate */
    bool transition;          /* S4U2self tickets may go on: +ok_to_auth_as_delegate */
    bool to[LAB_HOSTS_MAX];   /* constrained delegation: towards these hosts, by index */
    bool from[LAB_HOSTS_MAX]; /* resource-based: of these hosts towards this one */
    char address[48];         /* without brackets */
    int resolver_port, exporter_port;
} LabHost;

typedef struct LabUser {
    char name[LAB_NAME_MAX + 1];
    char password[LAB_PASSWORD_SIZE]; /* with --ntlm; else "": a random key, which nobody knows */
    bool sensitive; /* -allow_forwardable: "sensitive and cannot be delegated" */
} LabUser;

typedef struct LabOptions {
    LabHost hosts[LAB_HOSTS_MAX];
    int n_hosts;
    LabUser users[LAB_USERS_MAX];
    int n_users;
    const LabUser *as;
    char classes[LAB_CLASSES_MAX]
                [LAB_CLASS_LENGTH + 1]; /* that COMMAND's own servers may serve on each host */
    int n_classes;
    const char *ping_period; /* as it stands in mantle.conf; NULL: its default */
    const char *ticket_life; /* as it stands in kdc.conf; NULL: 10h */
    bool ipv6, keep, realm_only, ntlm;
    int resolver_port; /* 0: any free one */
    char **command;
} LabOptions;

/* One running process of the lab. */
typedef struct LabProcess {
    pid_t pid; /* 0: ended and reaped */
    bool ready;
    char what[LAB_NAME_MAX + 32]; /* for messages: "mantled on a" */
    char log[LAB_PATH_MAX];
} LabProcess;

typedef struct Lab {
    LabOptions options;
    char programs[LAB_PATH_MAX]; /* folder of mantle */
    char daemons[LAB_PATH_MAX];  /* folder of mantled */
    char samples[LAB_PATH_MAX];  /* folder of the sample servers and the KDC's module */
    char folder[LAB_PATH_MAX];
    char kdc_address[48];
    int kdc_port;
    int claim_fd;  /* holds the lab's share of the loopback network against other labs */
    int notify_fd; /* READY=1 of the processes arrives here */
    char notify_name[64];
    int front_fd; /* closed by the front process's end, however that comes about */
    LabProcess processes[LAB_PROCESSES_MAX];
    int n_processes;
} Lab;

/* options.c: fills in defaults; returns 0, or an exit status after having said what is wrong, or
 * LAB_OPTIONS_HELP after having said what they are. */
#define LAB_OPTIONS_HELP 256
int must_use lab_options_parse(int argc, char **argv, LabOptions *ret_options);

/* options-delegation.c: "a:b,b:c", a list of pairs of hosts. Exit status as above. */
int must_use lab_options_pairs(LabOptions *options, const char *list, bool resource_based);
/* options.c: says what is wrong with the command line; returns the exit status for that. */
int lab_options_error(const char *text, const char *what);
/* NULL when there is no such host. */
LabHost *lab_options_host(LabOptions *options, const char *name);

/* files.c */
int must_use lab_path(char ret_path[LAB_PATH_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int must_use lab_write_file(const char *path, const char *text);
void lab_remove_tree(const char *path);
void lab_print_log(const char *path);
/* Says "mantle-lab: ..." on standard error; returns -1. */
int lab_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* network.c: chooses addresses and ports that no other lab has; fills them into the lab. */
int must_use lab_network_claim(Lab *lab);

/* process.c: `environment` is a NULL-ended list of NAME=VALUE, or of NAME to unset it. */
typedef struct LabCommand {
    const char *const *argv;
    const char *const *environment;
    const char *input; /* a file, or NULL */
    const char *log;   /* standard output and error go there */
} LabCommand;
/* Runs to its end; -1 when it failed, took longer than LAB_STEP_MS, or the front process has ended. */
int must_use lab_process_run(Lab *lab, const LabCommand *command, const char *what);
/* Starts one that stays, killed by the kernel should the supervisor die. */
int must_use lab_process_start(Lab *lab, const LabCommand *command, const char *what);
/* Until every started process said READY=1, or one of them ended, or LAB_STEP_MS are over. */
int must_use lab_process_wait_ready(Lab *lab, int first);
void lab_process_reap(Lab *lab);
void lab_process_stop_all(Lab *lab);

/* realm-accounts.c: passwords of the users and the files they are in, with --ntlm; then the commands for
 * kadmin.local that make the realm's accounts. */
int must_use lab_accounts_choose(Lab *lab);
int must_use lab_accounts_write(const Lab *lab, const char *path);

/* realm.c */
int must_use lab_realm_start(Lab *lab);

/* host.c: configuration of every host and of the client, then their processes. */
int must_use lab_hosts_configure(Lab *lab);
int must_use lab_hosts_start(Lab *lab);

/* supervisor.c: brings the lab up, says so by one byte, takes it down when the front process ends. Returns an
 * exit status. */
int must_use lab_supervise(Lab *lab);

/* exec.c: a lab round one command; returns its exit status. */
int must_use lab_exec(Lab *lab);
