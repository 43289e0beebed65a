/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of tps pki share. Inside tps. */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "lib/pki/ca.h"
#include "lib/pki/cert.h"
#include "tps/run.h"

enum { TPS_PKI_PATH_SIZE = 1024 };

/* NAME.SUFFIX. SL_EINVAL: NAME is empty, a folder or too long (said). */
int tps_pki_path(const char *name, const char *suffix, char path[TPS_PKI_PATH_SIZE]) SL_MUST;

/* A text argument; NULL: not given. */
const char *tps_pki_text(const json_t *arguments, const char *key);

/* Says what is wrong and what to do; TPS_REFUSED. */
enum tps_exit tps_pki_refuse(const struct pki_error *err);

/* Prints the answer, as text or with --json as it is, and frees it; TPS_OK. */
enum tps_exit tps_pki_tell(struct tps *tps, const struct cli_command *command, json_t *answer);

/* "subject", "valid_until" of an answer. */
void tps_pki_describe(json_t *answer, const X509 *certificate);

/* Adds an event to the rows, one a client, when it says that a client does not trust the CA. */
void tps_pki_count_event(json_t *rows, const json_t *event);

enum tps_exit tps_pki_import(struct tps *tps, const struct cli_command *command,
                             const json_t *arguments);
enum tps_exit tps_pki_export(struct tps *tps, const struct cli_command *command,
                             const json_t *arguments);
enum tps_exit tps_pki_check_clients(struct tps *tps, const struct cli_command *command);
