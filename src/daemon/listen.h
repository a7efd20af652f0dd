/* SPDX-License-Identifier: Apache-2.0 */
/* mantled's sockets: handed over by systemd, or opened here. */
#pragma once
#include "conf/conf.h"
#include "orpc/registrar.h"
#include "rpc/server.h"

#define SOCKETS_MAX 32

/* Descriptors that systemd handed over and nobody has taken yet (sd_listen_fds_with_names(3)). */
typedef struct Sockets {
    int fds[SOCKETS_MAX];
    char *names[SOCKETS_MAX];
    size_t count;
} Sockets;

/* 0; -errno, and a sentence has been logged. */
int sockets_receive(Sockets *ret_sockets) must_use;
/* Closes what was not taken. */
void sockets_deinit(Sockets *sockets);

/* The resolver's port: sockets named "resolver", else [resolver] listen and port. */
int listen_resolver(Sockets *sockets, const Conf *conf, RpcServer *server, uint16_t *ret_port) must_use;
/* The exporter's port: sockets named "exporter", else [exporter] addresses and port. */
int listen_exporter(Sockets *sockets, const Conf *conf, RpcServer *server, uint16_t *ret_port) must_use;
/* The registrar: the socket named "local", else [paths] runtime. */
int listen_local(Sockets *sockets, const Conf *conf, Registrar *registrar) must_use;
