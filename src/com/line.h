/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's line to this machine's mantled (orpc/registrar-client.h): one at a time, opened with the
 * server half of com/runtime.h. When mantled goes the line is opened again as soon as it is back, and
 * everything this process serves is said anew. Thread-safe.
 */
#pragma once
#include "com/security.h"
#include "conf/conf.h"
#include "orpc/exporter.h"
#include "orpc/registrar-client.h"

#define LINE_PATIENCE (5ull * 1000000000ull) /* for mantled to answer */
#define LINE_RETRY    (1ull * 1000000000ull)

typedef struct LineSpec {
    const Conf *conf;
    IoLoop *loop;       /* these two must outlive the line */
    Exporter *exporter; /* gets mantled's bindings */
    uint16_t port;      /* TCP port of the exporter */
} LineSpec;

/* For exporter_new(): objects come and go while there is no line, too. */
extern const ExporterPings line_pings;

/* Whom clients of this process ask their ticket for; "" when it accepts nobody. Borrowed. */
const char *line_server_principal(const ProcessSecurity *security, const Conf *conf);
/* S_OK, or why mantled cannot be talked to, with a sentence. */
HRESULT line_start(const LineSpec *spec) must_use;
/* Waits for activations that run; nothing when there is no line. */
void line_stop(void);
/* S_OK, or why not, with a sentence. */
HRESULT line_add_class(const Guid *clsid, uint32_t cookie, uint32_t flags) must_use;
void line_remove_class(uint32_t cookie);
