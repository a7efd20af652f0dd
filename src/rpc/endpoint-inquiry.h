/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking another machine's endpoint mapper: where an interface is (ept_map), or what is there at all
 * (ept_lookup). A state machine as calls are: it asks for page after page, and gives back the server's handle
 * when it stops before the end.
 */
#pragma once
#include "rpc/client.h"
#include "rpc/endpoint-message.h"

#define ENDPOINT_INQUIRY_MAX 16384u /* elements; what is beyond is not asked for */

typedef struct EndpointInquiry EndpointInquiry;

typedef struct EndpointInquirySpec {
    RpcBinding *binding;    /* of the endpoint mapper; a reference is taken */
    RpcSecurity *security;  /* likewise; NULL: unauthenticated */
    const PduSyntax *iface; /* copied; NULL: all elements */
    const Guid *object;     /* of `iface`; copied. NULL: none */
    size_t max;             /* elements; 0: ENDPOINT_INQUIRY_MAX */
    uint64_t deadline;      /* of everything */
} EndpointInquirySpec;

/* What one element says. */
typedef struct EndpointFound {
    PduSyntax iface;
    Guid object;
    uint16_t port; /* 0: it is not served over TCP */
    char annotation[ENDPOINT_ANNOTATION_SIZE];
} EndpointFound;

/* RPCST_OK, RPCST_OUT_OF_MEMORY. */
RpcStatus endpoint_inquiry_new(const EndpointInquirySpec *spec, EndpointInquiry **ret_inquiry) must_use;
/* RPCST_OK: the elements are there, perhaps none. RPCST_PENDING. Else the failure of a call, or of the
 * mapper: EPT_S_CANT_PERFORM_OP, RPCST_PROTOCOL_ERROR (an answer that makes no sense). */
RpcStatus endpoint_inquiry_step(EndpointInquiry *inquiry, IoWait *ret_wait) must_use;
RpcStatus endpoint_inquiry_run(EndpointInquiry *inquiry) must_use;
/* After RPCST_OK. Elements whose towers cannot be read are left out. */
const EndpointFound *endpoint_inquiry_found(const EndpointInquiry *inquiry, size_t *ret_count);
const SecFailure *endpoint_inquiry_failure(const EndpointInquiry *inquiry);
EndpointInquiry *endpoint_inquiry_free(EndpointInquiry *inquiry);
DEFINE_CLEANUP(EndpointInquiry, endpoint_inquiry_free)

/* The TCP port of an interface, waiting on this thread. EPT_S_NOT_REGISTERED: there is none. */
RpcStatus endpoint_resolve(const EndpointInquirySpec *spec, uint16_t *ret_port) must_use;
