/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of COM over the wire: servers on the hosts of a lab, and clients in processes of their own, because
 * a process's security is chosen once. The test program itself never uses COM: it only forks.
 */
#pragma once
#include <sys/types.h>
#include "tests/realm/com-wire.h"
#include <cmocka.h>
#include <rpcdce.h>

/* The status com-server ends with. */
#define WIRE_ALL_RELEASED 0
#define WIRE_OBJECTS_LEFT 3 /* that clients had not released when it was asked to end */

typedef struct WireServer {
    pid_t pid;
    int end; /* closing it ends the server */
} WireServer;

/* On a host of the lab, ready for calls. Fails the test otherwise. */
void wire_server_start(WireServer *server, const char *host, unsigned index, const char *cloaking,
                       const char *apartment);
/* The same with another process-wide level than IMPERSONATE. */
void wire_server_start_at(WireServer *server, const char *host, unsigned index, const char *cloaking,
                          const char *apartment, const char *level);
/* The same with everything said. */
typedef struct WireServerSpec {
    const char *host, *config; /* its file in the host's folder */
    unsigned index;
    const char *cloaking, *apartment, *level;
    const char *access; /* as com-server takes it */
} WireServerSpec;
void wire_server_start_as(WireServer *server, const WireServerSpec *spec);
/* Any program on a host of the lab: its path, relative to this one's folder, replaces argv[0]. Does not wait
 * for it. */
void wire_program_start(WireServer *program, const char *host, const char *config, char *argv[]);
/* Its exit status; -1 when a signal ended it. */
int wire_server_stop(WireServer *server);
/* Ends it on the spot. */
void wire_server_kill(WireServer *server);

/* Ends the lab's mantled of a host, and starts one in its place that the test has to end, and that logs all it
 * has to say to hosts/HOST/mantled.log. */
void wire_mantled_stop(const char *host);
void wire_mantled_start(WireServer *mantled, const char *host);

/* Users whose password is WIRE_PASSWORD, made in the realm. */
void wire_users(const char *const *names, size_t count);
/* One command of kadmin.local. */
void wire_admin(const char *command);
/* A path below the lab's folder; freed with free(). */
char *wire_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The process whose id stands in a file below the lab's folder, "kdc.pid" or "hosts/a/mantled.pid". */
pid_t wire_lab_process(const char *file);

/* Where a client lives. */
typedef struct WireSide {
    const char *host;   /* of the lab, and then it can be called back; NULL: a machine without mantled */
    const char *ccache; /* below the lab's folder; NULL: the lab's user, or the host itself */
    DWORD cloaking, level,
        authn;            /* of CoInitializeSecurity, which is not called for level 0; authn 0: privacy */
    const char *identity; /* the user of its pAuthList; NULL: none */
} WireSide;

/*
 * Runs `body` in a process of its own, in a multithreaded apartment with that security, and gives back what
 * it wrote to `out`, words with spaces between them, for free(). Fails the test when the process does not end
 * well, or not within a minute.
 */
typedef void (*WireBody)(FILE *out, void *argument);
char *wire_in_process(const WireSide *side, WireBody body, void *argument);
/* The same, compared. */
void wire_expect(const WireSide *side, WireBody body, void *argument, const char *expected);

/* In the background; wire_join gives what it wrote. */
typedef struct WireProcess {
    pid_t pid;
    int output;
} WireProcess;
void wire_in_background(WireProcess *process, const WireSide *side, WireBody body, void *argument);
char *wire_join(WireProcess *process);
/* Kills it, whatever it is doing. */
void wire_kill(WireProcess *process);

/* In a body: adds a word, which it frees; a result as "ok" or its code. */
void wire_say(FILE *out, char *word);
void wire_say_result(FILE *out, HRESULT hr);
/* The sentence of the thread's error object matches a pattern of fnmatch(3): "ok", else the sentence. */
void wire_say_why(FILE *out, const char *pattern);
/* Acts as a user from here on (NULL: as the process). */
void wire_become(const char *user);
/* The same with a token of that level only. */
void wire_become_at(const char *user, SECURITY_IMPERSONATION_LEVEL level);
/* Fills in an explicit identity of static memory. */
void wire_identity(SEC_WINNT_AUTH_IDENTITY_W *identity, const char *user, const char *password);
/* How many tickets for a service (the beginning of its name) the KDC has given to a user: "bob", "RPCSS/a".
 */
unsigned wire_tickets(const char *user, const char *service);
