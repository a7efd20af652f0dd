/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message to a realm's KDCs and its reply, over TCP, without ever blocking. libkrb5's own transport waits
 * 54 s for a silent KDC and cannot be told otherwise. The KDCs are those of the profile, tried in order (the
 * one that answered last comes first); one that is silent costs its share of the deadline, one that refuses
 * costs nothing.
 */
#pragma once
#include "base/cleanup.h"
#include <stddef.h>
#include <stdint.h>
#include "io/wait.h"
#include "sec/krb5-config.h"

#define KDC_REPLY_MAX (1u << 20)
#define KDC_CAUSE_MAX 200

/* Conditions of kdc_exchange_step besides IO_AGAIN. */
enum {
    KDC_UNREACHABLE = 32, /* every one refused, failed or was silent: see kdc_exchange_cause */
    KDC_UNKNOWN = 33,     /* the profile names no KDC for the realm */
};

typedef struct KdcExchange KdcExchange;

/* Copies `request`. The deadline is absolute and for the whole exchange. 0, -ENOMEM; SEC_FAILED
 * when the profile cannot be read any more. */
int kdc_exchange_new(KerberosConfig *config, const char *realm, const uint8_t *request, size_t length,
                     uint64_t deadline, KdcExchange **ret_exchange, SecFailure *failure) must_use;
KdcExchange *kdc_exchange_free(KdcExchange *exchange);
DEFINE_CLEANUP(KdcExchange, kdc_exchange_free)
/* 0: the reply is there; IO_AGAIN; KDC_UNREACHABLE; KDC_UNKNOWN; -ENOMEM. */
int kdc_exchange_step(KdcExchange *exchange, IoWait *ret_wait) must_use;
const uint8_t *kdc_exchange_reply(const KdcExchange *exchange, size_t *ret_length);
/* Why the last KDC failed, for a sentence: "127.0.0.1:88: Connection refused". */
const char *kdc_exchange_cause(const KdcExchange *exchange);
