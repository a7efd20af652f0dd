/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's part in the network, made once, each half at its first use: the client half (connections,
 * remote exporters, pings) and the server half (exporter, RPC server with its threads, the registration with
 * mantled). The last CoUninitialize takes both down.
 */
#pragma once
#include "conf/conf.h"
#include "orpc/exporter.h"
#include "orpc/remote.h"
#include "wtypes.h"

/* mantle.conf as this process sees it. Borrowed until runtime_shutdown. Failures have a sentence. */
HRESULT runtime_conf(const Conf **ret_conf) must_use;
/* The name under which this machine is known to others: [exporter] name=, else the system's. */
const char *runtime_host_name(void);
/* Client half. Borrowed. */
HRESULT runtime_remote(RemoteTable **ret_table) must_use;
/* The TCP port of resolvers where an address does not say one. */
uint16_t runtime_resolver_port(void);
/* This process holds an object, or no longer: for the pings. Best effort. */
void runtime_ping_add(RemoteExporter *exporter, uint64_t oid);
void runtime_ping_remove(RemoteExporter *exporter, uint64_t oid);
/* Server half: listening, and known to this machine's resolver. Borrowed. */
HRESULT runtime_exporter(Exporter **ret_exporter) must_use;
/* The exporter when the server half stands, else NULL. */
Exporter *runtime_peek_exporter(void);
/* Ends both halves; calls in progress finish. They are made again when they are needed again. */
void runtime_shutdown(void);
