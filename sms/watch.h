/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions as `sms` shows them while they run. Inside sms only. */
#pragma once

#include "sms/sms.h"

/* One call; the answer as JSON, the caller's. */
enum sms_exit distribute_call(struct sms *sms, const char *method, const char *path,
                              const json_t *body, json_t **ret_data) SL_NONNULL(1, 2, 3, 5);

/*
 * Until it has ended, or waits for nothing but devices that are offline: a bar and a table on a
 * terminal, a line a step where there is none, nothing with --json. `*shown` is what the call that
 * began it answered, and the last state afterwards.
 */
enum sms_exit distribute_watch(struct sms *sms, json_t **shown) SL_NONNULL(1, 2);

/* SMS_REFUSED when a device refused or reverted. */
enum sms_exit distribute_status(const json_t *shown) SL_NONNULL(1);

void distribute_print_items(const json_t *items);
