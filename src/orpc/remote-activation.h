/* SPDX-License-Identifier: Apache-2.0 */
/* IActivation::RemoteActivation ([MS-DCOM] 3.1.2.5.2.3.1): activation as it was before COM 5.6. Its stub,
 * both ways. */
#pragma once
#include "orpc/activation.h"

extern const Guid IID_ACTIVATION;
#define OP_REMOTE_ACTIVATION  0
#define MODE_GET_CLASS_OBJECT 0xffffffffu

/* Views, as in orpc/plain.h. */
typedef struct RemoteActivationIn {
    OrpcThis orpc;
    Guid clsid;
    bool has_name, has_storage; /* persistent activation: the caller refuses it */
    uint32_t client_level, mode;
    uint32_t iid_count;
    const uint8_t *iids;
    uint16_t protseq_count;
    uint16_t protseqs[ACTIVATION_PROTSEQS_MAX];
} RemoteActivationIn;
typedef struct RemoteActivationOut {
    OrpcThat orpc;
    ScmReply scm;   /* bindings.data NULL: a null pointer, as after a failure */
    HRESULT result; /* of the activation */
    uint32_t count; /* as many as IIDs were asked for */
    const ActivationResult *results;
    uint32_t status; /* error_status_t of the call */
} RemoteActivationOut;

void remote_activation_in_read(Reader *reader, RemoteActivationIn *ret_in);
/* Without name and storage. */
void remote_activation_in_write(Writer *writer, const RemoteActivationIn *in);
/* Results go to `ret_results`, which has room for `capacity` and is what ret_out->results points to. */
void remote_activation_out_read(Reader *reader, ActivationResult *ret_results, uint32_t capacity,
                                RemoteActivationOut *ret_out);
/* When `result` is a failure, the results are written as zeroes and null pointers. */
void remote_activation_out_write(Writer *writer, const RemoteActivationOut *out);
