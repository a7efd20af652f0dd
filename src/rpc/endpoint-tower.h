/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol towers ([C706] appendix L): which interface is spoken, how, and where. Five floors stand for
 * ncacn_ip_tcp; of every other transport only the interface is looked at.
 */
#pragma once
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"
#include "pdu/pdu.h"

#define ENDPOINT_TOWER_MAX 2000u /* bytes. [MS-RPCE] 2.2.1.2.2 */
#define ENDPOINT_FLOORS    6u    /* more are refused. [MS-RPCE] 3.1.3.5.3 */

typedef struct EndpointTower {
    PduSyntax iface, transfer;
    bool tcp; /* the floors above are connection-oriented RPC, TCP, IP; else the fields below are 0 */
    uint16_t port;
    uint8_t address[4]; /* IPv4; readers "MUST ignore" it. [MS-RPCE] 3.1.3.5.3 */
} EndpointTower;

/* One of TCP. */
void endpoint_tower_write(Writer *writer, const EndpointTower *tower);
/* All of the bytes. 0, -EBADMSG. */
int endpoint_tower_read(const uint8_t *data, size_t length, EndpointTower *ret_tower) must_use;
