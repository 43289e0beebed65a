/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmc: makes, signs, looks into and publishes packages (lib/package). It runs where the signing key
 * is, which is neither on the SMS nor on a device. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/cli/command.h"
#include "lib/package/package.h"

struct buf;
struct pki_error;

enum tmc_exit { TMC_OK = 0, TMC_REFUSED = 1, TMC_USAGE = 2 };

enum tmc_command {
#define COMMAND(ID, words, arguments, help) TMC_##ID,
#include "tmc/command.def"
#undef COMMAND
	TMC_COMMAND_END
};

extern const struct cli_table tmc_commands;

struct tmc {
	bool json; /* print the record instead of text */
};

/* Words of one command line. Says what is wrong on standard error. */
enum tmc_exit tmc_run(struct tmc *tmc, size_t argc, const char *const *argv) SL_NONNULL(1, 3);

/* "man" or "commands" (docs/tmc.md). */
enum tmc_exit tmc_print_doc(const char *what) SL_NONNULL(1);

/* ---- for the commands -------------------------------------------------------------------- */

typedef enum tmc_exit tmc_command_fn(const struct tmc *tmc, const json_t *arguments);
tmc_command_fn tmc_key_new, tmc_key_public;
tmc_command_fn tmc_make_ca_certificates, tmc_make_categories, tmc_make_decryption_policy;
tmc_command_fn tmc_make_licence;
tmc_command_fn tmc_show, tmc_verify, tmc_publish;

/* An argument's text; `fallback` when it was not given. */
const char *tmc_argument(const json_t *arguments, const char *key, const char *fallback)
        SL_NONNULL(1, 2);

/* Lines on standard error. */
enum tmc_exit tmc_fail(enum tmc_exit status, const char *fmt, ...) SL_NONNULL(2) SL_PRINTF(2, 3);
enum tmc_exit tmc_say(const struct pki_error *err) SL_NONNULL(1);

/* Shows a record: --json as it is, else by lib/cli/print. */
void tmc_print(const struct tmc *tmc, const json_t *data) SL_NONNULL(1);

/* ---- make.c ---- */
/* A package of one section, signed and named as the arguments say (--key and --output must be
 * there), written to a new file; `summary` is shown with it. */
enum tmc_exit tmc_make(const struct tmc *tmc, const json_t *arguments, enum package_kind kind,
                       const struct package_section *section, const char *name, json_t *summary)
        SL_NONNULL(1, 2, 4, 5);

/* ---- file.c ---- */
/* All of a plain file, at most the buffer's maximum. */
int file_read(const char *path, struct buf *out, struct pki_error *err) SL_NONNULL(1, 2, 3) SL_MUST;

/* A new file: what is there already is never overwritten. */
int file_write_new(const char *path, unsigned mode, const void *data, size_t len,
                   struct pki_error *err) SL_NONNULL(1, 3, 5) SL_MUST;

/* Into the place of what is there, in one step: who reads sees the one or the other. */
int file_replace(int directory, const char *name, const void *data, size_t len,
                 struct pki_error *err) SL_NONNULL(2, 3, 5) SL_MUST;
