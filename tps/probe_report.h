/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a probe: certificates in words, what "modern" cuts off, a proxy entry. */
#pragma once

#include <openssl/x509.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "tps/probe.h"

/* Adds the leaf of a chain with its facts, unless the list has it. */
void probe_add_chain(json_t *list, const STACK_OF(X509) * chain) SL_NONNULL(1);

/* Adds "modern" and "proxy" to a report. */
void probe_judge(const struct probe_target *target, json_t *report) SL_NONNULL(1, 2);
