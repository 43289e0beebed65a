/* SPDX-License-Identifier: Apache-2.0 */
/* Settings on their way from a file to the server. */
#pragma once

#include "lib/base/attr.h"
#include "sms/kind.h"
#include "sms/sms.h"

struct conf_document;
struct conf_errors;
struct conf_node;

/* A file in YAML or JSON; "-": standard input, YAML. Says on standard error what is wrong with it.
 * conf_document_destroy frees. */
enum sms_exit setting_load(const char *path, struct conf_document **ret_doc) SL_NONNULL(1, 2);

/* What is wrong with a file: its lines. */
void setting_tell(const struct conf_errors *errs) SL_NONNULL(1);

/* What differs and what is worth knowing, of an answer's `diff` and `notices`: a line each. */
void setting_print_diff(const json_t *answer);

/* How an object is written. Texts may be NULL. */
struct setting_how {
	const char *comment;
	const char *revision; /* that was seen; NULL: the one that is there now */
	bool check;           /* nothing is written */
	unsigned place;       /* of one that has none: in an order of its kind; 0: as it was */
};

/* Makes or changes the object that `node` is, and shows what became of it. */
enum sms_exit setting_put(struct sms *sms, const struct kind *kind, const struct conf_node *node,
                          const struct setting_how *how) SL_NONNULL(1, 2, 3, 4);
