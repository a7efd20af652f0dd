/* SPDX-License-Identifier: Apache-2.0 */
/* The stubs of the remote management interface ([C706] appendix Q, [MS-RPCE] 2.2.1.3), both ways. */
#pragma once
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"
#include "pdu/pdu.h"

extern const Guid IID_MGMT;
#define MGMT_MAJOR 1

enum {
    OP_MGMT_INQ_IF_IDS,
    OP_MGMT_INQ_STATS,
    OP_MGMT_IS_SERVER_LISTENING,
    OP_MGMT_STOP_SERVER_LISTENING,
    OP_MGMT_INQ_PRINC_NAME,
};

#define MGMT_STATS          4u    /* calls in, calls out, packets in, packets out */
#define MGMT_STATS_MAX      50u   /* that a client may ask for. [MS-RPCE] 2.2.1.3.2 */
#define MGMT_PRINCIPAL_MAX  4096u /* [MS-RPCE] 2.2.1.3.4 */
#define MGMT_INTERFACES_MAX 4096u /* in an answer */

/* rpc_mgmt_inq_if_ids: what is written are `count` interfaces; what is read goes to `ret_interfaces`, which
 * has room for `capacity`: more is malformed. */
void mgmt_if_ids_write(Writer *writer, const PduSyntax *interfaces, uint32_t count, uint32_t status);
void mgmt_if_ids_read(Reader *reader, PduSyntax *ret_interfaces, uint32_t capacity, uint32_t *ret_count,
                      uint32_t *ret_status);

/* rpc_mgmt_inq_stats */
uint32_t mgmt_stats_in_read(Reader *reader);
void mgmt_stats_write(Writer *writer, const uint32_t *statistics, uint32_t count, uint32_t status);
void mgmt_stats_read(Reader *reader, uint32_t ret_statistics[MGMT_STATS_MAX], uint32_t *ret_count,
                     uint32_t *ret_status);

/* rpc_mgmt_is_server_listening, rpc_mgmt_stop_server_listening: the second has no result. */
void mgmt_listening_write(Writer *writer, uint32_t status, bool listening);
void mgmt_listening_read(Reader *reader, uint32_t *ret_status, bool *ret_listening);

/* rpc_mgmt_inq_princ_name */
typedef struct MgmtPrincipalIn {
    uint32_t authn_service, size; /* of the client's buffer */
} MgmtPrincipalIn;
void mgmt_principal_in_read(Reader *reader, MgmtPrincipalIn *ret_in);
void mgmt_principal_in_write(Writer *writer, const MgmtPrincipalIn *in);
/* `name` fits into `size` with its NUL; where size is 0 nothing is written of it. */
void mgmt_principal_write(Writer *writer, uint32_t size, const char *name, uint32_t status);
/* A view. "" when the answer holds none. */
void mgmt_principal_read(Reader *reader, uint32_t size, const char **ret_name, uint32_t *ret_status);
