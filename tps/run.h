/* SPDX-License-Identifier: Apache-2.0 */
/* One command of tps, from words to an exit status. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "tps/client.h"

struct tps {
	const char *instance;
	const char *socket; /* path */
	bool json;
	bool colour;
	struct client *client; /* kept between commands; NULL: not connected */
};

/* Words of one command line. Says what is wrong on standard error. */
enum tps_exit tps_run(struct tps *tps, size_t argc, const char *const *argv) SL_NONNULL(1);

/* Connects unless it is; says why not. */
enum tps_exit tps_connect(struct tps *tps) SL_NONNULL(1);

/* The interactive shell. */
enum tps_exit tps_shell(struct tps *tps) SL_NONNULL(1);

/* Help: of all commands, or of those that start with `words`. */
void tps_help(size_t argc, const char *const *argv);

/* Generated documentation: "commands" (Markdown), "man", "reasons", "counters". */
enum tps_exit tps_print_doc(const char *what) SL_NONNULL(1);

/* Commands that are LOCAL. */
enum tps_exit tps_probe(struct tps *tps, json_t *arguments) SL_NONNULL(1, 2);
enum tps_exit tps_categories_make_key(struct tps *tps, json_t *arguments) SL_NONNULL(1, 2);
enum tps_exit tps_categories_make(struct tps *tps, json_t *arguments) SL_NONNULL(1, 2);
enum tps_exit tps_categories_show(struct tps *tps, json_t *arguments) SL_NONNULL(1, 2);
enum tps_exit tps_categories_find(struct tps *tps, json_t *arguments) SL_NONNULL(1, 2);
enum tps_exit tps_cert_replace(struct tps *tps, json_t *arguments) SL_NONNULL(1, 2);
enum tps_exit tps_pki(struct tps *tps, const struct cli_command *command, json_t *arguments)
        SL_NONNULL(1, 2, 3);
enum tps_exit tps_version(struct tps *tps, json_t *arguments) SL_NONNULL(1, 2);
enum tps_exit tps_support_bundle(struct tps *tps, json_t *arguments) SL_NONNULL(1, 2);

/* What a command of `tps sms` needs of the person goes into its arguments. False: said why not. */
bool tps_sms_prepare(const struct cli_command *command, json_t *arguments) SL_NONNULL(1, 2);

/* The package of `tps licence` goes into its arguments. False: said why not. */
bool tps_licence_prepare(const struct cli_command *command, json_t *arguments) SL_NONNULL(1, 2);

/* Commands that work with the daemon dead; false: this one does not, or could not. */
bool tps_offline(struct tps *tps, const struct cli_command *command, json_t *arguments,
                 enum tps_exit *ret_status) SL_NONNULL(1, 2, 3, 4);
