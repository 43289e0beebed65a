/* SPDX-License-Identifier: Apache-2.0 */
/* What several handlers need of the configuration in force. */
#pragma once

#include "lib/base/attr.h"
#include "lib/pki/cert.h"

struct config;
struct config_certificate;
struct request;

/* NULL, and the request was refused, before the first configuration is in force. */
const struct config *config_in_force(struct request *request) SL_NONNULL(1);

/* The public part of a certificate from the files that the configuration names. */
int config_load_chain(const struct config_certificate *cert, struct pki_chain **ret_chain,
                      struct pki_error *err) SL_NONNULL(1, 2, 3) SL_MUST;
