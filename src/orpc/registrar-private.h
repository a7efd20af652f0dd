/* SPDX-License-Identifier: Apache-2.0 */
/* The registrar's insides, shared by its processes (registrar.c) and its activations (registrar-activate.c).
 */
#pragma once
#include "base/hash.h"
#include "base/list.h"
#include "orpc/registrar.h"
#include "orpc/registrar-message.h"

#define REGISTRAR_SERVICES_MAX 8

/* One class object of one process. */
typedef struct ServedClass {
    Guid clsid;
    uint32_t cookie, flags;
    struct Process *process;
    List of_class;   /* in ClassRow.served, oldest first */
    List of_process; /* in Process.classes */
} ServedClass;

typedef struct ClassRow {
    Guid clsid;
    List served;
} ClassRow;

/* A COM server process. It is alive until `closed`; memory until the last reference of its handle. */
typedef struct Process {
    RegistrarLine line;
    Registrar *registrar;
    struct ucred who;
    bool greeted, closed;
    uint64_t oxid;
    List link; /* in Registrar.processes */
    List classes;
    size_t class_count;
    List pending; /* Activation */
    size_t pending_count;
} Process;

/* A question to a process, on the stack of the thread that waits. */
typedef struct Activation {
    List link;
    uint32_t id;
    bool done;
    RegistrarFrame answer; /* empty when the process ended */
} Activation;

struct Registrar {
    pthread_mutex_t lock;   /* of everything below, and of the processes */
    pthread_cond_t changed; /* an answer came, a process registered or ended */
    RegistrarOptions options;
    char **hosts;
    char *runtime; /* NULL: no local sockets */
    uint16_t services[REGISTRAR_SERVICES_MAX];
    struct Listener *listener;
    HashMap *classes; /* ClassRow by CLSID */
    List processes;
    size_t process_count, class_count;
    uint32_t next_id;
    bool stopped;
};

/* Logs; printf-like. */
void registrar_log(Registrar *registrar, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the process's line: its classes, exporter and objects go, who waits for it is told. Any thread, any
 * number of times, without the lock. */
void process_close(Process *process);
/* The lock is held. */
void served_class_free(Registrar *registrar, ServedClass *served);
/* An ANSWER has come: hands it to who waits. */
void activation_take_answer(Process *process, RegistrarFrame *frame);
/* The lock is held. The oldest registration by such a process (NULL: any) that takes activations, or NULL. */
ServedClass *registrar_find_served(Registrar *registrar, const Guid *clsid, const RegistrarServer *server,
                                   bool *ret_busy);
