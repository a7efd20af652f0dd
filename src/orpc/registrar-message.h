/* SPDX-License-Identifier: Apache-2.0 */
/* The larger messages on the line between a COM server process and mantled. */
#pragma once
#include "orpc/registrar-client.h"
#include "orpc/registrar-line.h"

typedef struct RegistrarHello {
    uint32_t protocol;
    uint64_t oxid;
    Guid rem_unknown;
    uint16_t port;
    uint32_t authn_hint;
    char principal[REGISTRAR_TEXT_SIZE];
    uint32_t services; /* these as in RegistrarExporter */
    bool local;
} RegistrarHello;
/* 0, -EBADMSG. */
int registrar_hello_read(const RegistrarFrame *frame, RegistrarHello *ret_hello) must_use;
void registrar_hello_write(Writer *writer, const RegistrarExporter *exporter);

/* `caller` receives the text that ret_request->caller points to; the IIDs stay in the frame. */
int registrar_activation_read(const RegistrarFrame *frame, RegistrarActivation *ret_request,
                              char caller[REGISTRAR_TEXT_SIZE]) must_use;
void registrar_activation_write(Writer *writer, const RegistrarActivation *request);

int registrar_result_read(const RegistrarFrame *frame, HRESULT *ret_status,
                          char ret_sentence[REGISTRAR_TEXT_SIZE]) must_use;
void registrar_result_write(Writer *writer, HRESULT status, const char *sentence);
